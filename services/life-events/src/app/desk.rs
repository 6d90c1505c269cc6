//! Carrying out a step of a case: the case saved, its facts published, its work items opened and
//! closed, all in one unit of work.

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::calendar::WorkingCalendar;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, NewWorkItem};
use uuid::Uuid;

use crate::domain::death::{
    Case, Effect, Input, Item, ItemEnd, Moment, Rejection, Step, Terms, Urgency, react,
};
use crate::storage::cases::{self, Cases, StoredCase};
use crate::storage::{events, rules};

/// Takes a step now, with the periods of a division as its rules say today, should it need them.
///
/// # Errors
/// Why it is refused, NO_RULE, or the database's.
pub async fn decide(
    uow: &UnitOfWork,
    division: DivisionCode,
    take: impl Fn(&Moment<'_>) -> Result<Step, Rejection>,
) -> Result<Step, Failure> {
    let unread = Terms::unread();
    let step = take(&moment(uow, &unread))?;
    if !unread.are_missed() {
        return Ok(step);
    }
    let terms = rules::terms(uow, division).await?;
    Ok(take(&moment(uow, &terms))?)
}

fn moment<'t>(uow: &UnitOfWork, terms: &'t Terms) -> Moment<'t> {
    Moment {
        now: uow.now(),
        calendar: WorkingCalendar::shipped(),
        terms,
    }
}

/// Gives an input to a case and carries out what follows.
///
/// # Errors
/// Why the command is refused, or the database's.
pub async fn handle(
    uow: &mut UnitOfWork,
    entry: Entry,
    stored: StoredCase,
    input: &Input,
) -> Result<StoredCase, Failure> {
    let division = stored.case.divisions.standing;
    let step = decide(uow, division, |at| react(&stored.case, input, at)).await?;
    carry_out(uow, entry, Some(stored), step).await
}

/// Gives an input to a case whichever division it stands in, for timers and work items; nothing if
/// there is no such case.
///
/// # Errors
/// Why it is refused, or the database's.
pub async fn handle_if_any(
    uow: &mut UnitOfWork,
    entry: Entry,
    case_id: Uuid,
    input: &Input,
) -> Result<(), Failure> {
    let Some(stored) = Cases::within(uow).find_anywhere(case_id).await? else {
        return Ok(());
    };
    uow.know(stored.case.person_id).await?;
    handle(uow, entry, stored, input).await?;
    Ok(())
}

/// The case that a command is about, and the version of it that the caller has seen.
#[derive(Clone, Debug)]
pub struct Target {
    /// The case.
    pub case_id: Uuid,
    /// The etag.
    pub etag: String,
}

impl Target {
    /// Loads it, with the guard row of its person locked. Should somebody change it between the two,
    /// the save conflicts, and the command runs again.
    ///
    /// # Errors
    /// NOT_FOUND, ETAG_MISMATCH, or the database's.
    pub async fn load(&self, uow: &mut UnitOfWork) -> Result<StoredCase, Failure> {
        let stored = Cases::within(uow).find(uow.caller(), self.case_id).await?;
        stored.expect(&self.etag)?;
        uow.know(stored.case.person_id).await?;
        Ok(stored)
    }
}

/// What the audit record says of a step beside the case itself.
#[derive(Clone, Debug)]
pub struct Entry {
    action: &'static str,
    details: Vec<(&'static str, String)>,
}

impl Entry {
    /// A step by this name.
    pub fn of(action: &'static str) -> Self {
        Self {
            action,
            details: Vec::new(),
        }
    }

    /// Adds a detail: opaque ids, codes and checked texts only.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.details.push((name, value.to_string()));
        self
    }
}

/// Carries a step out. A step that changes nothing writes nothing.
///
/// # Errors
/// Somebody else was faster, or the database's.
pub async fn carry_out(
    uow: &mut UnitOfWork,
    entry: Entry,
    before: Option<StoredCase>,
    step: Step,
) -> Result<StoredCase, Failure> {
    let saved = carry_out_last(uow, entry, before, step).await?;
    uow.settle().await?;
    Ok(saved)
}

/// [`carry_out`] as the last thing a unit of work does: the case is saved with all else that is written at
/// its end.
///
/// # Errors
/// The database's.
pub async fn carry_out_last(
    uow: &mut UnitOfWork,
    entry: Entry,
    before: Option<StoredCase>,
    step: Step,
) -> Result<StoredCase, Failure> {
    note(&step);
    let Step { case, effects } = step;
    let before = match before {
        Some(before) if before.case == case => return Ok(before),
        other => other,
    };
    let saved = cases::save(uow, before.as_ref(), case);
    record(uow, entry, &saved.case, &effects).await?;
    Ok(saved)
}

/// Carries a step out but for saving the case, which the caller does; nothing if it changes nothing.
///
/// # Errors
/// The database's.
pub async fn carry_out_unsaved(
    uow: &mut UnitOfWork,
    entry: Entry,
    case: &mut Case,
    step: Step,
) -> Result<(), Failure> {
    note(&step);
    if step.case == *case {
        return Ok(());
    }
    *case = step.case;
    record(uow, entry, case, &step.effects).await
}

/// Carries out a step that opens a case and only announces it, but for saving the case, which the caller does;
/// nothing, and nothing done, where it also opens or closes work.
///
/// # Errors
/// The database's.
pub async fn open_unsaved(
    uow: &mut UnitOfWork,
    entry: Entry,
    step: Step,
) -> Result<Option<Case>, Failure> {
    if step.effects.iter().any(looks_at_tables) {
        return Ok(None);
    }
    note(&step);
    record(uow, entry, &step.case, &step.effects).await?;
    Ok(Some(step.case))
}

/// The audit record of a step, and what follows from it.
async fn record(
    uow: &mut UnitOfWork,
    entry: Entry,
    case: &Case,
    effects: &[Effect],
) -> Result<(), Failure> {
    audit(uow, entry, case);
    for effect in effects {
        follow(uow, case, effect).await?;
    }
    Ok(())
}

async fn follow(uow: &mut UnitOfWork, case: &Case, effect: &Effect) -> Result<(), Failure> {
    if looks_at_tables(effect) {
        uow.settle().await?;
    }
    match effect {
        Effect::Publish(fact) => events::publish(uow, fact)?,
        Effect::OvertakeEarlierEpisodes {
            person_id,
            fact_version,
        } => overtake(uow, *person_id, case.episode, *fact_version).await?,
        Effect::OpenItem(item) => {
            work::open(uow, &new_item(case, item)).await?;
        }
        Effect::ChangeItem(item) => work::change_open(uow, &new_item(case, item)).await?,
        Effect::CloseItem(kind, ItemEnd::Decided) => {
            work::complete_open(uow, kind.name(), case.id, ItemEnd::Decided.name()).await?;
        }
        Effect::CloseItem(kind, ItemEnd::NoLongerNeeded) => {
            work::cancel(uow, kind.name(), case.id).await?;
        }
        Effect::PhaseChanged { .. } | Effect::Noted(_) => {}
    }
    Ok(())
}

fn looks_at_tables(effect: &Effect) -> bool {
    match effect {
        Effect::OvertakeEarlierEpisodes { .. }
        | Effect::OpenItem(_)
        | Effect::ChangeItem(_)
        | Effect::CloseItem(..) => true,
        Effect::Publish(_) | Effect::PhaseChanged { .. } | Effect::Noted(_) => false,
    }
}

/// Earlier episodes need no answers any more.
async fn overtake(
    uow: &mut UnitOfWork,
    person_id: Uuid,
    episode: i32,
    fact_version: i64,
) -> Result<(), Failure> {
    let earlier = Cases::within(uow)
        .earlier_of_person(person_id, episode)
        .await?;
    for stored in earlier {
        let input = Input::Overtaken { fact_version };
        let entry = Entry::of("Overtake").with("by_version", fact_version);
        // An overtaken case overtakes none itself, so this goes one step deep.
        Box::pin(handle(uow, entry, stored, &input)).await?;
    }
    Ok(())
}

fn new_item(case: &Case, item: &Item) -> NewWorkItem {
    NewWorkItem {
        kind: item.kind.name(),
        subject_id: case.id,
        division: item.division,
        role: item.role,
        urgency: match item.urgency {
            Urgency::Normal => work::Urgency::Normal,
            Urgency::Alarm => work::Urgency::Alarm,
        },
        due_at: item.due_at,
        due_provisional: item.due_provisional,
    }
}

fn audit(uow: &mut UnitOfWork, entry: Entry, case: &Case) {
    let division = Some(case.divisions.standing);
    let mut record = AuditEntry::new(entry.action, "death_case", case.id, division)
        .with("phase", case.phase.name())
        .with("fact_version", case.fact_version);
    for (name, value) in entry.details {
        record = record.with(name, value);
    }
    uow.audit(record);
}

fn note(step: &Step) {
    for effect in &step.effects {
        match effect {
            Effect::Noted(note) => {
                tracing::debug!(case_id = %step.case.id, note = note.name(), "no effect");
            }
            Effect::PhaseChanged { from, to } => {
                let from = from.map_or("", |phase| phase.name());
                tracing::debug!(case_id = %step.case.id, from, to = to.name(), "phase");
            }
            Effect::Publish(_)
            | Effect::OvertakeEarlierEpisodes { .. }
            | Effect::OpenItem(_)
            | Effect::ChangeItem(_)
            | Effect::CloseItem(..) => {}
        }
    }
}
