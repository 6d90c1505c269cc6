//! Any order of the same facts and kinship, each possibly doubled, ends in the same state and the
//! same latest answers.

use proptest::prelude::*;

use super::world::{Input, World, fact};
use super::*;

const PERSONS: [Uuid; 6] = [CHILD, TEEN, FATHER, MOTHER, GRANDMOTHER, SISTER];

/// The facts about one person in the order of their versions, up to a random one.
fn facts_of(person_id: Uuid) -> impl Strategy<Value = Vec<AskedFact>> {
    let dates = ["2026-01-15", "2026-02", "2025", "unknown", "2024-07-30"];
    let date = || prop::sample::select(dates.to_vec());
    (0usize..=5, date(), date(), date(), any::<bool>()).prop_map(
        move |(count, first, second, third, lifted)| {
            use FactKind::*;
            let chain = if lifted {
                [
                    fact(person_id, 1, Suspected, first),
                    fact(person_id, 2, Lifted, first),
                    fact(person_id, 5, Suspected, second),
                    fact(person_id, 6, Confirmed, second),
                    fact(person_id, 7, Corrected, third),
                ]
            } else {
                [
                    fact(person_id, 1, Confirmed, first),
                    fact(person_id, 2, Corrected, second),
                    fact(person_id, 3, Reversed, second),
                    fact(person_id, 4, Confirmed, second),
                    fact(person_id, 5, Confirmed, third),
                ]
            };
            chain[..count].to_vec()
        },
    )
}

/// Kinship of both children: what the stream told first, and what it told last.
fn kinship() -> impl Strategy<Value = [Vec<KinshipTold>; 2]> {
    let all = |other: Uuid, birth: &str| {
        vec![
            father(),
            mother(),
            grandmother(),
            sister(),
            kin(other, Relation::Sibling, birth),
        ]
    };
    let some = |all: Vec<KinTold>| {
        let count = all.len();
        prop::collection::vec(prop::sample::subsequence(all, 0..=count), 1..=2)
    };
    (
        some(all(TEEN, "2011-01-10")),
        some(all(CHILD, "2017-01-10")),
    )
        .prop_map(|(child, teen)| {
            let of = |birth: &str, lists: Vec<Vec<KinTold>>| {
                lists.into_iter().map(|kin| told(birth, &kin)).collect()
            };
            [of("2017-01-10", child), of("2011-01-10", teen)]
        })
}

/// Facts and kinship in an orderly sequence, and a shuffled one with doubles. The stream keeps the
/// kinship of one child in order, as a topic does; facts come in any order.
#[derive(Debug, Clone)]
struct Scene {
    orderly: Vec<Input>,
    shuffled: Vec<Input>,
    register: std::collections::BTreeMap<Uuid, KinshipTold>,
}

fn scene() -> impl Strategy<Value = Scene> {
    let facts: Vec<_> = PERSONS.into_iter().map(facts_of).collect();
    (facts, kinship(), any::<u64>()).prop_map(|(facts, kinship, seed)| {
        let mut orderly: Vec<Input> = Vec::new();
        for (child_id, list) in [CHILD, TEEN].into_iter().zip(&kinship) {
            orderly.extend(
                list.iter()
                    .map(|told| Input::Kinship(child_id, told.clone())),
            );
        }
        orderly.extend(facts.iter().flatten().map(|fact| Input::Fact(*fact)));
        let register = [CHILD, TEEN]
            .into_iter()
            .zip(&kinship)
            .filter_map(|(id, list)| {
                // `residents` may be asked before or after it told the last.
                let asked = if seed % 2 == 0 {
                    list.first()
                } else {
                    list.last()
                };
                Some((id, asked?.clone()))
            })
            .collect();
        Scene {
            shuffled: shuffle(&orderly, seed),
            orderly,
            register,
        }
    })
}

fn shuffle(orderly: &[Input], mut seed: u64) -> Vec<Input> {
    let mut random = move |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let mut inputs: Vec<Input> = orderly.to_vec();
    for input in orderly {
        // The inbox knows a doubled kinship event by its id; facts are idempotent by themselves.
        if matches!(input, Input::Fact(_)) && random(2) == 0 {
            inputs.push(input.clone());
        }
    }
    for index in (1..inputs.len()).rev() {
        inputs.swap(index, random(index + 1));
    }
    restore_streams(orderly, &mut inputs);
    inputs
}

/// Puts each child's kinship back into its own order, at the places it was shuffled to.
fn restore_streams(orderly: &[Input], inputs: &mut [Input]) {
    for child in [CHILD, TEEN] {
        let is_of = |input: &Input| matches!(input, Input::Kinship(id, _) if *id == child);
        let mut stream = orderly.iter().filter(|input| is_of(input));
        for place in inputs.iter_mut().filter(|input| is_of(input)) {
            *place = stream.next().unwrap().clone();
        }
    }
}

fn visit_everybody(world: &mut World) {
    for child_id in [CHILD, TEEN] {
        let Some(item) = world.children.get(&child_id).and_then(|child| child.visit) else {
            continue;
        };
        world.command(child_id, |child, at, ids| {
            child
                .complete_visit(item.id, VisitOutcome::CaredFor, at, ids)
                .unwrap()
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_order_ends_alike(scene in scene(), asks in any::<bool>()) {
        let orderly = World::run(&scene.orderly);
        let mut shuffled = World::new();
        shuffled.register = asks.then(|| scene.register.clone());
        shuffled.take_all(&scene.shuffled);
        prop_assert_eq!(orderly.end(), shuffled.end());
        prop_assert_eq!(orderly.standing_children(), shuffled.standing_children());
        for child in shuffled.children.values() {
            let unsupported = child.standing.situation.is_unsupported();
            prop_assert!(!unsupported || child.visit.is_some());
        }
    }

    #[test]
    fn a_visit_that_was_made_is_not_asked_for_again(scene in scene()) {
        let mut world = World::run(&scene.orderly);
        visit_everybody(&mut world);
        let visited = world.end();
        for input in scene.shuffled.iter().filter(|input| matches!(input, Input::Fact(_))) {
            world.take(input);
        }
        prop_assert_eq!(&world.end(), &visited);
        prop_assert!(world.children.values().all(|child| child.visit.is_none()));
    }

    #[test]
    fn orders_end_alike_after_a_visit_too(scene in scene(), split in 0usize..12) {
        // The visits fall between the same facts; those that follow come in two orders.
        let kinship: Vec<Input> = scene.orderly.iter()
            .filter(|input| matches!(input, Input::Kinship(..))).cloned().collect();
        let facts: Vec<Input> = scene.orderly.iter()
            .filter(|input| matches!(input, Input::Fact(_))).cloned().collect();
        let (seen, later) = facts.split_at(split.min(facts.len()));
        let mut ends = Vec::new();
        for later in [later.to_vec(), later.iter().rev().cloned().collect()] {
            let mut world = World::run(&kinship);
            world.take_all(seen);
            visit_everybody(&mut world);
            world.take_all(&later);
            ends.push((world.end(), world.standing_children()));
        }
        prop_assert_eq!(&ends[0], &ends[1]);
    }

    #[test]
    fn a_reversal_restores_what_was(scene in scene(), who in 0usize..6, visited in any::<bool>()) {
        let person = PERSONS[who];
        let mut world = World::new();
        let others = scene.orderly.iter()
            .filter(|input| !matches!(input, Input::Fact(fact) if fact.person_id == person));
        for input in others {
            world.take(input);
        }
        if visited {
            visit_everybody(&mut world);
        }
        let (before, children) = (world.end(), world.standing_children());
        world.take(&Input::Fact(fact(person, 1, FactKind::Confirmed, "2026-03-01")));
        world.take(&Input::Fact(fact(person, 2, FactKind::Corrected, "2026-02-01")));
        world.take(&Input::Fact(fact(person, 3, FactKind::Reversed, "2026-02-01")));
        prop_assert_eq!(&before.0, &world.end().0);
        prop_assert_eq!(children, world.standing_children());
        let mut answers = world.latest_answers();
        let own = answers.remove(&person).unwrap_or_default();
        prop_assert!(own.iter().all(|(_, outcome)| *outcome != "needs_human"));
        prop_assert_eq!(before.1, answers);
    }
}

#[test]
fn both_parents_dead_make_one_alarm_in_either_order() {
    let family = told("2017-01-10", &[father(), mother(), grandmother()]);
    let inputs = [
        Input::Kinship(CHILD, family),
        Input::Fact(fact(FATHER, 1, FactKind::Confirmed, "2026-01-15")),
        Input::Fact(fact(MOTHER, 1, FactKind::Confirmed, "2026-01-15")),
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let world = World::run(&order.map(|index| inputs[index].clone()));
        let (lines, answers) = world.end();
        assert_eq!(
            lines,
            [
                format!("child {CHILD} orphan carer=grandparent since=2026-02"),
                format!("item child-visit alarm {CHILD}"),
            ]
        );
        for person in [FATHER, MOTHER] {
            assert!(answers[&person].contains(&(Question::AssessDependants, "needs_human")));
        }
    }
}
