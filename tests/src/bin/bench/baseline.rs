//! What the machine itself can do, beside which the figures are read.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, Delivery, Envelope, TopicSpec};
use uuid::Uuid;

/// Syncs measured.
const SYNCS: usize = 200;

/// Round trips measured.
const ROUND_TRIPS: usize = 200;

/// Prints processors and the cost of a sync.
pub(crate) fn machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "cores: {cores}; profile: {}",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "optimised"
        }
    );
    match fsync() {
        Ok(median) => println!(
            "fdatasync of a 4 KiB write: median {} µs",
            median.as_micros()
        ),
        Err(error) => println!("fdatasync: {error}"),
    }
}

/// The median of what a sync of a small write takes.
pub(crate) fn fsync() -> std::io::Result<Duration> {
    let mut file = tempfile::tempfile()?;
    let block = [7_u8; 4096];
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    Ok(median(&mut times))
}

pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Prints the round trip of one small record: sent with all acknowledgements, and read.
pub(crate) async fn kafka(bootstrap: &str) -> anyhow::Result<()> {
    let settings = KafkaSettings {
        topic_prefix: format!("bench{}.", Uuid::new_v4().simple()),
        replication_factor: 1,
        min_insync_replicas: 1,
        ..KafkaSettings::new(bootstrap)
    };
    let bus: Arc<dyn Bus> = Arc::new(KafkaBus::connect(settings)?);
    let topic = TopicSpec {
        name: "ping".to_owned(),
        partitions: 1,
        retention: None,
        max_record_bytes: 1 << 20,
    };
    bus.apply_topics(&[topic]).await?;
    let times = tokio::task::spawn_blocking({
        let (bus, handle) = (bus.clone(), tokio::runtime::Handle::current());
        move || round_trips(&bus, &handle)
    })
    .await??;
    let mut times = times;
    println!(
        "empty produce–consume round trip: median {} µs",
        median(&mut times).as_micros()
    );
    bus.close(Duration::from_secs(2)).await;
    Ok(())
}

fn round_trips(
    bus: &Arc<dyn Bus>,
    handle: &tokio::runtime::Handle,
) -> anyhow::Result<Vec<Duration>> {
    let positions = Arc::new(|partitions: &[minzheng_chassis::bus::TopicPartition]| {
        Ok(partitions
            .iter()
            .map(|at| (at.clone(), 0))
            .collect::<BTreeMap<_, _>>())
    });
    let mut consumer = bus.open_consumer("bench", &["ping".to_owned()], positions)?;
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for n in 0..ROUND_TRIPS + 1 {
        let envelope = ping(n);
        let started = Instant::now();
        let delivered = handle.block_on(bus.send(&[envelope]));
        anyhow::ensure!(delivered == [Delivery::Stored], "{delivered:?}");
        while consumer.poll(Duration::from_secs(1), 10)?.is_empty() {}
        if n > 0 {
            times.push(started.elapsed());
        }
    }
    consumer.close(Duration::from_secs(2));
    Ok(times)
}

fn ping(n: usize) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: "bench".to_owned(),
        topic: "ping".to_owned(),
        key: "ping".to_owned(),
        sequence: n as i64,
        event_type: "ping".to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: Vec::new(),
    }
}
