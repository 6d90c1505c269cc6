//! That a death took effect once, as the topics and a department's own records say.

use std::collections::BTreeSet;

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, Envelope, TopicPartition};
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::topics::{self, Topic};
use prost::Message;
use uuid::Uuid;

use crate::processes::Cluster;

/// Asserts of cases of one report and one fact each: one evidence, one fact, one receipt per question,
/// and at residents one change of the person.
///
/// What was sent twice lies on a topic twice, under one id, which is how a reader knows it: ids are
/// counted.
pub async fn took_effect(cluster: &Cluster, cases: &[pb::DeathCase]) {
    let bus = bus(cluster);
    let facts = events(&bus, &topics::LIFE_EVENTS_DEATH).await;
    let receipts = receipts(&bus).await;
    let residents = cluster.database.open("residents").await;
    let residents = residents.expect("a database");
    for case in cases {
        assert_eq!((case.evidence.len(), case.fact_version), (1, 1));
        let told: BTreeSet<Uuid> = facts
            .iter()
            .filter(|event| event.key == case.person_id)
            .map(|event| event.id)
            .collect();
        assert_eq!(told.len(), 1, "facts about {}", case.person_id);
        assert!(!case.questions.is_empty());
        for question in &case.questions {
            let given: BTreeSet<Uuid> = receipts
                .iter()
                .filter(|(_, receipt)| answers(receipt, case, question))
                .map(|(id, _)| *id)
                .collect();
            assert_eq!(given.len(), 1, "receipts for {question:?}");
        }
        assert_eq!(
            changes(&residents, &case.person_id).await,
            1,
            "changes of {}",
            case.person_id
        );
    }
    residents.close().await;
}

fn bus(cluster: &Cluster) -> KafkaBus {
    let settings = KafkaSettings {
        topic_prefix: cluster.topic_prefix().to_owned(),
        ..KafkaSettings::new(cluster.kafka.clone())
    };
    KafkaBus::connect(settings).expect("a bus")
}

async fn events(bus: &dyn Bus, topic: &Topic) -> Vec<Envelope> {
    let mut events = Vec::new();
    for partition in 0..topic.partitions {
        let at = TopicPartition::new(topic.name, partition);
        let records = bus.read(&at, 0, 10_000).await.expect("read");
        events.extend(
            records
                .into_iter()
                .map(|record| record.envelope.expect("an envelope")),
        );
    }
    events
}

async fn receipts(bus: &dyn Bus) -> Vec<(Uuid, pb::ReceiptIssued)> {
    let decode = |event: Envelope| {
        let receipt = pb::ReceiptIssued::decode(event.value.as_slice());
        (event.id, receipt.expect("a receipt"))
    };
    let events = events(bus, pb::ReceiptIssued::TOPIC).await;
    events.into_iter().map(decode).collect()
}

fn answers(receipt: &pb::ReceiptIssued, case: &pb::DeathCase, question: &pb::Question) -> bool {
    let action = |answer: &pb::ActionAnswer| answer.action == question.action;
    receipt.case_id == case.id
        && receipt.fact_version == question.fact_version
        && receipt.department == question.department
        && receipt.answers.iter().any(action)
}

/// How often residents recorded that it marked somebody's life status.
async fn changes(residents: &Database, person_id: &str) -> i64 {
    let text =
        "SELECT count(*) AS n FROM audit WHERE aggregate_id = $1 AND action = 'MarkLifeStatus'";
    let id = Uuid::parse_str(person_id).expect("an id");
    let row = residents.reader().one(text, [val(id)]).await;
    row.expect("read").expect("a count").get("n").expect("n")
}
