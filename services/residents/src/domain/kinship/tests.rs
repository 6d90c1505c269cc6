use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::domain::samples::{established, nanming, provisional, yunyan};

fn id(number: u8) -> Uuid {
    Uuid::from_u128(number.into())
}

fn link(person: u8, relation: Relation, relative: u8) -> Link {
    Link::new(id(person), relation, id(relative)).unwrap()
}

/// The story's family: father 1, mother 2, children 3 and 4, the father's mother 5.
fn family() -> KinGraph {
    [
        link(1, Relation::Spouse, 2),
        link(3, Relation::Parent, 1),
        link(3, Relation::Parent, 2),
        link(1, Relation::Child, 4),
        link(2, Relation::Child, 4),
        link(1, Relation::Parent, 5),
    ]
    .into_iter()
    .collect()
}

fn kin(graph: &KinGraph, person: u8) -> Vec<(Relation, u128)> {
    graph
        .kin(id(person))
        .into_iter()
        .map(|kin| (kin.relation, kin.person_id.as_u128()))
        .collect()
}

fn ids(numbers: &[u8]) -> BTreeSet<Uuid> {
    numbers.iter().map(|number| id(*number)).collect()
}

#[test]
fn circles_of_the_family() {
    use Relation::{Child, Grandparent, Parent, Sibling, Spouse};
    let graph = family();
    let rows = [
        (1, vec![(Spouse, 2), (Parent, 5), (Child, 3), (Child, 4)]),
        (2, vec![(Spouse, 1), (Child, 3), (Child, 4)]),
        (
            3,
            vec![(Parent, 1), (Parent, 2), (Sibling, 4), (Grandparent, 5)],
        ),
        (
            4,
            vec![(Parent, 1), (Parent, 2), (Sibling, 3), (Grandparent, 5)],
        ),
        (5, vec![(Child, 1)]),
        (6, vec![]),
    ];
    for (person, expected) in rows {
        assert_eq!(kin(&graph, person), expected, "person {person}");
    }
}

#[test]
fn dependants_are_those_whom_a_death_may_leave_without_care() {
    let mut graph = family();
    graph.extend([
        link(3, Relation::Guardian, 6),
        link(5, Relation::Sibling, 7),
    ]);
    let rows: [(u8, &[u8]); 7] = [
        (1, &[3, 4]),
        (2, &[3, 4]),
        (3, &[4]),
        (4, &[3]),
        (5, &[1, 3, 4, 7]),
        (6, &[3]),
        (7, &[5]),
    ];
    for (person, expected) in rows {
        assert_eq!(
            graph.dependants(id(person)),
            ids(expected),
            "person {person}"
        );
    }
    let of_grandmother: Vec<_> = graph
        .holders(id(5))
        .into_iter()
        .map(|kin| kin.relation)
        .collect();
    use Relation::{Grandparent, Parent, Sibling};
    assert_eq!(of_grandmother, [Parent, Sibling, Grandparent, Grandparent]);
}

#[test]
fn half_siblings_share_a_parent_and_recorded_ones_need_none() {
    let graph: KinGraph = [
        link(3, Relation::Parent, 1),
        link(4, Relation::Parent, 1),
        link(4, Relation::Parent, 2),
        link(8, Relation::Sibling, 3),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        kin(&graph, 3),
        [
            (Relation::Parent, 1),
            (Relation::Sibling, 4),
            (Relation::Sibling, 8)
        ]
    );
    assert_eq!(kin(&graph, 8), [(Relation::Sibling, 3)]);
}

#[test]
fn a_parent_is_not_named_as_guardian_too() {
    let graph: KinGraph = [
        link(3, Relation::Guardian, 1),
        link(3, Relation::Parent, 1),
        link(3, Relation::Guardian, 9),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        kin(&graph, 3),
        [(Relation::Parent, 1), (Relation::Guardian, 9)]
    );
    assert_eq!(graph.dependants(id(9)), ids(&[3]));
}

#[test]
fn a_link_is_the_same_from_either_end() {
    assert_eq!(link(1, Relation::Spouse, 2), link(2, Relation::Spouse, 1));
    assert_eq!(link(1, Relation::Sibling, 2), link(2, Relation::Sibling, 1));
    assert_eq!(link(1, Relation::Child, 2), link(2, Relation::Parent, 1));
    assert_ne!(
        link(1, Relation::Guardian, 2),
        link(2, Relation::Guardian, 1)
    );
    assert_eq!(
        Link::new(id(1), Relation::Parent, id(1)),
        Err(ResidentsError::KinshipWithOneself)
    );
    assert_eq!(
        Link::new(id(1), Relation::Grandparent, id(2)),
        Err(ResidentsError::KinshipFollows)
    );
}

#[test]
fn what_may_be_recorded() {
    use ResidentsError::{KinshipContradicts, KinshipExists, ParentNotOlder};
    let graph = family();
    let none = ("unknown", "unknown");
    let rows = [
        (link(6, Relation::Parent, 2), ("1980-05-01", "1950"), Ok(())),
        (
            link(6, Relation::Parent, 2),
            ("1980-05-01", "1980-05-01"),
            Err(ParentNotOlder),
        ),
        (
            link(6, Relation::Parent, 2),
            ("1980-05-01", "1980-05-02"),
            Err(ParentNotOlder),
        ),
        (
            link(6, Relation::Parent, 2),
            ("1980-05-01", "1981"),
            Err(ParentNotOlder),
        ),
        (link(6, Relation::Parent, 2), ("1980", "1980"), Ok(())),
        (link(6, Relation::Parent, 2), ("1980-05", "unknown"), Ok(())),
        (link(6, Relation::Guardian, 2), ("1980", "1990"), Ok(())),
        (link(2, Relation::Spouse, 1), none, Err(KinshipExists)),
        (link(4, Relation::Parent, 1), none, Err(KinshipExists)),
        (link(1, Relation::Parent, 3), none, Err(KinshipContradicts)),
        (link(5, Relation::Parent, 3), none, Err(KinshipContradicts)),
        (link(1, Relation::Parent, 2), none, Err(KinshipContradicts)),
        (link(1, Relation::Spouse, 3), none, Err(KinshipContradicts)),
        (link(1, Relation::Sibling, 5), none, Err(KinshipContradicts)),
        (
            link(3, Relation::Guardian, 1),
            none,
            Err(KinshipContradicts),
        ),
        (link(5, Relation::Guardian, 1), none, Ok(())),
        (link(3, Relation::Guardian, 5), none, Ok(())),
        (link(3, Relation::Sibling, 4), none, Ok(())),
    ];
    for (link, (person, relative), expected) in rows {
        let births = (person.parse().unwrap(), relative.parse().unwrap());
        assert_eq!(
            graph.check(&link, births),
            expected,
            "{link:?} {person} {relative}"
        );
    }
}

#[test]
fn kinship_is_recorded_between_known_persons_from_either_end() {
    let born = |id, birth: &str| Person {
        birth_date: birth.parse().unwrap(),
        ..established(id, 1, "张三")
    };
    let (mother, child) = (born(1, "1980"), born(2, "2011"));
    let graph = KinGraph::default();
    let expected = Ok(link(2, Relation::Parent, 1));
    assert_eq!(record(&graph, &mother, Relation::Child, &child), expected);
    assert_eq!(record(&graph, &child, Relation::Parent, &mother), expected);
    let turned = record(&graph, &child, Relation::Child, &mother);
    assert_eq!(turned, Err(ResidentsError::ParentNotOlder));
    let unknown = provisional(3, 1, "李四");
    for (one, other) in [(&mother, &unknown), (&unknown, &mother)] {
        let refused = record(&graph, one, Relation::Spouse, other);
        assert_eq!(refused, Err(ResidentsError::NotEstablished));
    }
}

#[test]
fn a_circle_is_complete_or_nothing() {
    let graph = family();
    let card = |birth: &str, residence| PersonCard {
        birth_date: birth.parse().unwrap(),
        residence,
    };
    let mut cards = BTreeMap::from([
        (id(1), card("1980", nanming())),
        (id(2), card("1982-03", nanming())),
        (id(3), card("2017-01-02", yunyan())),
        (id(4), card("2011-01-02", nanming())),
        (id(5), card("1948", nanming())),
    ]);
    let circle = graph
        .circle(id(3), |person| cards.get(&person).copied())
        .unwrap();
    assert_eq!(
        (circle.birth_date, circle.residence),
        (card("2017-01-02", yunyan()).birth_date, yunyan())
    );
    let births: Vec<String> = circle
        .kin
        .iter()
        .map(|member| member.birth_date.to_string())
        .collect();
    assert_eq!(births, ["1980", "1982-03", "2011-01-02", "1948"]);
    assert!(!format!("{circle:?}").contains("1948"));
    cards.remove(&id(5));
    let short = graph.circle(id(3), |person| cards.get(&person).copied());
    assert_eq!(short, Err(ResidentsError::RelativeNotLoaded));
}

const PEOPLE: u8 = 9;

fn any_link() -> impl Strategy<Value = Link> {
    let relation = prop::sample::select(vec![
        Relation::Spouse,
        Relation::Parent,
        Relation::Parent,
        Relation::Child,
        Relation::Guardian,
        Relation::Sibling,
    ]);
    (1..=PEOPLE, relation, 1..=PEOPLE).prop_filter_map("oneself", |(person, relation, relative)| {
        Link::new(id(person), relation, id(relative)).ok()
    })
}

fn any_links() -> impl Strategy<Value = Vec<Link>> {
    prop::collection::vec(any_link(), 0..16)
}

fn everybody() -> impl Iterator<Item = Uuid> {
    (1..=PEOPLE).map(id)
}

/// The links that touch any of these persons: what a database returns.
fn touching(links: &[Link], persons: &BTreeSet<Uuid>) -> Vec<Link> {
    links
        .iter()
        .filter(|link| persons.contains(&link.person_id) || persons.contains(&link.relative_id))
        .copied()
        .collect()
}

/// The definition, one pair at a time, without sets built from sets.
fn is_kin(links: &[Link], person: Uuid, relation: Relation, relative: Uuid) -> bool {
    let has = |person, bond, relative| {
        links.contains(&Link {
            person_id: person,
            relative_id: relative,
            bond,
        })
    };
    let either = |bond| has(person, bond, relative) || has(relative, bond, person);
    let parent = |child, of| has(child, Bond::Parent, of);
    match relation {
        Relation::Spouse => either(Bond::Spouse),
        Relation::Parent => parent(person, relative),
        Relation::Child => parent(relative, person),
        Relation::Guardian => has(person, Bond::Guardian, relative) && !parent(person, relative),
        Relation::Sibling => {
            let share =
                everybody().any(|shared| parent(person, shared) && parent(relative, shared));
            person != relative && (either(Bond::Sibling) || share)
        }
        Relation::Grandparent => {
            person != relative
                && everybody().any(|between| parent(person, between) && parent(between, relative))
        }
    }
}

const RELATIONS: [Relation; 6] = [
    Relation::Spouse,
    Relation::Parent,
    Relation::Child,
    Relation::Guardian,
    Relation::Sibling,
    Relation::Grandparent,
];

proptest! {
    /// Complete: exactly the kin of the definition, whatever the order of recording.
    #[test]
    fn circles_are_complete(links in any_links()) {
        let graph: KinGraph = links.iter().copied().collect();
        let backwards: KinGraph = links.iter().rev().copied().collect();
        for person in everybody() {
            let expected: BTreeSet<Kin> = everybody()
                .flat_map(|relative| RELATIONS.map(|relation| Kin { relation, person_id: relative }))
                .filter(|kin| is_kin(&links, person, kin.relation, kin.person_id))
                .collect();
            prop_assert_eq!(&graph.kin(person), &expected);
            prop_assert_eq!(&backwards.kin(person), &expected);
        }
    }

    /// Symmetric: spouse with spouse, sibling with sibling, parent with child.
    #[test]
    fn circles_are_symmetric(links in any_links()) {
        let graph: KinGraph = links.into_iter().collect();
        for person in everybody() {
            for kin in graph.kin(person) {
                let back = match kin.relation {
                    Relation::Spouse => Relation::Spouse,
                    Relation::Sibling => Relation::Sibling,
                    Relation::Parent => Relation::Child,
                    Relation::Child => Relation::Parent,
                    Relation::Guardian | Relation::Grandparent => continue,
                };
                let mirrored = Kin { relation: back, person_id: person };
                prop_assert!(graph.kin(kin.person_id).contains(&mirrored));
            }
        }
    }

    /// Holders are the inverse of kin, dependants a part of them.
    #[test]
    fn holders_are_the_inverse_of_kin(links in any_links()) {
        let graph: KinGraph = links.into_iter().collect();
        for person in everybody() {
            let expected: BTreeSet<Kin> = everybody()
                .flat_map(|holder| graph.kin(holder).into_iter().map(move |kin| (holder, kin)))
                .filter(|(_, kin)| kin.person_id == person)
                .map(|(holder, kin)| Kin { relation: kin.relation, person_id: holder })
                .collect();
            prop_assert_eq!(graph.holders(person), expected);
        }
    }

    /// Whoever's circle a link changes is told.
    #[test]
    fn everybody_whose_circle_changes_is_affected(links in any_links(), link in any_link()) {
        let with: KinGraph = links.iter().copied().chain([link]).collect();
        let without: KinGraph = links.iter().copied().filter(|other| *other != link).collect();
        prop_assert_eq!(with.affected(&link), without.affected(&link));
        for person in everybody() {
            if with.kin(person) != without.kin(person) {
                prop_assert!(with.affected(&link).contains(&person));
            }
        }
    }

    /// What the module says must be loaded is enough.
    #[test]
    fn what_is_to_be_loaded_is_enough(links in any_links(), link in any_link()) {
        let all: KinGraph = links.iter().copied().collect();
        let ends = BTreeSet::from([link.person_id, link.relative_id]);
        let near: KinGraph = touching(&links, &ends).into_iter().collect();
        prop_assert_eq!(near.affected(&link), all.affected(&link));
        for person in everybody() {
            let mut own: KinGraph = touching(&links, &BTreeSet::from([person])).into_iter().collect();
            own.extend(touching(&links, &own.parents(person)));
            prop_assert_eq!(own.kin(person), all.kin(person));
            own.extend(touching(&links, &own.children(person)));
            prop_assert_eq!(own.holders(person), all.holders(person));
        }
    }
}
