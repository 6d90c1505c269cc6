//! `effect-once`: no event has changed one thing in one way twice.
//!
//! The audit says what each event has changed: every change is a record there, with its cause. Only what the service did
//! by itself counts: a request names its cause too, and its id is the caller's choice. And only units of work count,
//! of which each has an instant of its own: one unit may well take two steps with one thing, as a work item that is
//! opened and then becomes urgent.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::context::Context;
use crate::db::{Row, Sql, val};
use crate::seam::Failure;

/// What an event did to a thing.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Effect {
    event: Uuid,
    action: String,
    aggregate: String,
    aggregate_id: Uuid,
}

impl Effect {
    fn from_row(row: &Row) -> Result<Self, Failure> {
        Ok(Self {
            event: row.get("causation_id")?,
            action: row.get("action")?,
            aggregate: row.get("aggregate")?,
            aggregate_id: row.get("aggregate_id")?,
        })
    }
}

/// In how many units of work each effect happened.
#[derive(Default)]
struct Effects(HashMap<Effect, Units>);

/// Units of work, by their instants in µs.
struct Units {
    last: i64,
    count: usize,
}

impl Effects {
    fn add(&mut self, effect: Effect, instant: i64) {
        let none = Units {
            last: instant,
            count: 1,
        };
        let units = self.0.entry(effect).or_insert(none);
        if units.last != instant {
            units.last = instant;
            units.count += 1;
        }
    }

    /// Those that happened in several, in a fixed order.
    fn repeated(self) -> BTreeMap<Effect, usize> {
        let repeated = self.0.into_iter().filter(|(_, units)| units.count > 1);
        repeated
            .map(|(effect, units)| (effect, units.count))
            .collect()
    }
}

/// What these events have changed more than once.
pub(super) async fn repeated(cx: &Context, events: &HashSet<Uuid>) -> Result<Vec<String>, Failure> {
    let mut effects = Effects::default();
    let mut after = Uuid::nil();
    loop {
        let rows = page(cx, after).await?;
        let Some(last) = rows.last() else { break };
        after = last.get("id")?;
        for row in &rows {
            let effect = Effect::from_row(row)?;
            if events.contains(&effect.event) {
                effects.add(effect, row.get("at")?);
            }
        }
    }
    let repeated = effects.repeated().into_iter();
    Ok(repeated
        .map(|(effect, units)| told(&effect, units))
        .collect())
}

/// Audit records of what the service did because of something else. In pages: on SQLite all readers share a
/// connection.
async fn page(cx: &Context, after: Uuid) -> Result<Vec<Row>, Failure> {
    let text = "SELECT id, at, causation_id, action, aggregate, aggregate_id FROM audit \
                WHERE id > $1 AND subject = $2 AND causation_id IS NOT NULL ORDER BY id LIMIT 1000";
    let itself = cx.itself().subject.as_str();
    Ok(cx
        .db()
        .reader()
        .all(text, [val(after), val(itself)])
        .await?)
}

fn told(effect: &Effect, units: usize) -> String {
    let Effect {
        event,
        action,
        aggregate,
        aggregate_id,
    } = effect;
    format!("event {event} did {action} to {aggregate} {aggregate_id} {units} times")
}
