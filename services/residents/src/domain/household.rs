//! Registered households 户籍户.

use std::collections::BTreeSet;

use minzheng_chassis::division::DivisionCode;
use minzheng_chassis::person::LifeStatus;
use minzheng_chassis::problem::{DomainError, Problem, Violations};
use uuid::Uuid;

use super::errors::{FieldProblem, ResidentsError, take};
use super::person::{Person, RecordState};
use super::place::place;

/// Most members of one household.
pub const MAX_MEMBERS: usize = 100;

/// A registered household: a head 户主 and members in a division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Household {
    /// Opaque id.
    pub id: Uuid,
    /// The head, one of the members.
    pub head: Uuid,
    /// All members.
    pub members: BTreeSet<Uuid>,
    /// Where it is registered.
    pub division: DivisionCode,
}

/// What a clerk records of a household, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composition {
    /// The head.
    pub head: Uuid,
    /// All members.
    pub members: BTreeSet<Uuid>,
    /// Where it is registered.
    pub division: DivisionCode,
}

impl Composition {
    /// Checks what was given.
    ///
    /// Errors: no member or more than [`MAX_MEMBERS`], a wrong division, a head who is no member.
    pub fn read(head: Uuid, members: &[Uuid], division: &str) -> Result<Self, Problem> {
        let mut violations = Violations::new();
        let division = take(&mut violations, "division", place(division));
        let members = take(&mut violations, "member_ids", distinct(members));
        if members
            .as_ref()
            .is_some_and(|members| !members.contains(&head))
        {
            let error = ResidentsError::HeadNotMember;
            violations.add(
                "head_id",
                error.reason(),
                error.to_string(),
                error.chinese(),
            );
        }
        violations.check()?;
        // Nothing is missing where nothing was found wrong.
        let (division, members) = division.zip(members).ok_or_else(Problem::internal)?;
        Ok(Self {
            head,
            members,
            division,
        })
    }
}

/// A person who is to be a member, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The person.
    pub person_id: Uuid,
    /// What the record is.
    pub state: RecordState,
    /// Whether the person lives.
    pub status: LifeStatus,
    /// The household the person is a member of.
    pub household: Option<Uuid>,
}

impl Candidate {
    /// The person with the household it is a member of.
    pub fn of(person: &Person, household: Option<Uuid>) -> Self {
        Self {
            person_id: person.id,
            state: person.state,
            status: person.life.status,
            household,
        }
    }
}

impl Household {
    /// Records a household under `id`, or replaces what stands of it.
    ///
    /// Errors: a member is not established, or a member of another household; somebody dead joins
    /// (a dead member stays until the police cancel the registration).
    pub fn put(
        id: Uuid,
        composition: Composition,
        candidates: &[Candidate],
    ) -> Result<Self, ResidentsError> {
        for member in &composition.members {
            let candidate = candidates
                .iter()
                .find(|candidate| candidate.person_id == *member);
            expect_may_join(id, candidate)?;
        }
        let Composition {
            head,
            members,
            division,
        } = composition;
        Ok(Self {
            id,
            head,
            members,
            division,
        })
    }
}

fn expect_may_join(household: Uuid, candidate: Option<&Candidate>) -> Result<(), ResidentsError> {
    let candidate = candidate.ok_or(ResidentsError::NotEstablished)?;
    if candidate.state != RecordState::Established {
        return Err(ResidentsError::NotEstablished);
    }
    match candidate.household {
        Some(other) if other != household => Err(ResidentsError::MemberElsewhere),
        Some(_) => Ok(()),
        None if candidate.status == LifeStatus::Dead => Err(ResidentsError::PersonDead),
        None => Ok(()),
    }
}

fn distinct(members: &[Uuid]) -> Result<BTreeSet<Uuid>, FieldProblem> {
    let members: BTreeSet<Uuid> = members.iter().copied().collect();
    match members.len() {
        0 => Err(FieldProblem::Required),
        1..=MAX_MEMBERS => Ok(members),
        _ => Err(FieldProblem::TooMany(MAX_MEMBERS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Uuid = Uuid::from_u128(100);
    const DIVISION: &str = "520102000000";

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn candidate(number: u128) -> Candidate {
        Candidate {
            person_id: id(number),
            state: RecordState::Established,
            status: LifeStatus::Alive,
            household: None,
        }
    }

    #[test]
    fn a_household_has_a_head_among_its_members() {
        let read = Composition::read(id(1), &[id(2), id(1), id(2)], DIVISION).unwrap();
        assert_eq!(read.members, BTreeSet::from([id(1), id(2)]));
        let reason = |head, members: &[Uuid], division| {
            Composition::read(head, members, division)
                .unwrap_err()
                .reason
        };
        assert_eq!(reason(id(3), &[id(1)], DIVISION), "HEAD_NOT_MEMBER");
        assert_eq!(reason(id(1), &[], DIVISION), "REQUIRED");
        assert_eq!(reason(id(1), &[id(1)], "52"), "DIVISION_TOO_COARSE");
        let crowd: Vec<Uuid> = (1..=101).map(id).collect();
        assert_eq!(reason(id(1), &crowd, DIVISION), "TOO_MANY");
    }

    #[test]
    fn members_are_known_alive_and_of_no_other_household() {
        let composition = Composition::read(id(1), &[id(1), id(2)], DIVISION).unwrap();
        let other = candidate(2);
        let dead = Candidate {
            status: LifeStatus::Dead,
            ..other
        };
        let rows = [
            (Some(other), Ok(())),
            (
                Some(Candidate {
                    household: Some(HOME),
                    ..other
                }),
                Ok(()),
            ),
            (
                Some(Candidate {
                    household: Some(id(101)),
                    ..other
                }),
                Err(ResidentsError::MemberElsewhere),
            ),
            (Some(dead), Err(ResidentsError::PersonDead)),
            (
                Some(Candidate {
                    household: Some(HOME),
                    ..dead
                }),
                Ok(()),
            ),
            (
                Some(Candidate {
                    status: LifeStatus::Suspected,
                    ..other
                }),
                Ok(()),
            ),
            (
                Some(Candidate {
                    state: RecordState::Provisional,
                    ..other
                }),
                Err(ResidentsError::NotEstablished),
            ),
            (None, Err(ResidentsError::NotEstablished)),
        ];
        for (other, expected) in rows {
            let candidates: Vec<Candidate> =
                [Some(candidate(1)), other].into_iter().flatten().collect();
            let put = Household::put(HOME, composition.clone(), &candidates);
            assert_eq!(
                put.map(|household| assert_eq!(household.members, composition.members)),
                expected
            );
        }
    }
}
