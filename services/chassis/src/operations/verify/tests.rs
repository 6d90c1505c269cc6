//! Each check of topics and tables sees what was planted for it, and nothing before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1::{ActionAnswer, DeathConfirmed, DeathFact, ReceiptIssued};
use minzheng_proto::topics::{
    self, ELDERLY_CARE_BED, LIFE_EVENTS_DEATH, LIFE_EVENTS_RECEIPTS, RESIDENTS_PERSON,
};
use prost::Message;
use uuid::Uuid;

use super::{Before, NAMED_AT_MOST, Topics, run, some_of};
use crate::bus::embedded::EmbeddedBus;
use crate::bus::{Bus, Delivery, Envelope, TopicSpec};
use crate::civil::{PartialDate, micros};
use crate::clock::{FakeClock, SharedClock};
use crate::config::Settings;
use crate::context::Context;
use crate::db::{Sql, val};
use crate::inbox::{Event, Reaction, Subscription};
use crate::module::Module;
use crate::person::{Fact, LifeStatus};
use crate::seam::{Failure, UnitOfWork};
use crate::testing::bus_conformance::event;
use crate::testing::{Still, TestDatabase};

const SERVICE: &str = "elderly-care";
const BEDS: &str = ELDERLY_CARE_BED.name;
const PERSONS: &str = RESIDENTS_PERSON.name;
const DEATHS: &str = LIFE_EVENTS_DEATH.name;

crate::on_both_databases!(
    order_sees_numbers_that_fall_and_numbers_given_twice,
    order_knows_copies_and_what_is_answered_again,
    gaps_are_seen_once_they_are_a_minute_old,
    gaps_that_the_topic_knows_to_be_none_are_not_seen,
    who_has_heard_a_fact_must_know_it,
    answers_are_seen_that_one_event_had_given_twice,
    answers_of_people_and_of_a_restored_database_are_not_seen,
    what_is_held_or_waits_for_long_is_seen,
    what_a_subscription_has_not_read_for_long_is_seen,
    effects_are_seen_that_happened_in_two_units,
    effects_of_one_unit_of_people_and_of_requests_are_not_seen,
);

const FOLLOW_DEATHS: &str = "elderly-care.follow-deaths";

fn follow_deaths() -> Subscription {
    Subscription::named(FOLLOW_DEATHS).on(Hear)
}

/// Has nothing to do about a death.
struct Hear;

impl Reaction<Fact> for Hear {
    type Asked = ();

    async fn ask(&self, _cx: &Context, _event: &Event<Fact>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        _uow: &mut UnitOfWork,
        _event: &Event<Fact>,
        _asked: &(),
    ) -> Result<(), Failure> {
        Ok(())
    }
}

/// A service on its database and a bus, both empty.
struct World {
    cx: Context,
    clock: FakeClock,
    bus: Arc<EmbeddedBus>,
}

impl World {
    async fn on(database: &TestDatabase) -> Self {
        database.create(&[SERVICE]).await.expect("created");
        let clock = FakeClock::at(Timestamp::now());
        let shared: SharedClock = Arc::new(clock.clone());
        let path = database.directory().join("bus.db");
        let bus = Arc::new(EmbeddedBus::open(&path, shared.clone()).expect("opened"));
        let specs = topics::ALL.map(|topic| TopicSpec::from(*topic));
        bus.apply_topics(&specs).await.expect("applied");
        let settings = Settings::with(database.settings()).expect("valid");
        let still = Still::new(settings, shared, bus.clone(), BTreeMap::new());
        let module = Module::named(SERVICE).subscription(follow_deaths);
        let cx = still.context(module).await;
        Self { cx, clock, bus }
    }

    async fn end(self) {
        self.cx.db().close().await;
        self.bus.close(Duration::from_secs(5)).await;
    }

    async fn publish(&self, events: &[&Envelope]) {
        for event in events {
            let sent = self.bus.send(&[(*event).clone()]).await;
            assert_eq!(sent, [Delivery::Stored]);
        }
    }

    /// What one check finds.
    async fn found(&self, check: &str) -> Vec<String> {
        let before = Before::load(&self.cx).await.expect("read");
        let topics = Topics::read(&self.cx).await.expect("read");
        let found = run(&self.cx, &before, &topics).await.expect("verified");
        let found = found.into_iter().filter(|one| one.check == check);
        found.map(|one| one.detail).collect()
    }

    async fn plant_gap(&self, key: &str, number: i64, kind: &'static str) {
        let text = "INSERT INTO stream_gap (source, topic, key, missing_sequence, kind, seen_at) \
                    VALUES ('residents', $1, $2, $3, $4, $5)";
        let seen_at = micros(self.cx.now());
        let values = [val(PERSONS), val(key), val(number), val(kind), val(seen_at)];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    async fn plant_audit(&self, cause: Uuid, subject: &str, thing: Uuid) {
        let text = "INSERT INTO audit (id, at, action, subject, service, aggregate, aggregate_id, causation_id, \
                    record, key_id, mac) VALUES ($1, $2, 'EndStay', $3, $4, 'stay', $5, $6, '', '1', $7)";
        let now = self.cx.now();
        let values = [
            val(crate::context::new_id(now)),
            val(micros(now)),
            val(subject),
            val(SERVICE),
            val(thing),
            val(cause),
            val(vec![0_u8]),
        ];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    async fn plant_held(&self, state: &str) {
        let text = "INSERT INTO inbox (subscription, event_id, state, topic, partition, record_offset, key, received_at) \
                    VALUES ($1, $2, $3, $4, 0, 0, 'k', 0)";
        let id = Uuid::new_v4();
        let values = [val(FOLLOW_DEATHS), val(id), val(state), val(DEATHS)];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    async fn plant_waiting(&self, refused: Option<&str>) {
        let text = "INSERT INTO outbox (event_id, topic, key, sequence, type, time, value, refused_reason) \
                    VALUES ($1, $2, 'k', 1, 'e', $3, $4, $5)";
        let values = [
            val(Uuid::new_v4()),
            val(BEDS),
            val(micros(self.cx.now())),
            val(vec![0_u8]),
            val(refused.map(str::to_owned)),
        ];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    /// The subscription has read so far in the partition in which the last event of a topic lies.
    async fn plant_position(&self, topic: &'static str, next: i64) {
        let topics = Topics::read(&self.cx).await.expect("read");
        let last = topics.seen(topic).last().expect("an event");
        let text = "INSERT INTO position (subscription, topic, partition, next_offset) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (subscription, topic, partition) DO UPDATE SET next_offset = excluded.next_offset";
        let at = last.at.partition;
        let values = [val(FOLLOW_DEATHS), val(topic), val(at), val(next)];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    async fn plant_known(&self, person: Uuid, version: i64, status: LifeStatus) {
        let text = "INSERT INTO known_person (person_id, fact_version, status, died_on) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (person_id) DO UPDATE SET fact_version = excluded.fact_version, status = excluded.status";
        let died_on = PartialDate::UNKNOWN.to_string();
        let values = [val(person), val(version), val(status.name()), val(died_on)];
        let planted = self.cx.db().writer().run(text, values).await;
        planted.expect("planted");
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn bed(key: &str, number: i64) -> Envelope {
    Envelope {
        source: SERVICE.to_owned(),
        causation_id: Some(Uuid::new_v4()),
        ..event(BEDS, key, number - 1)
    }
}

fn person(key: &str, number: i64) -> Envelope {
    Envelope {
        source: "residents".to_owned(),
        ..event(PERSONS, key, number - 1)
    }
}

fn death(person: Uuid, number: i64, version: i64) -> Envelope {
    let fact = DeathFact {
        person_id: person.to_string(),
        case_id: Uuid::new_v4().to_string(),
        episode: 1,
        fact_version: version,
        ..Default::default()
    };
    let confirmed = DeathConfirmed { fact: Some(fact) };
    Envelope {
        source: "life-events".to_owned(),
        event_type: DeathConfirmed::TYPE.to_owned(),
        value: confirmed.encode_to_vec(),
        ..event(DEATHS, &person.to_string(), number - 1)
    }
}

/// A department's answer to one question of the first fact of a case.
fn receipt(cause: Uuid, case: Uuid, action: &str, number: i64) -> Envelope {
    let answer = ActionAnswer {
        action: action.to_owned(),
        ..Default::default()
    };
    let receipt = ReceiptIssued {
        case_id: case.to_string(),
        fact_version: 1,
        answers: vec![answer],
        ..Default::default()
    };
    Envelope {
        source: SERVICE.to_owned(),
        event_type: ReceiptIssued::TYPE.to_owned(),
        causation_id: Some(cause),
        value: receipt.encode_to_vec(),
        ..event(LIFE_EVENTS_RECEIPTS.name, "p", number - 1)
    }
}

/// The same for the same cause, an instant later and under a number that a restored database has given again.
fn again(event: &Envelope, number: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        sequence: number,
        time: event.time + Duration::from_secs(1),
        ..event.clone()
    }
}

async fn order_sees_numbers_that_fall_and_numbers_given_twice(database: TestDatabase) {
    let world = World::on(&database).await;
    let [one, two, three] = [1, 2, 3].map(|number| bed("a", number));
    world.publish(&[&one, &three, &bed("b", 1)]).await;
    let found = world.found("stream-order").await;
    assert_eq!(found, [""; 0], "a hole is told by another check");
    world.publish(&[&two]).await;
    let found = world.found("stream-order").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(&two.id.to_string()), "{found:?}");
    assert!(found[0].contains("behind number 3"), "{found:?}");

    let other = bed("b", 1);
    world.publish(&[&other]).await;
    let found = world.found("stream-order").await;
    assert_eq!(found.len(), 2, "{found:?}");
    let twice = format!("and {}", other.id);
    assert!(found.iter().any(|one| one.ends_with(&twice)), "{found:?}");
    world.end().await;
}

async fn order_knows_copies_and_what_is_answered_again(database: TestDatabase) {
    let world = World::on(&database).await;
    let [one, two, three] = [1, 2, 3].map(|number| bed("a", number));
    // The relay did not hear that the second and third were stored.
    world
        .publish(&[&one, &two, &three, &two, &three, &bed("a", 4)])
        .await;
    // Somebody else's stream of that key, and a foreign one that is out of order: its owner tells it.
    let foreign = |number| Envelope {
        source: "child-welfare".to_owned(),
        ..bed("a", number)
    };
    world.publish(&[&foreign(2), &foreign(1)]).await;
    assert_eq!(world.found("stream-order").await, [""; 0]);
    // Restored to where the second was not yet given: the causes of the second and third are heard again.
    world
        .publish(&[&again(&two, 2), &again(&three, 3), &bed("a", 5)])
        .await;
    assert_eq!(world.found("stream-order").await, [""; 0]);
    // What was lost was a command: the next one has its number.
    world.publish(&[&bed("a", 4)]).await;
    assert_eq!(world.found("stream-order").await.len(), 1);
    world.end().await;
}

async fn gaps_are_seen_once_they_are_a_minute_old(database: TestDatabase) {
    let world = World::on(&database).await;
    let [one, four] = [1, 4].map(|number| person("a", number));
    let twice = [person("b", 1), person("b", 1)];
    world.publish(&[&one, &four, &twice[0], &twice[1]]).await;
    for number in [2, 3] {
        world.plant_gap("a", number, "gap").await;
    }
    world.plant_gap("b", 1, "fork").await;
    world.pass(59);
    assert_eq!(world.found("stream-gap").await, [""; 0]);
    world.pass(2);
    let found = world.found("stream-gap").await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("number 2 of key a of residents on residents.person is missing"));
    assert!(found[1].starts_with("number 3 of key a"), "{found:?}");
    assert!(found[2].contains("came out of order"), "{found:?}");
    world.end().await;
}

async fn gaps_that_the_topic_knows_to_be_none_are_not_seen(database: TestDatabase) {
    let world = World::on(&database).await;
    let [one, two, three] = [1, 2, 3].map(|number| person("a", number));
    // The second came to another replica; the first came again when its inbox row had been deleted for its age.
    world.publish(&[&one, &two, &three, &one]).await;
    world.plant_gap("a", 2, "gap").await;
    world.plant_gap("a", 1, "fork").await;
    world.pass(61);
    assert_eq!(world.found("stream-gap").await, [""; 0]);
    world.end().await;
}

async fn who_has_heard_a_fact_must_know_it(database: TestDatabase) {
    let world = World::on(&database).await;
    let person = Uuid::now_v7();
    let facts = [1, 2].map(|number| death(person, number, number));
    world.publish(&[&facts[0], &facts[1]]).await;
    assert_eq!(
        world.found("fact-known").await,
        [""; 0],
        "nothing was heard yet"
    );
    world.plant_position(DEATHS, 1).await;
    let found = world.found("fact-known").await;
    let unknown = |knows: i64, heard: i64| {
        format!("knows fact {knows} of person {person}, and has heard fact {heard}")
    };
    assert_eq!(found, [unknown(0, 1)]);
    world.plant_known(person, 1, LifeStatus::Dead).await;
    assert_eq!(world.found("fact-known").await, [""; 0]);
    world.plant_known(person, 1, LifeStatus::Alive).await;
    let found = world.found("fact-known").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("as alive"), "{found:?}");
    assert!(found[0].contains("fact 1 says dead"), "{found:?}");
    world.plant_known(person, 1, LifeStatus::Dead).await;
    world.plant_position(DEATHS, 2).await;
    assert_eq!(world.found("fact-known").await, [unknown(1, 2)]);
    world.plant_known(person, 3, LifeStatus::Alive).await;
    assert_eq!(world.found("fact-known").await, [""; 0]);
    let own = world.found("fact-order").await;
    assert_eq!(own, [""; 0], "whoever publishes them tells of their order");
    world.end().await;
}

async fn answers_are_seen_that_one_event_had_given_twice(database: TestDatabase) {
    let world = World::on(&database).await;
    let [heard, other] = [1, 2].map(|number| death(Uuid::now_v7(), number, 1));
    let case = Uuid::now_v7();
    let first = receipt(heard.id, case, "end-stay", 1);
    world.publish(&[&heard, &other, &first, &first]).await;
    // Another question, another case, another cause: a merge has the same asked again.
    world
        .publish(&[
            &receipt(heard.id, case, "release-bed", 2),
            &receipt(heard.id, Uuid::now_v7(), "end-stay", 3),
            &receipt(other.id, case, "end-stay", 4),
        ])
        .await;
    assert_eq!(world.found("answer-once").await, [""; 0]);
    let second = receipt(heard.id, case, "end-stay", 5);
    world.publish(&[&second]).await;
    let told = format!(
        "event {} made it answer end-stay of fact 1 of case {case} twice, by receipts {} and {}",
        heard.id, first.id, second.id
    );
    assert_eq!(world.found("answer-once").await, [told]);
    world.end().await;
}

async fn answers_of_people_and_of_a_restored_database_are_not_seen(database: TestDatabase) {
    let world = World::on(&database).await;
    let heard = death(Uuid::now_v7(), 1, 1);
    let [case, request] = [Uuid::now_v7(), Uuid::now_v7()];
    let first = receipt(heard.id, case, "end-stay", 1);
    let foreign = |number| Envelope {
        source: "child-welfare".to_owned(),
        ..receipt(heard.id, case, "end-stay", number)
    };
    world
        .publish(&[&heard, &first, &again(&first, 1), &foreign(1), &foreign(2)])
        .await;
    for number in [2, 3] {
        let decided = receipt(request, case, "end-stay", number);
        world.publish(&[&decided]).await;
    }
    assert_eq!(world.found("answer-once").await, [""; 0]);
    world.end().await;
}

async fn what_is_held_or_waits_for_long_is_seen(database: TestDatabase) {
    let world = World::on(&database).await;
    for state in ["applied", "noted"] {
        world.plant_held(state).await;
    }
    assert_eq!(world.found("dead-letters").await, [""; 0]);
    for state in ["parked", "stopped", "stopped"] {
        world.plant_held(state).await;
    }
    let mut found = world.found("dead-letters").await;
    found.sort_unstable();
    let held = ["1 parked", "2 stopped"].map(|held| format!("{FOLLOW_DEATHS}: {held}"));
    assert_eq!(found, held);

    world.plant_waiting(None).await;
    world.pass(59);
    assert_eq!(world.found("outbox-age").await, [""; 0]);
    world.pass(2);
    let found = world.found("outbox-age").await;
    assert_eq!(found, ["1 events wait, the oldest for 61 s"]);
    world.plant_waiting(Some("too large")).await;
    let found = world.found("dead-letters").await;
    assert_eq!(found.last().unwrap(), "outbox: 1 refused by the bus");
    world.end().await;
}

async fn what_a_subscription_has_not_read_for_long_is_seen(database: TestDatabase) {
    let world = World::on(&database).await;
    let person = Uuid::from_u128(1);
    let at = world.cx.now();
    let told = |number| Envelope {
        time: at,
        ..death(person, number, number)
    };
    let unheard = Envelope {
        time: at,
        ..self::person("p", 1)
    };
    world.publish(&[&told(1), &told(2), &unheard]).await;
    world.pass(59);
    assert_eq!(world.found("subscription-lag").await, [""; 0]);
    world.pass(2);
    let lags = |many: u8| {
        [format!(
            "{FOLLOW_DEATHS}: of {DEATHS} {many} events wait, the oldest for 61 s"
        )]
    };
    assert_eq!(world.found("subscription-lag").await, lags(2));
    world.plant_position(DEATHS, 1).await;
    assert_eq!(world.found("subscription-lag").await, lags(1));
    world.plant_position(DEATHS, 2).await;
    assert_eq!(world.found("subscription-lag").await, [""; 0]);
    world.end().await;
}

async fn effects_are_seen_that_happened_in_two_units(database: TestDatabase) {
    let world = World::on(&database).await;
    let itself = world.cx.itself().subject.clone();
    let [heard, other] = [1, 2].map(|number| person("a", number));
    world.publish(&[&heard, &other]).await;
    let [stay, another] = [Uuid::now_v7(), Uuid::now_v7()];
    world.plant_audit(heard.id, &itself, stay).await;
    world.pass(1);
    world.plant_audit(heard.id, &itself, another).await;
    world.plant_audit(other.id, &itself, stay).await;
    assert_eq!(world.found("effect-once").await, [""; 0]);
    world.plant_audit(heard.id, &itself, stay).await;
    let told = format!("event {} did EndStay to stay {stay} 2 times", heard.id);
    assert_eq!(world.found("effect-once").await, [told]);
    world.end().await;
}

async fn effects_of_one_unit_of_people_and_of_requests_are_not_seen(database: TestDatabase) {
    let world = World::on(&database).await;
    let itself = world.cx.itself().subject.clone();
    let heard = person("a", 1);
    world.publish(&[&heard]).await;
    let [stay, another] = [Uuid::now_v7(), Uuid::now_v7()];
    // Two steps of one unit of work.
    world.plant_audit(heard.id, &itself, stay).await;
    world.plant_audit(heard.id, &itself, stay).await;
    let request = Uuid::new_v4();
    for _ in 0..2 {
        // A caller that took an event's id for its own, and a request of the service itself.
        world.plant_audit(heard.id, "somebody", another).await;
        world.plant_audit(request, &itself, another).await;
        world.pass(1);
    }
    assert_eq!(world.found("effect-once").await, [""; 0]);
    world.end().await;
}

#[test]
fn of_many_findings_some_are_named() {
    let many = |count: usize| vec!["one".to_owned(); count];
    assert_eq!(some_of(many(NAMED_AT_MOST)).len(), NAMED_AT_MOST);
    let some = some_of(many(NAMED_AT_MOST + 7));
    assert_eq!(some.len(), NAMED_AT_MOST + 1);
    assert_eq!(some[NAMED_AT_MOST], "and 7 more");
}
