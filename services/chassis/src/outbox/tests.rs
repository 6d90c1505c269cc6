//! The outbox regression: late commits, hot keys through two nodes, a row the bus refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::BedChanged;
use minzheng_proto::topics::{ELDERLY_CARE_BED, MAX_RECORD_BYTES};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::table;
use super::write::{PendingEvent, write};
use crate::bus::{Bus, Envelope, TopicPartition};
use crate::context::Context;
use crate::db::writes::run_all;
use crate::module::Module;
use crate::seam::{Cause, Command, Failure, UnitOfWork};
use crate::testing::{Deployment, eventually, operator};

const SERVICE: &str = "elderly-care";

fn module() -> Module {
    Module::named(SERVICE)
}

fn event(key: &str, facility: &str) -> PendingEvent {
    let body = BedChanged {
        bed_id: key.to_owned(),
        facility_id: facility.to_owned(),
        ..Default::default()
    };
    PendingEvent::of(
        &body,
        None,
        Uuid::now_v7(),
        jiff::Timestamp::now(),
        Cause::default(),
    )
    .expect("small")
}

/// Writes events within a transaction.
async fn store(
    transaction: &sea_orm::DatabaseTransaction,
    events: Vec<PendingEvent>,
) -> Result<(), DbErr> {
    let writes = write(transaction.get_database_backend(), &events);
    assert_eq!(run_all(transaction, writes).await?, None);
    Ok(())
}

/// Everything on the topic of beds, partition by partition, in order.
async fn on_the_bus(bus: &Arc<dyn Bus>) -> Vec<Envelope> {
    let mut found = Vec::new();
    let partitions = bus
        .watermarks(ELDERLY_CARE_BED.name)
        .await
        .expect("watermarks")
        .len();
    for partition in 0..i32::try_from(partitions).expect("a few") {
        let at = TopicPartition {
            topic: ELDERLY_CARE_BED.name.to_owned(),
            partition,
        };
        let mut from = 0;
        loop {
            let records = bus.read(&at, from, 500).await.expect("read");
            let Some(last) = records.last() else { break };
            from = last.offset + 1;
            found.extend(
                records
                    .into_iter()
                    .map(|record| record.envelope.expect("an envelope")),
            );
        }
    }
    found
}

async fn eventually_on_the_bus(bus: &Arc<dyn Bus>, count: usize) -> Vec<Envelope> {
    eventually(&format!("{count} events on the bus"), || async {
        let found = on_the_bus(bus).await;
        (found.len() >= count).then_some(found)
    })
    .await
}

fn facilities_of(key: &str, found: &[Envelope]) -> Vec<(i64, String)> {
    let of_key = found.iter().filter(|envelope| envelope.key == key);
    of_key
        .map(|envelope| {
            let body =
                <BedChanged as prost::Message>::decode(envelope.value.as_slice()).expect("a bed");
            (envelope.sequence, body.facility_id)
        })
        .collect()
}

/// T2 writes B; T1 emits A1 and commits; T2 emits A2 and commits: A1 before A2, none lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_commit_is_neither_lost_nor_out_of_order() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let node = deployment
        .start_with(vec![module()], &["database.max_connections=5"])
        .await;
    let cx = node.context(SERVICE);
    let (first, second) = (
        cx.db().begin().await.unwrap(),
        cx.db().begin().await.unwrap(),
    );
    store(&second, vec![event("b", "B")]).await.unwrap();
    store(&first, vec![event("a", "A1")]).await.unwrap();
    first.commit().await.unwrap();
    cx.committed(true);
    let found = eventually_on_the_bus(node.bus(), 1).await;
    assert_eq!(facilities_of("a", &found), [(1, "A1".to_owned())]);
    store(&second, vec![event("a", "A2")]).await.unwrap();
    second.commit().await.unwrap();
    let found = eventually_on_the_bus(node.bus(), 3).await;
    assert_eq!(
        facilities_of("a", &found),
        [(1, "A1".to_owned()), (2, "A2".to_owned())]
    );
    assert_eq!(facilities_of("b", &found), [(1, "B".to_owned())]);
    node.stop().await;
}

struct Emit(String);

impl Command for Emit {
    const NAME: &'static str = "Test/Emit";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &crate::authz::Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<BedChanged, Failure> {
        let body = BedChanged {
            bed_id: self.0.clone(),
            ..Default::default()
        };
        uow.publish(&body, None)?;
        Ok(body)
    }
}

/// Hundreds of concurrent transactions on five keys, through two nodes of which one relays: every
/// event once, in sequence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_keys_through_two_nodes_stay_in_sequence() {
    const EVENTS: usize = 400;
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let more = ["database.max_connections=8"];
    let first = deployment.start_with(vec![module()], &more).await;
    let second = deployment.start_again(vec![module()], &more).await;
    let emit = |n: usize| {
        let cx = if n.is_multiple_of(2) {
            first.context(SERVICE)
        } else {
            second.context(SERVICE)
        };
        async move {
            cx.run(&operator("op"), None, Emit(format!("hot-{}", n % 5)))
                .await
                .expect("emitted")
        }
    };
    join_all((0..EVENTS).map(emit)).await;
    let found = eventually_on_the_bus(first.bus(), EVENTS).await;
    let mut sequences: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for envelope in &found {
        sequences
            .entry(&envelope.key)
            .or_default()
            .push(envelope.sequence);
    }
    let each = i64::try_from(EVENTS / 5).unwrap();
    for (key, sequences) in sequences {
        assert_eq!(sequences, (1..=each).collect::<Vec<_>>(), "{key}");
    }
    eventually("the outbox is empty", || async {
        let status = table::status(first.context(SERVICE).db().reader())
            .await
            .unwrap();
        (status.rows == 0).then_some(())
    })
    .await;
    second.stop().await;
    first.stop().await;
}

/// A row that the bus refuses for itself holds its key, and nothing else.
async fn a_refused_row_holds_its_key_only(deployment: Deployment) {
    let node = deployment.start(vec![module()]).await;
    let cx = node.context(SERVICE);
    let mut large = event("large", "1");
    large.enlarge(MAX_RECORD_BYTES + 1000);
    let transaction = cx.db().begin().await.unwrap();
    store(
        &transaction,
        vec![
            event("other", "1"),
            large,
            event("large", "2"),
            event("other", "2"),
        ],
    )
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    cx.committed(true);
    let found = eventually_on_the_bus(node.bus(), 2).await;
    assert_eq!(facilities_of("other", &found).len(), 2, "others flow");
    let refused = eventually("it is marked", || async {
        table::refused(cx.db().reader(), SERVICE, i64::MIN, 10)
            .await
            .unwrap()
            .pop()
    })
    .await;
    assert_eq!(refused.envelope.key, "large");
    assert!(refused.refused_reason.is_some());
    for key in ["large", "other"] {
        cx.run(&operator("op"), None, Emit(key.to_owned()))
            .await
            .unwrap();
    }
    let found = eventually_on_the_bus(node.bus(), 3).await;
    assert_eq!(
        facilities_of("large", &found),
        [],
        "what is behind it waits, in its batch and later"
    );
    assert!(
        table::discard_refused(cx.db().writer(), refused.envelope.id)
            .await
            .unwrap()
    );
    let found = eventually_on_the_bus(node.bus(), 5).await;
    assert_eq!(
        facilities_of("large", &found),
        [(2, "2".to_owned()), (3, String::new())]
    );
    assert_eq!(BedChanged::TOPIC.name, ELDERLY_CARE_BED.name);
    node.stop().await;
}

crate::on_both_deployments!(a_refused_row_holds_its_key_only);
