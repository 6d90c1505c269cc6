//! Writes what happened on the desk, always in one order: children, answers, work items, audit,
//! events. Two units of work about the same family meet in the first row that both write.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_chassis::work::{self, NewWorkItem};
use uuid::Uuid;

use super::desk::{Desk, Folder};
use crate::domain::{
    AskedFact, Child, DeathAnswer, Effect, ItemKind, OpenItem, Receipt, Role, Share, Urgency,
};
use crate::storage::{answers, children, events};

/// What was done on the desk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deed {
    /// For the audit record, e.g. `AppointGuardian`.
    pub(super) action: &'static str,
    /// The fact that was heard and is to be answered, if it was one.
    pub(super) fact: Option<AskedFact>,
    /// Where its person lived.
    pub(super) division: Option<DivisionCode>,
    /// Whether a day of review has come, and the next one is to be written whatever changed.
    pub(super) reviewed: bool,
}

impl Deed {
    /// Something else than a fact.
    pub(super) fn named(action: &'static str) -> Self {
        Self {
            action,
            fact: None,
            division: None,
            reviewed: false,
        }
    }
}

impl Desk {
    /// Saves, opens and closes, publishes and answers. The children as they were saved.
    ///
    /// # Errors
    /// Conflict, if somebody else was faster with one of the rows.
    pub(super) async fn settle(
        mut self,
        uow: &mut UnitOfWork,
        deed: Deed,
    ) -> Result<Vec<Child>, Failure> {
        self.save_children(uow, deed).await?;
        let answered = self.answer(uow, deed).await?;
        self.change_items(uow).await?;
        for item_id in &answered.items {
            let questions = answers::questions_of_item(uow.connection(), *item_id).await?;
            work::set_questions(uow, *item_id, &questions).await?;
        }
        self.announce(uow, deed)?;
        for receipt in &answered.receipts {
            events::answered(uow, receipt, deed.division.or(self.division_of(receipt)))?;
        }
        let children = self.folders.into_values().map(|folder| folder.child);
        Ok(children.collect())
    }

    /// A child around whom a fact is answered is saved even where nothing changed: whoever changes
    /// it meanwhile must see the answer's row, or the answer must see the change.
    async fn save_children(&mut self, uow: &UnitOfWork, deed: Deed) -> Result<(), Failure> {
        for child_id in self.ids() {
            let Some(child) = self.child(child_id) else {
                continue;
            };
            let rules = self.in_force(uow, child.division).await?;
            let Some(folder) = self.folders.get_mut(&child_id) else {
                continue;
            };
            folder.changed = folder.differs();
            if !folder.changed && deed.fact.is_none() && !deed.reviewed {
                continue;
            }
            let (db, today) = (uow.connection(), uow.today());
            match &folder.before {
                None => children::insert(db, &folder.child, &rules, today).await?,
                Some(before) => {
                    children::update(db, before, &folder.child, &rules, today).await?;
                }
            }
            folder.child.version += 1;
        }
        Ok(())
    }

    /// Looks at the answers on the deaths of everybody of whom a child's part has changed.
    async fn answer(&self, uow: &mut UnitOfWork, deed: Deed) -> Result<Answered, Failure> {
        let mut persons = self.ids();
        persons.extend(
            self.folders
                .values()
                .flat_map(|it| it.shares.keys().copied()),
        );
        persons.extend(deed.fact.map(|fact| fact.person_id));
        let mut rows = answers::of_persons(uow.connection(), &persons).await?;
        let mut answered = Answered::default();
        for person_id in persons {
            let row = rows.remove(&person_id);
            let named_before = row.as_ref().and_then(DeathAnswer::named_item);
            let (row, changed, receipt) = match deed.fact.filter(|it| it.person_id == person_id) {
                Some(fact) => {
                    let (row, receipt) = self.hear(row, fact);
                    (row, true, receipt)
                }
                None => {
                    let Some(mut row) = row else { continue };
                    let changed = self.take_parts(&mut row);
                    let receipt = row.refresh();
                    (row, changed, receipt)
                }
            };
            if !changed && receipt.is_none() {
                continue;
            }
            answers::save(uow, &[&row])?;
            answered.items.extend(named_before);
            answered.items.extend(row.named_item());
            answered.receipts.extend(receipt);
        }
        uow.settle().await?;
        Ok(answered)
    }

    fn hear(&self, row: Option<DeathAnswer>, fact: AskedFact) -> (DeathAnswer, Option<Receipt>) {
        let person_id = fact.person_id;
        let shares: BTreeMap<Uuid, Share> = self
            .folders
            .iter()
            .filter_map(|(id, folder)| Some((*id, *folder.child.shares().get(&person_id)?)))
            .collect();
        let tracked = self.child(person_id).is_some_and(Child::is_tracked);
        DeathAnswer::hear(row, fact, tracked, shares)
    }

    fn take_parts(&self, row: &mut DeathAnswer) -> bool {
        let person_id = row.fact.person_id;
        let mut changed = false;
        for (child_id, folder) in &self.folders {
            if let Some(share) = folder.shares.get(&person_id) {
                changed |= row.set_share(*child_id, *share);
            }
        }
        if let Some(child) = self.child(person_id) {
            changed |= row.set_tracked(child.is_tracked());
        }
        changed
    }

    async fn change_items(&self, uow: &mut UnitOfWork) -> Result<(), Failure> {
        for Folder { child, effects, .. } in self.folders.values() {
            for effect in effects {
                match effect {
                    Effect::StandingChanged => {}
                    Effect::ItemOpened(kind, item) | Effect::ItemChanged(kind, item) => {
                        work::open_as(uow, item.id, &new_item(child.id, *kind, item)).await?;
                    }
                    Effect::ItemCancelled(kind, _) => {
                        work::cancel(uow, kind.code(), child.id).await?;
                    }
                    // Where it was completed as a work item, it is closed already.
                    Effect::ItemCompleted(kind, _, outcome) => {
                        work::complete_open(uow, kind.code(), child.id, outcome).await?;
                    }
                }
            }
        }
        Ok(())
    }

    fn announce(&self, uow: &mut UnitOfWork, deed: Deed) -> Result<(), Failure> {
        for folder in self.folders.values().filter(|folder| folder.changed) {
            let child = &folder.child;
            let audit = AuditEntry::new(deed.action, "child", child.id, Some(child.division));
            uow.audit(audit.with("situation", child.standing.situation.code()));
            if folder.effects.contains(&Effect::StandingChanged) {
                events::standing_changed(uow, child)?;
            }
        }
        Ok(())
    }

    fn division_of(&self, receipt: &Receipt) -> Option<DivisionCode> {
        let around = self
            .folders
            .values()
            .find(|folder| folder.shares.contains_key(&receipt.person_id));
        let own = self.folders.get(&receipt.person_id);
        around.or(own).map(|folder| folder.child.division)
    }
}

/// What the answers came to.
#[derive(Default)]
struct Answered {
    receipts: Vec<Receipt>,
    /// Items that answers name, or named until now.
    items: BTreeSet<Uuid>,
}

fn new_item(child_id: Uuid, kind: ItemKind, item: &OpenItem) -> NewWorkItem {
    NewWorkItem {
        kind: kind.code(),
        subject_id: child_id,
        division: item.division,
        role: match kind.role() {
            Role::TownshipWorker => authz::Role::TownshipWorker,
            Role::CountyClerk => authz::Role::CountyClerk,
        },
        urgency: match item.urgency {
            Urgency::Normal => work::Urgency::Normal,
            Urgency::Alarm => work::Urgency::Alarm,
            Urgency::Urgent => work::Urgency::Urgent,
        },
        due_at: item.due_at,
        due_provisional: false,
    }
}
