//! What follows from one step of a case, as data: facts, work items, changes of phase.

use jiff::Timestamp;
use minzheng_chassis::authz::Role;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::person::FactKind;
use uuid::Uuid;

use super::case::{Case, Phase};
use super::names::names;

names! {
    /// Why a published fact differs from the one before.
    pub enum Cause {
        /// The issuer of a document corrected it.
        FormalCorrection = "formal_correction",
        /// Found by quality assurance, better evidence included.
        QualityAssurance = "quality_assurance",
        /// A slip of the pen.
        Typographical = "typographical",
        /// The person is alive, or it was somebody else.
        Cancelled = "cancelled",
        /// The cancellation is itself withdrawn.
        CancellationRemoved = "cancellation_removed",
    }
}

/// The whole of what is announced about one person's death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which of the five facts.
    pub kind: FactKind,
    /// The person.
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// Episode of this person, from 1.
    pub episode: i32,
    /// 1, 2, 3, … per person, never restarting.
    pub fact_version: i64,
    /// Why it differs from the version before; none for a first announcement.
    pub cause: Option<Cause>,
    /// Date of death.
    pub died_on: PartialDate,
    /// Day of a court's declaration of death.
    pub declared_on: Option<PartialDate>,
    /// Day of the judgment that revoked the declaration.
    pub revoked_on: Option<PartialDate>,
    /// Division of the domicile (户籍地).
    pub domicile: Option<DivisionCode>,
    /// Division of the residence (居住地).
    pub residence: Option<DivisionCode>,
    /// Division of the place of death.
    pub place: Option<DivisionCode>,
}

impl Fact {
    /// What a case announces now.
    pub(super) fn of(case: &Case, kind: FactKind, cause: Option<Cause>) -> Self {
        Self {
            kind,
            person_id: case.person_id,
            case_id: case.id,
            episode: case.episode,
            fact_version: case.fact_version,
            cause,
            died_on: case.died_on,
            declared_on: case.declared_on,
            revoked_on: case.revoked_on,
            domicile: case.divisions.domicile,
            residence: case.divisions.residence,
            place: case.divisions.place,
        }
    }
}

names! {
    /// What a case waits for a person to do. One open item per kind and case.
    pub enum ItemKind {
        /// Decide whom the evidence is about, or whether a document counts.
        DecideReview = "decide-review",
        /// Find out whether the person is dead.
        VerifyDeath = "verify-death",
        /// Decide which date counts.
        DecideConflict = "decide-conflict",
        /// Approve a reversal, or turn it down.
        ApproveReversal = "approve-reversal",
        /// See to it that departments answer.
        OverdueAnswer = "overdue-answer",
    }
}

names! {
    /// How urgent a work item is.
    pub enum Urgency {
        /// Routine.
        Normal = "normal",
        /// Somebody must go and look within a day.
        Alarm = "alarm",
    }
}

names! {
    /// How a work item ended.
    pub enum ItemEnd {
        /// A person decided.
        Decided = "decided",
        /// Nothing is left to decide.
        NoLongerNeeded = "no_longer_needed",
    }
}

/// A work item as it should stand. Its subject is the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its kind.
    pub kind: ItemKind,
    /// Whose people do it: where the case stands.
    pub division: DivisionCode,
    /// Who may do it.
    pub role: Role,
    /// How urgent it is.
    pub urgency: Urgency,
    /// When it is due.
    pub due_at: Timestamp,
    /// Public holidays may come on top.
    pub due_provisional: bool,
}

names! {
    /// Why something that arrived has no effect.
    pub enum Note {
        /// It is known already.
        Duplicate = "duplicate",
        /// It answers a fact that a newer one has overtaken.
        OlderFact = "older_fact",
        /// It answers a fact that was never announced.
        UnknownFact = "unknown_fact",
        /// It answers what was never asked.
        UnknownQuestion = "unknown_question",
        /// It answers a question that a newer fact asks anew.
        QuestionSuperseded = "question_superseded",
        /// A person must act, it says, and names no work item.
        NeedsHumanWithoutWorkItem = "needs_human_without_work_item",
        /// The deadline lies ahead.
        NotYetDue = "not_yet_due",
        /// Nothing waits for it any more.
        NothingWaits = "nothing_waits",
    }
}

/// One consequence of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Announce a fact.
    Publish(Fact),
    /// The person's earlier cases need no answers any more: give each of them
    /// [`super::Input::Overtaken`], in the same transaction.
    OvertakeEarlierEpisodes {
        /// The person.
        person_id: Uuid,
        /// The fact that overtakes what earlier episodes announced.
        fact_version: i64,
    },
    /// Open a work item.
    OpenItem(Item),
    /// Change the open item of that kind: division, role, urgency or due date.
    ChangeItem(Item),
    /// Close the open item of that kind.
    CloseItem(ItemKind, ItemEnd),
    /// The case stands elsewhere; it came from nowhere when it was opened.
    PhaseChanged {
        /// Where it stood.
        from: Option<Phase>,
        /// Where it stands.
        to: Phase,
    },
    /// Something that arrived has no effect.
    Noted(Note),
}
