//! The foundation's story, as far as it concerns this department.

use super::world::{Input, World, fact};
use super::*;

fn family() -> Vec<Input> {
    let young = kin(CHILD, Relation::Sibling, "2017-01-10");
    let old = kin(TEEN, Relation::Sibling, "2011-01-10");
    vec![
        Input::Kinship(
            CHILD,
            told("2017-01-10", &[father(), mother(), grandmother(), old]),
        ),
        Input::Kinship(
            TEEN,
            told("2011-01-10", &[father(), mother(), grandmother(), young]),
        ),
    ]
}

fn lines(world: &World) -> Vec<String> {
    world.end().0
}

fn assessed(world: &World, person_id: Uuid) -> &'static str {
    let answers = &world.latest_answers()[&person_id];
    let found = answers
        .iter()
        .find(|(question, _)| *question == Question::AssessDependants);
    found.unwrap().1
}

#[test]
fn a_family_loses_everybody_and_one_comes_back() {
    use FactKind::*;
    let mut world = World::run(&family());
    assert!(lines(&world).is_empty());

    world.take(&Input::Fact(fact(FATHER, 1, Confirmed, "2026-01-15")));
    assert_eq!(
        lines(&world),
        [CHILD, TEEN].map(|id| format!("child {id} one_parent carer=parent since=2026-02"))
    );
    assert_eq!(assessed(&world, FATHER), "done");

    world.take(&Input::Fact(fact(MOTHER, 1, Confirmed, "2026-02-10")));
    let orphans: Vec<String> = [CHILD, TEEN]
        .into_iter()
        .flat_map(|id| {
            [
                format!("child {id} orphan carer=grandparent since=2026-03"),
                format!("item child-visit alarm {id}"),
            ]
        })
        .collect();
    assert_eq!(lines(&world), orphans);
    assert_eq!(assessed(&world, MOTHER), "needs_human");
    assert_eq!(assessed(&world, FATHER), "needs_human");

    world.take(&Input::Fact(fact(GRANDMOTHER, 1, Suspected, "2026-03-01")));
    assert_eq!(lines(&world), orphans);
    let before = world.end();
    world.take(&Input::Fact(fact(GRANDMOTHER, 2, Confirmed, "2026-03-01")));
    let urgent: Vec<String> = orphans
        .iter()
        .map(|line| {
            line.replace("grandparent", "nobody")
                .replace("alarm", "urgent")
        })
        .collect();
    assert_eq!(lines(&world), urgent);
    assert_eq!(assessed(&world, GRANDMOTHER), "needs_human");

    world.take(&Input::Fact(fact(GRANDMOTHER, 3, Reversed, "2026-03-01")));
    assert_eq!(lines(&world), before.0);
    assert_eq!(assessed(&world, GRANDMOTHER), "nothing_to_do");
    assert_eq!(assessed(&world, MOTHER), "needs_human");

    world.take(&Input::Fact(fact(MOTHER, 2, Corrected, "2026-01-20")));
    let moved: Vec<String> = orphans
        .iter()
        .map(|line| line.replace("since=2026-03", "since=2026-02"))
        .collect();
    assert_eq!(lines(&world), moved);

    world.today = day("2027-03-20");
    world.take(&Input::Fact(fact(GRANDMOTHER, 5, Confirmed, "2027-03-18")));
    let urgent: Vec<String> = moved
        .iter()
        .map(|line| {
            line.replace("grandparent", "nobody")
                .replace("alarm", "urgent")
        })
        .collect();
    assert_eq!(lines(&world), urgent);
}

#[test]
fn the_answers_are_done_when_the_last_visit_is() {
    use FactKind::*;
    let mut world = World::run(&family());
    world.take(&Input::Fact(fact(FATHER, 1, Confirmed, "2026-01-15")));
    world.take(&Input::Fact(fact(MOTHER, 1, Confirmed, "2026-02-10")));
    world.take(&Input::Fact(fact(GRANDMOTHER, 1, Confirmed, "2026-03-01")));
    for (child_id, answer) in [(CHILD, "needs_human"), (TEEN, "done")] {
        let item = world.children[&child_id].visit.unwrap();
        world.command(child_id, |child, at, ids| {
            child
                .complete_visit(item.id, VisitOutcome::Placed, at, ids)
                .unwrap()
        });
        for person in [FATHER, MOTHER, GRANDMOTHER] {
            assert_eq!(assessed(&world, person), answer);
        }
    }
}

#[test]
fn a_childs_own_death_closes_its_file_whatever_came_first() {
    use FactKind::*;
    let death = Input::Fact(fact(CHILD, 1, Confirmed, "2026-03-01"));
    let mut inputs = family();
    inputs.push(death.clone());
    let after = World::run(&inputs);
    inputs.insert(0, death);
    let before = World::run(&inputs);
    assert_eq!(after.end(), before.end());
    let own = &after.latest_answers()[&CHILD];
    // The teen is its sibling, and loses nobody who was to care.
    assert_eq!(
        own.as_slice(),
        [
            (Question::CloseFile, "done"),
            (Question::AssessDependants, "nothing_to_do")
        ]
    );
    let stranger = World::run(&[Input::Fact(fact(AUNT, 1, Confirmed, "2026-03-01"))]);
    let answers = &stranger.latest_answers()[&AUNT];
    assert_eq!(
        answers.as_slice(),
        [
            (Question::CloseFile, "nothing_to_do"),
            (Question::AssessDependants, "nothing_to_do")
        ]
    );
}
