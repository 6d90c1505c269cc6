//! The stories. Families of one shape that lived through the same script end in the same state,
//! whatever was broken meanwhile; those whose every death was reversed or lifted end like those of
//! whom nobody reported anything.

use futures::future::try_join;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::residents::v1::KinRelation;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::Workload;
use super::cases::{correct, follow, get, misuse, report_of, reverse, tell, verify};
use super::client::{Client, Refused};
use super::departments::{take_bed, take_into_care};
use super::people::{house, look, register, relate};
use crate::chaos::history::{Deed, Kind};
use crate::family::Member;

/// How large a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// One person.
    Single,
    /// Father, mother, child, the grandmother in a bed, and somebody who waits for one.
    Home,
}

/// What is reported and decided about the old one (or, in [`Script::Parents`], about the parents).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// Nothing.
    Control(Shape),
    /// A certificate, and a village that says the same.
    Certified(Shape),
    /// The same report through two replicas at once.
    Twice(Shape),
    /// A facility says so; the verification finds the person alive.
    Lifted(Shape),
    /// A facility says so; the verification finds the person dead.
    Verified(Shape),
    /// A certificate with the wrong date.
    Corrected(Shape),
    /// It was somebody else.
    Reversed(Shape),
    /// The date was corrected, then it was somebody else.
    CorrectedReversed(Shape),
    /// It was somebody else, and a year later it is true.
    SecondEpisode(Shape),
    /// Father and mother in the same second.
    Parents,
    /// The mother's death was an error.
    ParentReversed,
    /// A certificate, and who waited takes the bed.
    BedTaken,
    /// A child with a file and a guardian loses father and mother.
    Warded,
    /// A certificate, and somebody who waits until the case is settled.
    Awaited,
}

/// Every script.
pub const SCRIPTS: [Script; 23] = [
    Script::Control(Shape::Single),
    Script::Certified(Shape::Single),
    Script::Twice(Shape::Single),
    Script::Lifted(Shape::Single),
    Script::Verified(Shape::Single),
    Script::Corrected(Shape::Single),
    Script::Reversed(Shape::Single),
    Script::CorrectedReversed(Shape::Single),
    Script::SecondEpisode(Shape::Single),
    Script::Control(Shape::Home),
    Script::Certified(Shape::Home),
    Script::Twice(Shape::Home),
    Script::Lifted(Shape::Home),
    Script::Verified(Shape::Home),
    Script::Corrected(Shape::Home),
    Script::Reversed(Shape::Home),
    Script::CorrectedReversed(Shape::Home),
    Script::SecondEpisode(Shape::Home),
    Script::Parents,
    Script::ParentReversed,
    Script::BedTaken,
    Script::Warded,
    Script::Awaited,
];

/// Of ten stories, so many are of one person: they are short.
const SINGLES_OF_TEN: usize = 6;

/// The next story, of those in which nobody waits.
pub(super) fn draw(rng: &mut StdRng) -> Script {
    let shape = if rng.random_range(0..10) < SINGLES_OF_TEN {
        Shape::Single
    } else {
        Shape::Home
    };
    let is_drawn = |script: &Script| script.shape() == shape && *script != Script::Awaited;
    let scripts = SCRIPTS.into_iter().filter(is_drawn).collect::<Vec<_>>();
    scripts[rng.random_range(0..scripts.len())]
}

impl Script {
    /// How large the family is.
    pub fn shape(self) -> Shape {
        match self {
            Self::Control(shape)
            | Self::Certified(shape)
            | Self::Twice(shape)
            | Self::Lifted(shape)
            | Self::Verified(shape)
            | Self::Corrected(shape)
            | Self::Reversed(shape)
            | Self::CorrectedReversed(shape)
            | Self::SecondEpisode(shape) => shape,
            Self::Awaited => Shape::Single,
            Self::Parents | Self::ParentReversed | Self::BedTaken | Self::Warded => Shape::Home,
        }
    }

    /// Its name in the log.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase().replace(['(', ')'], "-")
    }

    /// Whether the family ends as if nothing had been reported.
    pub fn ends_as_control(self) -> bool {
        match self {
            Self::Control(_)
            | Self::Lifted(_)
            | Self::Reversed(_)
            | Self::CorrectedReversed(_)
            | Self::ParentReversed => true,
            Self::Certified(_)
            | Self::Twice(_)
            | Self::Verified(_)
            | Self::Corrected(_)
            | Self::SecondEpisode(_)
            | Self::Parents
            | Self::BedTaken
            | Self::Warded
            | Self::Awaited => false,
        }
    }
}

struct Folk {
    father: Member,
    mother: Member,
    child: Member,
    old: Member,
    waiting: Member,
}

/// Lives through a story with a fresh family. How it ended is a line of the log: `done`, an
/// unexpected no, or that nobody knows; whether it came to its end.
pub(super) async fn live(
    shared: &Workload,
    worker: usize,
    number: u32,
    script: Script,
    rng: &mut StdRng,
) -> bool {
    let client = Client { shared, worker };
    let family = json!({ "number": number, "script": script.name() });
    let deed = Deed {
        worker,
        op: shared.history.next_op(),
        id: String::new(),
        what: json!({ "do": "story", "family": family }),
    };
    shared.history.write(&deed, Kind::Invoke, 0, json!(null));
    let (kind, answer) = match story(&client, script, &family, rng).await {
        Ok(()) => (Kind::Ok, json!({})),
        Err(Refused::No(reason)) => (Kind::Fail, json!({ "reason": reason })),
        Err(Refused::Unknown) => (Kind::Unknown, json!({})),
    };
    shared.history.write(&deed, kind, 0, answer);
    kind == Kind::Ok
}

async fn story(
    client: &Client<'_>,
    script: Script,
    family: &serde_json::Value,
    rng: &mut StdRng,
) -> Result<(), Refused> {
    match script.shape() {
        Shape::Single => {
            let person = register(client, family, "old").await?;
            about_one(client, script, &person, None, rng).await
        }
        Shape::Home => {
            let folk = settle_in(client, family).await?;
            match script {
                Script::Parents => both_parents(client, &folk).await,
                Script::BedTaken => {
                    certificate(client, &folk.old, rng).await?;
                    take_bed(client, &folk.waiting).await
                }
                Script::Warded => {
                    take_into_care(client, &folk.child, &folk.old).await?;
                    both_parents(client, &folk).await
                }
                Script::ParentReversed => {
                    about_one(
                        client,
                        Script::Reversed(Shape::Home),
                        &folk.mother,
                        Some(&folk.old),
                        rng,
                    )
                    .await
                }
                _ => about_one(client, script, &folk.old, Some(&folk.father), rng).await,
            }
        }
    }
}

async fn settle_in(client: &Client<'_>, family: &serde_json::Value) -> Result<Folk, Refused> {
    let father = register(client, family, "father").await?;
    let mother = register(client, family, "mother").await?;
    let child = register(client, family, "child").await?;
    let old = register(client, family, "old").await?;
    let waiting = register(client, family, "waiting").await?;
    relate(client, &child, &father, KinRelation::Parent).await?;
    relate(client, &child, &mother, KinRelation::Parent).await?;
    relate(client, &father, &old, KinRelation::Parent).await?;
    relate(client, &father, &mother, KinRelation::Spouse).await?;
    house(client, &old, &waiting).await?;
    Ok(Folk {
        father,
        mother,
        child,
        old,
        waiting,
    })
}

async fn both_parents(client: &Client<'_>, folk: &Folk) -> Result<(), Refused> {
    let father = report_of(client, &folk.father, EvidenceSource::MedicalCertificate);
    let mother = report_of(client, &folk.mother, EvidenceSource::MedicalCertificate);
    try_join(
        tell(client, &father, &folk.father, false),
        tell(client, &mother, &folk.mother, false),
    )
    .await?;
    Ok(())
}

/// How often a story looks at its case before it goes on.
const LOOKS: usize = 5;

/// Phases in which every department has answered.
const SETTLED: [Phase; 2] = [Phase::Settled, Phase::Finished];

/// The same of one that waits: ten minutes.
const PATIENT_LOOKS: usize = 3_000;

async fn about_one(
    client: &Client<'_>,
    script: Script,
    person: &Member,
    other: Option<&Member>,
    rng: &mut StdRng,
) -> Result<(), Refused> {
    if rng.random_bool(0.2) {
        look(client, person).await?;
    }
    match script {
        Script::Control(_)
        | Script::Parents
        | Script::ParentReversed
        | Script::BedTaken
        | Script::Warded => Ok(()),
        Script::Certified(_) => certified(client, person, other, rng).await,
        Script::Awaited => {
            let report = report_of(client, person, EvidenceSource::MedicalCertificate);
            let case = tell(client, &report, person, false).await?;
            match follow(client, &case.id, &SETTLED, PATIENT_LOOKS).await? {
                true => Ok(()),
                false => Err(Refused::Unknown),
            }
        }
        Script::Twice(_) => {
            let report = report_of(client, person, EvidenceSource::MedicalCertificate);
            let (first, second) = try_join(
                tell(client, &report, person, false),
                tell(client, &report, person, true),
            )
            .await?;
            get(client, &first.id).await?;
            get(client, &second.id).await.map(drop)
        }
        Script::Lifted(_) | Script::Verified(_) => {
            let suspicion = report_of(client, person, EvidenceSource::CareFacility);
            let case = tell(client, &suspicion, person, false).await?;
            get(client, &case.id).await?;
            let proof = report_of(client, person, EvidenceSource::HouseholdCancellation);
            let proof = matches!(script, Script::Verified(_)).then_some(&proof);
            verify(client, &case.id, proof).await?;
            get(client, &case.id).await.map(drop)
        }
        Script::Corrected(_) | Script::Reversed(_) | Script::CorrectedReversed(_) => {
            let case_id = certificate(client, person, rng).await?;
            if !matches!(script, Script::Reversed(_)) {
                correct(client, &case_id).await?;
            }
            if !matches!(script, Script::Corrected(_)) {
                reverse(client, &case_id).await?;
            }
            get(client, &case_id).await.map(drop)
        }
        Script::SecondEpisode(_) => {
            let case_id = certificate(client, person, rng).await?;
            reverse(client, &case_id).await?;
            certificate(client, person, rng).await.map(drop)
        }
    }
}

/// A certificate is reported; sometimes one waits a little for what follows.
async fn certificate(
    client: &Client<'_>,
    person: &Member,
    rng: &mut StdRng,
) -> Result<String, Refused> {
    let report = report_of(client, person, EvidenceSource::MedicalCertificate);
    let case = tell(client, &report, person, false).await?;
    if rng.random_bool(0.3) {
        follow(client, &case.id, &SETTLED, LOOKS).await?;
    }
    Ok(case.id)
}

async fn certified(
    client: &Client<'_>,
    person: &Member,
    other: Option<&Member>,
    rng: &mut StdRng,
) -> Result<(), Refused> {
    let report = report_of(client, person, EvidenceSource::MedicalCertificate);
    let case = tell(client, &report, person, false).await?;
    tell(client, &report, person, true).await?;
    let village = report_of(client, person, EvidenceSource::Village);
    tell(client, &village, person, false).await?;
    if let Some(other) = other
        && rng.random_bool(0.3)
    {
        misuse(client, &report, other).await?;
    }
    follow(client, &case.id, &SETTLED, LOOKS).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    fn drawn(seed: u64) -> Vec<Script> {
        let mut rng = StdRng::seed_from_u64(seed);
        (0..2_000).map(|_| draw(&mut rng)).collect()
    }

    #[test]
    fn every_story_but_the_awaited_is_drawn_and_a_seed_draws_the_same() {
        let scripts = drawn(7);
        assert_eq!(scripts, drawn(7));
        assert_ne!(scripts, drawn(8));
        let different: BTreeSet<Script> = scripts.iter().copied().collect();
        let others = SCRIPTS
            .into_iter()
            .filter(|script| *script != Script::Awaited);
        assert_eq!(different, others.collect());
        let is_single = |script: &&Script| script.shape() == Shape::Single;
        let singles = scripts.iter().filter(is_single).count();
        assert!(
            (1_100..1_300).contains(&singles),
            "{singles} of 2,000, 1,200 meant"
        );
    }
}
