//! The children that one unit of work changes, until all of it is settled at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use uuid::Uuid;

use super::people::People;
use super::told::Told;
use crate::domain::{Change, Child, ChildWelfareError, Effect, KinshipSource, Moment, Share};
use crate::storage::rules::{self, InForce};

/// Where new ids come from.
pub(super) type Ids<'a> = &'a mut dyn FnMut() -> Uuid;

/// Children under change.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) folders: BTreeMap<Uuid, Folder>,
    rules: BTreeMap<DivisionCode, InForce>,
}

/// One child: as it was loaded, as it is now, and what became of it on the way.
pub(super) struct Folder {
    /// `None`: nobody followed it before.
    pub(super) before: Option<Child>,
    pub(super) child: Child,
    pub(super) effects: Vec<Effect>,
    pub(super) shares: BTreeMap<Uuid, Share>,
    /// Whether it differs from what was loaded; known once it is saved.
    pub(super) changed: bool,
}

impl Folder {
    fn new(before: Option<Child>, child: Child, change: Change) -> Self {
        Self {
            before,
            child,
            effects: change.effects,
            shares: change.shares,
            changed: false,
        }
    }

    fn take(&mut self, change: Change) {
        self.effects.extend(change.effects);
        self.shares.extend(change.shares);
    }

    /// Whether it differs from what was loaded.
    pub(super) fn differs(&self) -> bool {
        self.before.as_ref() != Some(&self.child) || !self.effects.is_empty()
    }
}

impl Desk {
    /// With these children on it.
    pub(super) fn with(children: impl IntoIterator<Item = Child>) -> Self {
        let folders = children.into_iter().map(|child| {
            let folder = Folder::new(Some(child.clone()), child, Change::default());
            (folder.child.id, folder)
        });
        Self {
            folders: folders.collect(),
            rules: BTreeMap::new(),
        }
    }

    /// A child on the desk.
    pub(super) fn child(&self, child_id: Uuid) -> Option<&Child> {
        self.folders.get(&child_id).map(|folder| &folder.child)
    }

    /// Ids of all children on the desk.
    pub(super) fn ids(&self) -> BTreeSet<Uuid> {
        self.folders.keys().copied().collect()
    }

    /// The children on the desk, and all who stand around them, stood there when they were loaded, or
    /// have a part in what became of them.
    pub(super) fn everybody(&self) -> BTreeSet<Uuid> {
        let mut all = self.ids();
        for folder in self.folders.values() {
            let before = folder.before.iter().flat_map(|it| it.relatives.keys());
            all.extend(before.chain(folder.child.relatives.keys()));
            all.extend(folder.shares.keys());
        }
        all
    }

    /// Changes one child on the desk.
    ///
    /// # Errors
    /// The refusal; the child is then as it was.
    pub(super) async fn change(
        &mut self,
        uow: &UnitOfWork,
        child_id: Uuid,
        change: impl FnOnce(&mut Child, &Moment, Ids<'_>) -> Result<Change, ChildWelfareError> + Send,
    ) -> Result<(), Failure> {
        let child = self.child(child_id);
        let child = child.ok_or_else(|| Failure::internal("the child is not on the desk"))?;
        let at = self.moment(uow, child.division).await?;
        if let Some(folder) = self.folders.get_mut(&child_id) {
            let change = change(&mut folder.child, &at, &mut || uow.new_id())?;
            folder.take(change);
        }
        Ok(())
    }

    /// Takes kinship for a child on the desk, or begins to follow one of whom there is no row.
    pub(super) async fn hear_kinship(
        &mut self,
        uow: &UnitOfWork,
        told: &Told,
        source: KinshipSource,
        people: &People,
    ) -> Result<(), Failure> {
        let kinship = &told.kinship;
        let at = self.moment(uow, kinship.division).await?;
        let kin: Vec<_> = kinship
            .kin
            .iter()
            .map(|kin| people.fact(kin.person_id))
            .collect();
        let mut ids = || uow.new_id();
        if let Some(folder) = self.folders.get_mut(&told.child_id) {
            let change = folder
                .child
                .hear_kinship(kinship, source, &kin, &at, &mut ids);
            folder.take(change);
            return Ok(());
        }
        let own = people.fact(told.child_id);
        let id = told.child_id;
        let made = Child::from_kinship(id, kinship, source, &own, &kin, &at, &mut ids);
        if let Some((child, change)) = made {
            self.folders.insert(id, Folder::new(None, child, change));
        }
        Ok(())
    }

    /// Now, with the rules of a division.
    pub(super) async fn moment(
        &mut self,
        uow: &UnitOfWork,
        division: DivisionCode,
    ) -> Result<Moment, Failure> {
        let rules = self.in_force(uow, division).await?.rules;
        Ok(Moment {
            now: uow.now(),
            rules,
        })
    }

    /// The rules of a division today, read once.
    pub(super) async fn in_force(
        &mut self,
        uow: &UnitOfWork,
        division: DivisionCode,
    ) -> Result<InForce, Failure> {
        if let Some(known) = self.rules.get(&division) {
            return Ok(*known);
        }
        let today: Date = uow.today();
        let found = rules::in_force(uow.connection(), division, today).await?;
        self.rules.insert(division, found);
        Ok(found)
    }
}
