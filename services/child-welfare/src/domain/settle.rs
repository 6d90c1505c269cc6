//! Brings standing and work items in line with what is known.

use uuid::Uuid;

use super::{Child, Effect, ItemKind, Moment, OpenItem, Since, Urgency};

impl Child {
    /// Derives the standing and says what must be published, opened, changed or closed for it.
    pub(super) fn settle(&mut self, at: &Moment, ids: &mut dyn FnMut() -> Uuid) -> Vec<Effect> {
        let mut effects = Vec::new();
        let standing = self.derive(at.today(), &at.rules);
        if standing != self.standing {
            self.standing = standing;
            effects.push(Effect::StandingChanged);
        }
        let visit = Wanted {
            kind: ItemKind::ChildVisit,
            urgency: self.wanted_visit(at),
            due_at: at.visit_due(),
        };
        let month = Wanted {
            kind: ItemKind::DetermineMonth,
            urgency: self.wanted_month(),
            due_at: at.month_due(),
        };
        let (visit, visit_effect) = self.settle_item(self.visit, &visit, at, ids);
        let (month, month_effect) = self.settle_item(self.month_item, &month, at, ids);
        self.visit = visit;
        self.month_item = month;
        effects.extend(visit_effect);
        effects.extend(month_effect);
        effects
    }

    fn wanted_visit(&self, at: &Moment) -> Option<Urgency> {
        let level = self.level(&self.standing, at.today());
        if !level.is_alarming() || self.is_visited(level, at.today(), &at.rules) {
            return None;
        }
        Some(if level.nobody {
            Urgency::Urgent
        } else {
            Urgency::Alarm
        })
    }

    fn wanted_month(&self) -> Option<Urgency> {
        let needed =
            self.standing.situation.is_unsupported() && self.standing.since == Since::Unknown;
        needed.then_some(Urgency::Normal)
    }

    fn settle_item(
        &self,
        open: Option<OpenItem>,
        wanted: &Wanted,
        at: &Moment,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> (Option<OpenItem>, Option<Effect>) {
        match (open, wanted.urgency) {
            (None, None) => (None, None),
            (Some(item), None) => (None, Some(Effect::ItemCancelled(wanted.kind, item.id))),
            (None, Some(urgency)) => {
                let item = OpenItem {
                    id: ids(),
                    urgency,
                    division: self.division,
                    opened_at: at.now,
                    due_at: wanted.due_at,
                };
                (Some(item), Some(Effect::ItemOpened(wanted.kind, item)))
            }
            // The same item, more or less urgent; it stays due when it was.
            (Some(item), Some(urgency)) => {
                let changed = OpenItem {
                    urgency,
                    division: self.division,
                    ..item
                };
                let effect = (changed != item).then_some(Effect::ItemChanged(wanted.kind, changed));
                (Some(changed), effect)
            }
        }
    }
}

/// An item as it should be.
struct Wanted {
    kind: ItemKind,
    /// `None`: not needed.
    urgency: Option<Urgency>,
    due_at: jiff::Timestamp,
}
