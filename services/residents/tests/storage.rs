//! How residents keeps what it knows: encrypted, found by keyed hashes, saved by version.

mod common;

use common::*;
use jiff::civil::date;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::TopicPartition;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_chassis::testing::{Deployment, Kind, TestNode, operator};
use minzheng_proto::residents::v1 as pb;
use minzheng_proto::topics;
use minzheng_residents::domain::document::{Document, IdType};
use minzheng_residents::domain::person::Person;
use minzheng_residents::storage::person::{Changed, Persons, StoredPerson};
use uuid::Uuid;

on_both_deployments!(
    what_was_recorded_is_read_again,
    no_name_and_no_number_is_found_in_database_or_topics,
    a_save_of_an_older_version_is_a_conflict,
    finders_see_the_callers_divisions_only,
    rules_are_seeded,
);

const NAME: &str = "欧阳㼆𬭎";
const PHONE: &str = "13987654321";

async fn recorded(node: &TestNode) -> Uuid {
    let asked = pb::RegisterPersonRequest {
        phone: PHONE.to_owned(),
        ..registration(identity(1, NAME))
    };
    let answer = client(node, &nanming_clerk()).register_person(asked).await;
    let person = answer.unwrap().into_inner().person.unwrap();
    person.person_id.parse().unwrap()
}

async fn stored(node: &TestNode, id: Uuid) -> StoredPerson {
    let cx = node.context("residents");
    let found = Persons::reading(cx).find_anywhere(id).await.unwrap();
    found.unwrap()
}

fn document(number: &str) -> Document {
    Document::parse(IdType::ResidentId, number, date(2026, 7, 1)).unwrap()
}

async fn what_was_recorded_is_read_again(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = recorded(&node).await;
    let first = stored(&node, id).await;
    assert_eq!(first.version, 1);
    assert_eq!(first.person.phone.as_ref().unwrap().expose(), PHONE);
    assert_eq!(first.person.identity.name.as_ref().unwrap().expose(), NAME);
    let former_number = number(date(1980, 1, 1), 1);
    assert_eq!(first.person.identity.document, document(&former_number));

    let corrected = pb::CorrectIdentityRequest {
        request_id: request_id(),
        person_id: id.to_string(),
        etag: "v1".to_owned(),
        identity: Some(identity(2, "欧阳锋")),
        reason: "录入笔误".to_owned(),
        ..Default::default()
    };
    let mut clerk = client(&node, &nanming_clerk());
    clerk.correct_identity(corrected).await.unwrap();
    node.stop().await;

    // Another process reads the same, by either number.
    let modules = vec![minzheng_residents::module()];
    let node = deployment.start_again(modules, &[]).await;
    let second = stored(&node, id).await;
    assert_eq!(second.version, 2);
    assert_eq!(second.registered_at, first.registered_at);
    assert_eq!(second.person.former.len(), 1);
    assert_eq!(second.person.former[0].identity, first.person.identity);
    assert_eq!(second.person.former[0].reason, "录入笔误");
    let persons = Persons::reading(node.context("residents"));
    for sequence in [1, 2] {
        let document = document(&number(date(1980, 1, 1), sequence));
        let found: Vec<Person> = persons.with_number_anywhere(&document).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&second.person));
    }
    node.stop().await;
}

async fn no_name_and_no_number_is_found_in_database_or_topics(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = recorded(&node).await.to_string();
    let mut clerk = client(&node, &nanming_clerk());
    let look = pb::GetPersonRequest {
        person_id: id.clone(),
        reveal: vec![
            pb::PersonalField::Name.into(),
            pb::PersonalField::IdNumber.into(),
            pb::PersonalField::Phone.into(),
        ],
        purpose: "核对户口底册".to_owned(),
    };
    let shown = clerk.get_person(look).await.unwrap().into_inner();
    assert_eq!(shown.person.unwrap().phone, PHONE);
    // A death certificate's own number is the citizen's ID number.
    let reference = number(date(1980, 1, 1), 1);
    for sequence in [1, 3] {
        let mut report = report(&reference, identity(sequence, NAME));
        report.source_organisation = format!("hospital-{sequence}");
        resolve(&node, report).await.unwrap();
    }
    let corrected = pb::CorrectIdentityRequest {
        request_id: request_id(),
        person_id: id.clone(),
        etag: "v1".to_owned(),
        identity: Some(identity(2, "欧阳锋")),
        reason: "录入笔误".to_owned(),
        ..Default::default()
    };
    clerk.correct_identity(corrected).await.unwrap();
    send(&node, &[fact(FactOf::Confirmed, &id, 1, (2026, 5, 1))]).await;
    receipts(&node, &id, 1).await;

    let mut secrets = vec![NAME.to_owned(), "欧阳锋".to_owned(), PHONE.to_owned()];
    secrets.extend((1..=3).map(|sequence| number(date(1980, 1, 1), sequence)));
    let kept = kept(&deployment, &node).await;
    let told = told(&node).await;
    assert!(!kept.is_empty() && !told.is_empty());
    for secret in &secrets {
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (place, bytes) in kept.iter().chain(&told) {
            for needle in [secret.as_bytes(), hexadecimal.as_bytes()] {
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "personal data in {place}");
            }
        }
    }
    node.stop().await;
}

/// Everything in the database: SQLite's files as they are, PostgreSQL's rows as text.
async fn kept(deployment: &Deployment, node: &TestNode) -> Vec<(String, Vec<u8>)> {
    match deployment.database().kind() {
        Kind::Sqlite => files(deployment.database().directory()),
        Kind::Postgres => tables(node.context("residents")).await,
    }
}

fn files(directory: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

async fn tables(cx: &Context) -> Vec<(String, Vec<u8>)> {
    let text = "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'";
    let mut found = Vec::new();
    for row in cx.db().reader().all(text, []).await.unwrap() {
        let name: String = row.get("name").unwrap();
        let text = format!("SELECT t::text AS line FROM {name} t");
        for row in cx.db().reader().all(text, []).await.unwrap() {
            let line: String = row.get("line").unwrap();
            found.push((name.clone(), line.into_bytes()));
        }
    }
    found
}

/// Everything on the topics.
async fn told(node: &TestNode) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for topic in [topics::RESIDENTS_PERSON, topics::LIFE_EVENTS_RECEIPTS] {
        let partitions = node.bus().watermarks(topic.name).await.unwrap().len();
        for partition in 0..i32::try_from(partitions).unwrap() {
            let at = TopicPartition::new(topic.name, partition);
            for record in node.bus().read(&at, 0, 1000).await.unwrap() {
                let envelope = record.envelope.unwrap();
                let headers = format!("{:?}", envelope.headers()).into_bytes();
                found.push((at.to_string(), [headers, envelope.value].concat()));
            }
        }
    }
    found
}

/// Saves what was read before somebody else saved.
struct SaveStale(StoredPerson);

impl Command for SaveStale {
    const NAME: &'static str = "tests/SaveStale";
    type Asked = ();
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        let mut stale = self.0.clone();
        Persons::within(uow).save(&mut stale, Changed::Places).await
    }
}

async fn a_save_of_an_older_version_is_a_conflict(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = recorded(&node).await;
    let cx = node.context("residents");
    let first = stored(&node, id).await;
    cx.run(&operator("op"), None, SaveStale(first.clone()))
        .await
        .unwrap();
    let again = cx.run(&operator("op"), None, SaveStale(first)).await;
    assert!(again.unwrap_err().is_conflict());
    assert_eq!(stored(&node, id).await.version, 2);
    node.stop().await;
}

async fn finders_see_the_callers_divisions_only(deployment: Deployment) {
    let node = start(&deployment).await;
    let id = recorded(&node).await;
    let persons = Persons::reading(node.context("residents"));
    let nobody = Caller {
        divisions: Vec::new(),
        ..nanming_clerk()
    };
    let village = Caller {
        divisions: vec!["520102001".parse().unwrap()],
        ..nanming_clerk()
    };
    for (caller, seen) in [
        (nanming_clerk(), true),
        (operator("op"), true),
        (life_events_service(), true),
        (yunyan_clerk(), false),
        (village, false),
        (nobody, false),
    ] {
        assert_eq!(persons.find(&caller, id).await.is_ok(), seen, "{caller:?}");
        let found = persons.all(&caller, &[id]).await.unwrap();
        assert_eq!(!found.is_empty(), seen);
    }
    node.stop().await;
}

async fn rules_are_seeded(deployment: Deployment) {
    let node = start(&deployment).await;
    let text = "SELECT key, value FROM rule WHERE programme = 'residents'";
    let rows = node.context("residents").db().reader().all(text, []).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<String>("key").unwrap(), "decide-match-days");
    assert_eq!(rows[0].get::<i64>("value").unwrap(), 1);
    node.stop().await;
}
