//! One step of a case: the working copy that a transition changes, and what follows from it.

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::person::FactKind;

use super::case::{Case, Pending, Phase};
use super::dating;
use super::effect::{Cause, Effect, Fact, ItemKind, Note};
use super::input::{Begins, Moment, Opening};
use super::items::{difference, items};
use super::plan::PLAN;
use super::question::{Question, QuestionState};

/// The case after a step, and what follows. Where a new episode was opened, it is another case
/// than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The case as it stands now; equal to the one before where nothing happened.
    pub case: Case,
    /// What follows, all of it in the transaction that saves the case.
    pub effects: Vec<Effect>,
}

impl Step {
    /// The fact that the step announces, if one: never more.
    pub fn fact(&self) -> Option<&Fact> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Publish(fact) => Some(fact),
            Effect::OvertakeEarlierEpisodes { .. }
            | Effect::OpenItem(_)
            | Effect::ChangeItem(_)
            | Effect::CloseItem(..)
            | Effect::PhaseChanged { .. }
            | Effect::Noted(_) => None,
        })
    }
}

/// The working copy of a step.
pub(super) struct Turn<'a> {
    /// The case as changed so far.
    pub(super) case: Case,
    /// When.
    pub(super) at: &'a Moment<'a>,
    before: Option<&'a Case>,
    published: Option<Fact>,
    notes: Vec<Note>,
}

impl<'a> Turn<'a> {
    /// A step of a case that exists.
    pub(super) fn on(case: &'a Case, at: &'a Moment<'a>) -> Self {
        Self {
            case: case.clone(),
            at,
            before: Some(case),
            published: None,
            notes: Vec::new(),
        }
    }

    /// A step that opens a person's first case.
    pub(super) fn first(opening: &Opening, at: &'a Moment<'a>) -> Self {
        Self {
            case: opened(opening, at),
            at,
            before: None,
            published: None,
            notes: Vec::new(),
        }
    }

    /// From here on the step is about the person's next episode.
    pub(super) fn begin_next_episode(&mut self, opening: &Opening) {
        let next = Case {
            episode: self.case.episode + 1,
            fact_version: self.case.fact_version,
            reversed_on: self.case.reversed_on,
            ..opened(opening, self.at)
        };
        self.case = next;
        self.before = None;
    }

    /// Announces the case as it stands, and asks every department of the plan.
    pub(super) fn publish(&mut self, kind: FactKind, cause: Option<Cause>) {
        self.supersede_questions();
        self.case.fact_version += 1;
        self.ask(kind);
        self.published = Some(Fact::of(&self.case, kind, cause));
    }

    /// Nobody need answer what was asked so far.
    pub(super) fn supersede_questions(&mut self) {
        self.case.questions.iter_mut().for_each(Question::supersede);
    }

    /// Something that arrived has no effect.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    /// The step is done: what follows from it?
    pub(super) fn end(mut self, decided: Option<ItemKind>) -> Step {
        self.keep_pending();
        self.case.phase = settled(&self.case);
        if self.before.is_some_and(|before| *before != self.case) {
            self.case.changed_at = self.at.now;
        }
        let effects = self.effects(decided);
        Step {
            case: self.case,
            effects,
        }
    }

    fn ask(&mut self, kind: FactKind) {
        for (step, action) in self.case.plan.asks(kind) {
            let due = self.at.after_working_days(step.answer_within.0);
            self.case.questions.push(Question {
                fact_version: self.case.fact_version,
                action,
                state: QuestionState::Open,
                asked_at: self.at.now,
                due_at: due.over_at(),
                due_provisional: due.provisional,
                escalated: false,
                answer: None,
            });
        }
    }

    /// What is beside the phase stays exactly as long as there is a reason for it.
    fn keep_pending(&mut self) {
        let case = &self.case;
        let open = case.phase.takes_evidence();
        let doubt = open && case.doubt().is_some();
        let conflict = open
            && case.phase != Phase::InReview
            && dating::contradicts(&case.evidence, case.ruled_on);
        self.case.review = self.kept(self.case.review, doubt);
        self.case.conflict = self.kept(self.case.conflict, conflict);
        self.case
            .verification
            .take_if(|_| !self.case.phase.is_verifying());
        self.case
            .pending_reversal
            .take_if(|_| !self.case.phase.is_confirmed());
    }

    fn kept(&self, pending: Option<Pending>, needed: bool) -> Option<Pending> {
        needed.then(|| pending.unwrap_or_else(|| self.at.pending(Begins::Decision)))
    }

    fn effects(&self, decided: Option<ItemKind>) -> Vec<Effect> {
        let from = self.before.map(|before| before.phase);
        let to = self.case.phase;
        let items_before = self.before.map(items).unwrap_or_default();
        let noted = self.notes.iter().map(|note| Effect::Noted(*note));
        let moved = (from != Some(to)).then_some(Effect::PhaseChanged { from, to });
        noted
            .chain(self.published.clone().map(Effect::Publish))
            .chain(self.overtaken())
            .chain(difference(&items_before, &items(&self.case), decided))
            .chain(moved)
            .collect()
    }

    /// A fact overtakes what earlier episodes of the person announced.
    fn overtaken(&self) -> Option<Effect> {
        let fact = self.published.as_ref().filter(|fact| fact.episode > 1)?;
        let (person_id, fact_version) = (fact.person_id, fact.fact_version);
        Some(Effect::OvertakeEarlierEpisodes {
            person_id,
            fact_version,
        })
    }
}

/// A case with nothing in it yet.
fn opened(opening: &Opening, at: &Moment<'_>) -> Case {
    Case {
        id: opening.case_id,
        person_id: opening.person_id,
        episode: 1,
        phase: Phase::InReview,
        plan: &PLAN,
        fact_version: 0,
        died_on: PartialDate::UNKNOWN,
        declared_on: None,
        revoked_on: None,
        ruled_on: None,
        corrections: Vec::new(),
        reversed_on: None,
        divisions: opening.divisions,
        evidence: Vec::new(),
        questions: Vec::new(),
        review: None,
        verification: None,
        conflict: None,
        pending_reversal: None,
        told_until: None,
        merged_into: None,
        opened_at: at.now,
        changed_at: at.now,
    }
}

/// Where the answers put a case. `needs_human` is an answer, to a reversal too: what a person
/// still has to undo is that department's work item, and no longer a question.
fn settled(case: &Case) -> Phase {
    match case.phase {
        Phase::Notifying | Phase::Settled | Phase::Finished => settled_confirmed(case),
        Phase::Reversing if case.all_answered() => Phase::Reversed,
        Phase::InReview
        | Phase::Reported
        | Phase::Suspected
        | Phase::Reversing
        | Phase::Reversed
        | Phase::Rejected
        | Phase::MergedInto => case.phase,
    }
}

fn settled_confirmed(case: &Case) -> Phase {
    if !case.all_answered() {
        return Phase::Notifying;
    }
    if case.needs_human() || !items(case).is_empty() {
        return Phase::Settled;
    }
    Phase::Finished
}
