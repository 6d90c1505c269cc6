//! Load → decide → save: what every command and reaction of this service does between knowing the
//! persons and answering.

use std::collections::BTreeMap;

use jiff::Timestamp;
use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Role;
use minzheng_chassis::civil::{from_micros, micros};
use minzheng_chassis::context::new_id;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, NewWorkItem, Urgency};
use uuid::Uuid;

use crate::domain::{CareError, Decision, Desk, WorkEffect, WorkKind};
use crate::storage::events;
use crate::storage::load::{Loaded, Named, load};
use crate::storage::rules::due;
use crate::storage::save::save;

/// Open work items by kind and subject.
pub(super) type Items = BTreeMap<(WorkKind, Uuid), Uuid>;

/// What is on the desk: the rows that one decision is made upon.
pub(super) struct Papers {
    loaded: Loaded,
    now: Timestamp,
}

/// What became of a decision.
pub(super) struct Decided<T> {
    /// What the desk answered.
    pub(super) outcome: T,
    /// The work items that it opened, or found open.
    pub(super) items: Items,
}

impl Papers {
    /// Loads what is named, under the locks of its facilities.
    ///
    /// # Errors
    /// The database's; NO_RULE.
    pub(super) async fn take(uow: &UnitOfWork, named: &Named) -> Result<Self, Failure> {
        let now = as_kept(uow)?;
        let loaded = load(uow, named, now).await?;
        Ok(Self { loaded, now })
    }

    /// What [`Papers::take`] loads where nothing is known of those who are named.
    ///
    /// # Errors
    /// The instant is out of range: our own fault.
    pub(super) fn blank(uow: &UnitOfWork) -> Result<Self, Failure> {
        Ok(Self {
            loaded: Loaded::default(),
            now: as_kept(uow)?,
        })
    }

    /// # Errors
    /// The etag is not that of the row.
    pub(super) fn expect_etag(&self, id: Uuid, etag: &str) -> Result<(), Failure> {
        self.loaded.expect_etag(id, etag)
    }

    /// The division of the only facility, or of one of them.
    pub(super) fn division(&self) -> Option<DivisionCode> {
        let site = self.loaded.view.sites.values().next()?;
        Some(site.facility.division)
    }

    /// Decides, saves, audits, publishes, opens and closes work items.
    ///
    /// # Errors
    /// What the domain refuses; Conflict; the database's.
    pub(super) async fn decide<T>(
        &self,
        uow: &mut UnitOfWork,
        action: &'static str,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, CareError>,
    ) -> Result<Decided<T>, Failure> {
        let (outcome, decision) = self.at_desk(decide)?;
        save(uow, &self.loaded, &decision, self.now).await?;
        self.audit(uow, action, &decision)?;
        for change in &decision.bed_changes {
            events::bed_changed(uow, change)?;
        }
        let items = change_items(uow, &decision.work).await?;
        Ok(Decided { outcome, items })
    }

    fn at_desk<T>(
        &self,
        decide: impl FnOnce(&mut Desk<'_>) -> Result<T, CareError>,
    ) -> Result<(T, Decision), CareError> {
        let now = self.now;
        let mut ids = || new_id(now);
        let mut desk = Desk::open(self.loaded.view.clone(), now, &mut ids);
        let outcome = decide(&mut desk)?;
        Ok((outcome, desk.close()))
    }

    /// One record per changed aggregate.
    fn audit(
        &self,
        uow: &mut UnitOfWork,
        action: &'static str,
        decision: &Decision,
    ) -> Result<(), Failure> {
        let beds = decision.beds.all();
        let beds = beds.map(|it| ("bed", it.id, it.facility_id, it.state.name()));
        let stays = decision.stays.all();
        let stays = stays.map(|it| ("stay", it.id, it.facility_id, it.state.name()));
        let entries = decision.entries.all();
        let entries = entries.map(|it| ("waiting_entry", it.id, it.facility_id, it.state.name()));
        let offers = decision.offers.all();
        let offers = offers.map(|it| ("offer", it.id, it.facility_id, it.state.name()));
        for (aggregate, id, facility_id, state) in beds.chain(stays).chain(entries).chain(offers) {
            let division = self.loaded.division(facility_id)?;
            let entry = AuditEntry::new(action, aggregate, id, Some(division));
            uow.audit(entry.with("state", state));
        }
        Ok(())
    }
}

/// Now as the tables keep it, so that what is decided now and what is read later agree.
fn as_kept(uow: &UnitOfWork) -> Result<Timestamp, Failure> {
    from_micros(micros(uow.now())).map_err(Failure::internal)
}

async fn change_items(uow: &mut UnitOfWork, effects: &[WorkEffect]) -> Result<Items, Failure> {
    let mut items = Items::new();
    for effect in effects {
        match *effect {
            WorkEffect::Open {
                kind,
                subject_id,
                division,
            } => {
                let id = open(uow, kind, subject_id, division).await?;
                items.insert((kind, subject_id), id);
            }
            WorkEffect::Done { kind, subject_id } => done(uow, kind, subject_id).await?,
            WorkEffect::Cancel { kind, subject_id } => {
                work::cancel(uow, kind.name(), subject_id).await?;
            }
        }
    }
    Ok(items)
}

async fn open(
    uow: &mut UnitOfWork,
    kind: WorkKind,
    subject_id: Uuid,
    division: DivisionCode,
) -> Result<Uuid, Failure> {
    let due = due(uow.connection(), kind, division, uow.now()).await?;
    let item = NewWorkItem {
        kind: kind.name(),
        subject_id,
        division,
        role: role(kind),
        urgency: Urgency::Normal,
        due_at: due.over_at(),
        due_provisional: due.provisional,
    };
    work::open(uow, &item).await
}

fn role(kind: WorkKind) -> Role {
    match kind {
        WorkKind::SettleStay | WorkKind::MergeConflict => Role::CountyClerk,
    }
}

/// What an item asked for was done by another RPC: its questions are answered as if it had been
/// closed.
async fn done(uow: &mut UnitOfWork, kind: WorkKind, subject_id: Uuid) -> Result<(), Failure> {
    let [outcome, ..] = kind.outcomes() else {
        return Err(Failure::internal("a kind of work without an outcome"));
    };
    let Some(id) = work::complete_open(uow, kind.name(), subject_id, outcome).await? else {
        return Ok(());
    };
    for question in work::questions(uow.connection(), id).await? {
        work::answer_done(uow, &question, None)?;
    }
    Ok(())
}
