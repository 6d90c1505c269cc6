//! A case as commands show it.

use minzheng_chassis::division::{DivisionCode, Divisions};
use minzheng_proto::life_events::v1 as pb;
use serde::Serialize;

use super::dates::{self, Instant};
use super::words;
use crate::output::table;

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseView {
    /// Opaque id.
    pub case_id: String,
    /// The person.
    pub person_id: String,
    /// 1, 2, … per person.
    pub episode: i32,
    /// Where it stands.
    pub phase: String,
    #[serde(skip)]
    phase_on_wire: pb::Phase,
    /// Latest fact version announced; 0 if none.
    pub fact_version: i64,
    /// Date of death as it stands.
    pub died_on: Option<String>,
    /// Day of a court's declaration.
    pub declared_on: Option<String>,
    /// Division, 12 digits.
    pub division: String,
    /// Its name.
    pub division_name: Option<String>,
    /// Evidence contradicts itself.
    pub conflict: bool,
    /// Why it is held; empty if it is not.
    pub hold: String,
    /// The surviving case, where it was merged; else empty.
    pub merged_into: String,
    /// When it was opened.
    pub opened_at: Option<Instant>,
    /// When it changed last.
    pub changed_at: Option<Instant>,
    /// Evidence, oldest first; left out of lists.
    pub evidence: Vec<EvidenceView>,
    /// Questions; left out of lists.
    pub questions: Vec<QuestionView>,
    /// What it waits for.
    pub waiting: Vec<WaitingView>,
    /// Corrections of the date, oldest first; left out of lists.
    pub corrections: Vec<CorrectionView>,
    /// The reversal that waits for another official.
    pub pending_reversal: Option<ReversalView>,
    /// For the next change.
    pub etag: String,
}

/// One report.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceView {
    /// Opaque id.
    pub evidence_id: String,
    /// Kind of source.
    pub source: String,
    /// 1 (strongest) to 6.
    pub rank: i32,
    /// Who reported.
    pub source_organisation: String,
    /// Its reference.
    pub reference: String,
    /// Version of the document.
    pub revision: i32,
    /// The date it states.
    pub died_on: Option<String>,
    /// When it came.
    pub received_at: Option<Instant>,
    /// A newer revision stands in its place.
    pub superseded: bool,
    /// What it counts for.
    pub standing: String,
    #[serde(skip)]
    standing_on_wire: pb::EvidenceStanding,
}

/// What one fact asks of a department.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuestionView {
    /// The department.
    pub department: String,
    /// Code of the action.
    pub action: String,
    /// Fact version that asks.
    pub fact_version: i64,
    /// Open, answered, needs_human, superseded.
    pub state: String,
    /// The answer, if one.
    pub outcome: Option<String>,
    /// Its stable reason.
    pub reason: String,
    /// The article that it names.
    pub legal_basis: String,
    /// Who could undo it.
    pub undo: Option<String>,
    /// The department's work item, if a person must act; else empty.
    pub work_item_id: String,
    /// When it was asked.
    pub asked_at: Option<Instant>,
    /// When the answer is due.
    pub due_at: Option<Instant>,
    /// Public holidays may come on top: the calendar is not published.
    pub due_provisional: bool,
    /// When it was answered last.
    pub answered_at: Option<Instant>,
}

/// What a case waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WaitingView {
    /// On whom.
    pub on: String,
    /// For what.
    pub what: String,
    /// Since when.
    pub since: Option<Instant>,
    /// Until when.
    pub due_at: Option<Instant>,
    /// Public holidays may come on top: the calendar is not published.
    pub due_provisional: bool,
    /// What to do.
    pub advice: String,
}

/// That a person corrected the date.
#[derive(Clone, Debug, Serialize)]
pub struct CorrectionView {
    /// When.
    pub corrected_at: Option<Instant>,
    /// Who.
    pub corrected_by: String,
    /// Why the date was wrong.
    pub cause: String,
    /// The document that says so.
    pub reason: String,
    /// The date before.
    pub died_on_before: Option<String>,
    /// The date from then on.
    pub died_on: Option<String>,
    /// The fact version that announced it.
    pub fact_version: i64,
}

/// A reversal that waits.
#[derive(Clone, Debug, Serialize)]
pub struct ReversalView {
    /// Opaque id.
    pub reversal_id: String,
    /// Who prepared it.
    pub prepared_by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub prepared_at: Option<Instant>,
    /// Day of the revoking judgment, for a declared death.
    pub revoked_on: Option<String>,
}

impl CaseView {
    /// Of a case on the wire.
    pub fn of(case: &pb::DeathCase) -> Self {
        let phase = case.phase();
        Self {
            case_id: case.id.clone(),
            person_id: case.person_id.clone(),
            episode: case.episode,
            phase: words::phase(phase),
            phase_on_wire: phase,
            fact_version: case.fact_version,
            died_on: dates::date(case.died_on.as_ref()),
            declared_on: dates::date(case.declared_on.as_ref()),
            division: case.division.clone(),
            division_name: division_name(&case.division),
            conflict: case.conflict,
            hold: case.hold.clone(),
            merged_into: case.merged_into.clone(),
            opened_at: Instant::from_wire(case.opened_at.as_ref()),
            changed_at: Instant::from_wire(case.changed_at.as_ref()),
            evidence: case.evidence.iter().map(EvidenceView::of).collect(),
            questions: case.questions.iter().map(QuestionView::of).collect(),
            waiting: case.waiting.iter().map(WaitingView::of).collect(),
            corrections: case.corrections.iter().map(CorrectionView::of).collect(),
            pending_reversal: case.pending_reversal.as_ref().map(ReversalView::of),
            etag: case.etag.clone(),
        }
    }

    /// The phase as the contracts name it.
    pub fn phase_on_wire(&self) -> pb::Phase {
        self.phase_on_wire
    }

    /// The questions of the latest fact.
    pub fn latest_questions(&self) -> impl Iterator<Item = &QuestionView> {
        self.questions
            .iter()
            .filter(|question| question.fact_version == self.fact_version)
    }
}

impl EvidenceView {
    fn of(evidence: &pb::Evidence) -> Self {
        Self {
            evidence_id: evidence.id.clone(),
            source: words::source(evidence.source()),
            rank: evidence.rank,
            source_organisation: evidence.source_organisation.clone(),
            reference: evidence.reference.clone(),
            revision: evidence.revision,
            died_on: dates::date(evidence.died_on.as_ref()),
            received_at: Instant::from_wire(evidence.received_at.as_ref()),
            superseded: evidence.superseded,
            standing: words::standing(evidence.standing()),
            standing_on_wire: evidence.standing(),
        }
    }
}

impl QuestionView {
    fn of(question: &pb::Question) -> Self {
        Self {
            department: question.department.clone(),
            action: question.action.clone(),
            fact_version: question.fact_version,
            state: words::question(question.state()),
            outcome: words::outcome(question.outcome()),
            reason: question.reason.clone(),
            legal_basis: question.legal_basis.clone(),
            undo: words::undo(question.undo()),
            work_item_id: question.work_item_id.clone(),
            asked_at: Instant::from_wire(question.asked_at.as_ref()),
            due_at: Instant::from_wire(question.due_at.as_ref()),
            due_provisional: question.due_provisional,
            answered_at: Instant::from_wire(question.answered_at.as_ref()),
        }
    }

    /// The answer, or how it stands without one.
    pub fn answer(&self) -> &str {
        self.outcome.as_deref().unwrap_or(&self.state)
    }
}

impl WaitingView {
    fn of(waiting: &pb::Waiting) -> Self {
        Self {
            on: waiting.on.clone(),
            what: waiting.what.clone(),
            since: Instant::from_wire(waiting.since.as_ref()),
            due_at: Instant::from_wire(waiting.due_at.as_ref()),
            due_provisional: waiting.due_provisional,
            advice: waiting.advice.clone(),
        }
    }
}

impl CorrectionView {
    fn of(correction: &pb::Correction) -> Self {
        Self {
            corrected_at: Instant::from_wire(correction.corrected_at.as_ref()),
            corrected_by: correction.corrected_by.clone(),
            cause: words::word(correction.cause().as_str_name(), "CAUSE_"),
            reason: correction.reason.clone(),
            died_on_before: dates::date(correction.died_on_before.as_ref()),
            died_on: dates::date(correction.died_on.as_ref()),
            fact_version: correction.fact_version,
        }
    }
}

impl ReversalView {
    fn of(pending: &pb::PendingReversal) -> Self {
        Self {
            reversal_id: pending.id.clone(),
            prepared_by: pending.prepared_by.clone(),
            reason: pending.reason.clone(),
            prepared_at: Instant::from_wire(pending.prepared_at.as_ref()),
            revoked_on: dates::date(pending.revoked_on.as_ref()),
        }
    }
}

fn division_name(code: &str) -> Option<String> {
    let code: DivisionCode = code.parse().ok()?;
    Divisions::guizhou().full_name(code)
}

/// The whole case for people.
pub fn lines(case: &CaseView) -> Vec<String> {
    let mut lines = head(case);
    section(&mut lines, "Evidence 死亡信息来源", evidence(case));
    section(&mut lines, "Corrections 更正", corrections(case));
    section(&mut lines, "Questions 询办", questions(case));
    section(&mut lines, "Waiting for 等待", waiting(case));
    lines
}

fn section(lines: &mut Vec<String>, title: &str, rows: Vec<String>) {
    if rows.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(title.to_owned());
    lines.extend(rows.into_iter().map(|row| format!("  {row}")));
}

fn head(case: &CaseView) -> Vec<String> {
    let mut lines = vec![
        format!("Case      {}", case.case_id),
        format!(
            "Phase     {} {}",
            case.phase,
            words::phase_chinese(case.phase_on_wire)
        ),
        format!("Person    {} (episode {})", case.person_id, case.episode),
        format!("Died      {}", case.died_on.as_deref().unwrap_or("unknown")),
        format!(
            "Division  {} {}",
            case.division,
            case.division_name.as_deref().unwrap_or_default()
        )
        .trim_end()
        .to_owned(),
        format!("Fact      version {}", case.fact_version),
        format!("Opened    {}", dates::local(case.opened_at)),
        format!("Changed   {}", dates::local(case.changed_at)),
    ];
    if let Some(declared_on) = &case.declared_on {
        lines.push(format!("Declared  {declared_on}"));
    }
    if case.conflict {
        lines.push(
            "Conflict  evidence contradicts itself: `minzheng case decide --evidence`".to_owned(),
        );
    }
    if !case.hold.is_empty() {
        lines.push(format!("Held      {}", case.hold));
    }
    if !case.merged_into.is_empty() {
        lines.push(format!("Merged    into {}", case.merged_into));
    }
    if let Some(reversal) = &case.pending_reversal {
        let at = dates::local(reversal.prepared_at);
        lines.push(format!(
            "Reversal  prepared by {} at {at}: {}",
            reversal.prepared_by, reversal.reason
        ));
    }
    lines
}

fn evidence(case: &CaseView) -> Vec<String> {
    if case.evidence.is_empty() {
        return Vec::new();
    }
    let row = |one: &EvidenceView| {
        vec![
            one.evidence_id.clone(),
            one.source.clone(),
            one.rank.to_string(),
            one.died_on.clone().unwrap_or_else(|| "unknown".to_owned()),
            format!("{} {}", one.source_organisation, one.reference),
            dates::local(one.received_at),
            format!(
                "{} {}",
                one.standing,
                words::standing_chinese(one.standing_on_wire)
            ),
        ]
    };
    let rows: Vec<Vec<String>> = case.evidence.iter().map(row).collect();
    table(
        &[
            "EVIDENCE", "SOURCE", "RANK", "DIED", "FROM", "RECEIVED", "STANDING",
        ],
        &rows,
    )
}

fn corrections(case: &CaseView) -> Vec<String> {
    if case.corrections.is_empty() {
        return Vec::new();
    }
    let date = |date: &Option<String>| date.clone().unwrap_or_else(|| "unknown".to_owned());
    let row = |one: &CorrectionView| {
        vec![
            dates::local(one.corrected_at),
            one.corrected_by.clone(),
            date(&one.died_on_before),
            date(&one.died_on),
            format!("v{}", one.fact_version),
            one.cause.clone(),
            one.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = case.corrections.iter().map(row).collect();
    table(
        &["AT", "BY", "FROM", "TO", "FACT", "CAUSE", "REASON"],
        &rows,
    )
}

/// By department; those of the latest fact first within each.
fn questions(case: &CaseView) -> Vec<String> {
    if case.questions.is_empty() {
        return Vec::new();
    }
    let mut sorted: Vec<&QuestionView> = case.questions.iter().collect();
    sorted.sort_by(|a, b| {
        let key = |one: &QuestionView| {
            (
                one.department.clone(),
                -one.fact_version,
                one.action.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    let row = |one: &&QuestionView| {
        vec![
            words::department(&one.department),
            one.action.clone(),
            format!("v{}", one.fact_version),
            format!("{} {}", one.answer(), one.reason)
                .trim_end()
                .to_owned(),
            dates::local(one.answered_at),
            due(one.due_at, one.due_provisional),
        ]
    };
    let rows: Vec<Vec<String>> = sorted.iter().map(row).collect();
    table(
        &["DEPARTMENT", "ACTION", "FACT", "ANSWER", "ANSWERED", "DUE"],
        &rows,
    )
}

/// A due date, and whether public holidays may still move it.
fn due(at: Option<Instant>, provisional: bool) -> String {
    let at = dates::local(at);
    if provisional {
        format!("{at} (provisional 暂定)")
    } else {
        at
    }
}

fn waiting(case: &CaseView) -> Vec<String> {
    if case.waiting.is_empty() {
        return Vec::new();
    }
    let row = |one: &WaitingView| {
        vec![
            words::department(&one.on),
            one.what.clone(),
            dates::local(one.since),
            due(one.due_at, one.due_provisional),
            one.advice.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = case.waiting.iter().map(row).collect();
    table(&["ON", "FOR", "SINCE", "DUE", "WHAT TO DO"], &rows)
}

#[cfg(test)]
mod tests;
