//! Whether a person lives: what the facts of `life-events` make of it, and how residents answers
//! (row 23 of the death plan).
//!
//! A fact is complete, so the status after it depends on that fact alone, never on what was there
//! before; the newest version wins whatever the order of arrival.

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::person::{Fact, FactKind, KnownPerson, LifeStatus};
use minzheng_proto::death_plan;
use uuid::Uuid;

/// Which fact a status rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// The death case.
    pub case_id: Uuid,
    /// Version of the fact.
    pub fact_version: i64,
}

/// A person's life status, and the fact it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Status.
    pub status: LifeStatus,
    /// Date of death; [`PartialDate::UNKNOWN`] while alive.
    pub died_on: PartialDate,
    /// The fact applied last; none if there never was one.
    pub since: Option<Since>,
}

impl Life {
    /// Somebody of whom no fact was ever told.
    pub const ALIVE: Life = Life {
        status: LifeStatus::Alive,
        died_on: PartialDate::UNKNOWN,
        since: None,
    };

    /// Whether letters, messages and calls may go out by themselves: nobody phones the dead, nor
    /// the family of somebody who may be dead.
    pub fn automated_contact(&self) -> bool {
        match self.status {
            LifeStatus::Alive => true,
            LifeStatus::Suspected | LifeStatus::Dead => false,
        }
    }

    /// Version of the fact applied last; 0 if there never was one.
    pub fn fact_version(&self) -> i64 {
        self.since.map_or(0, |since| since.fact_version)
    }

    /// The life status after a fact; `None` when a newer one was applied already.
    #[must_use]
    pub fn after(&self, fact: &Fact) -> Option<Life> {
        if fact.fact_version < self.fact_version() {
            return None;
        }
        let since = Some(Since {
            case_id: fact.case_id,
            fact_version: fact.fact_version,
        });
        Some(Life {
            status: fact.status(),
            died_on: fact.known_date(),
            since,
        })
    }
}

impl From<&KnownPerson> for Life {
    fn from(known: &KnownPerson) -> Self {
        let since = known.case_id.map(|case_id| Since {
            case_id,
            fact_version: known.fact_version,
        });
        Self {
            status: known.status,
            died_on: known.died_on,
            since,
        }
    }
}

/// What residents says of one action it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done; a machine can undo it.
    Done,
    /// Refused: the record is no person of its own.
    Rejected {
        /// A stable UPPER_SNAKE reason.
        reason: &'static str,
    },
}

/// The answer to one action of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionAnswer {
    /// The action.
    pub action: death_plan::Action,
    /// What was done.
    pub answer: Answer,
    /// The article it rests on.
    pub legal_basis: &'static str,
}

/// What a fact came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactOutcome {
    /// A newer fact was applied already: noted, no effect, no receipt.
    Superseded,
    /// Applied; the receipt's answers.
    Answered(Vec<ActionAnswer>),
}

/// The one action that row 23 asks for on a fact, and what it rests on. `Done` whatever stood
/// before, so that the answer does not depend on the order of arrival.
pub fn asked(kind: FactKind) -> (death_plan::Action, &'static str) {
    match kind {
        FactKind::Suspected => (death_plan::PAUSE_CONTACT, ACCURATE_DATA),
        FactKind::Lifted => (death_plan::RESUME_CONTACT, ACCURATE_DATA),
        FactKind::Confirmed => (death_plan::MARK_DECEASED, DEATH),
        FactKind::Corrected => (death_plan::CORRECT_DATE, DATE_OF_DEATH),
        FactKind::Reversed => (death_plan::MARK_ALIVE, ACCURATE_DATA),
    }
}

/// Nobody is to be harmed by inaccurate personal data.
const ACCURATE_DATA: &str = "个人信息保护法 Art. 8";
/// A natural person has rights until death.
const DEATH: &str = "民法典 Art. 13";
/// Which evidence of the date of death counts.
const DATE_OF_DEATH: &str = "民法典 Art. 15";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::samples::fact;

    #[test]
    fn each_fact_alone_says_everything() {
        use FactKind::*;
        use LifeStatus as S;
        let died = "2026-03-04";
        let rows = [
            (
                Suspected,
                S::Suspected,
                died,
                false,
                death_plan::PAUSE_CONTACT,
            ),
            (
                Lifted,
                S::Alive,
                "unknown",
                true,
                death_plan::RESUME_CONTACT,
            ),
            (Confirmed, S::Dead, died, false, death_plan::MARK_DECEASED),
            (Corrected, S::Dead, died, false, death_plan::CORRECT_DATE),
            (Reversed, S::Alive, "unknown", true, death_plan::MARK_ALIVE),
        ];
        for (kind, status, died_on, contact, action) in rows {
            let life = Life::ALIVE.after(&fact(kind, 1, died)).unwrap();
            assert_eq!(life.status, status);
            assert_eq!(life.died_on.to_string(), died_on);
            assert_eq!(life.automated_contact(), contact);
            assert_eq!(life.fact_version(), 1);
            assert_eq!(asked(kind).0, action);
        }
    }

    #[test]
    fn an_older_fact_has_no_effect() {
        let dead = Life::ALIVE
            .after(&fact(FactKind::Confirmed, 2, "2026"))
            .unwrap();
        assert_eq!(dead.after(&fact(FactKind::Suspected, 1, "2025")), None);
        assert_eq!(
            dead.after(&fact(FactKind::Confirmed, 2, "2026")),
            Some(dead)
        );
    }

    fn any_kind() -> impl Strategy<Value = FactKind> {
        prop_oneof![
            Just(FactKind::Suspected),
            Just(FactKind::Lifted),
            Just(FactKind::Confirmed),
            Just(FactKind::Corrected),
            Just(FactKind::Reversed),
        ]
    }

    /// Facts with the versions 1, 2, …, and the same ones doubled and shuffled.
    fn told() -> impl Strategy<Value = (Vec<Fact>, Vec<Fact>)> {
        prop::collection::vec((any_kind(), 1990i16..2030), 1..8).prop_flat_map(|kinds| {
            let facts: Vec<Fact> = (1..)
                .zip(kinds)
                .map(|(version, (kind, year))| fact(kind, version, &year.to_string()))
                .collect();
            let doubled: Vec<Fact> = facts.iter().chain(&facts).cloned().collect();
            (Just(facts), Just(doubled).prop_shuffle())
        })
    }

    fn live(facts: &[Fact]) -> Life {
        facts
            .iter()
            .fold(Life::ALIVE, |life, fact| life.after(fact).unwrap_or(life))
    }

    proptest! {
        #[test]
        fn facts_in_any_order_end_in_the_same_status((facts, shuffled) in told()) {
            let expected = live(&facts);
            prop_assert_eq!(live(&shuffled), expected);
            let last = facts.last().unwrap();
            prop_assert_eq!(expected, Life::ALIVE.after(last).unwrap());
            prop_assert_eq!(expected.automated_contact(), expected.status == LifeStatus::Alive);
        }
    }
}
