//! How fast is the bus here? Appends per second with 1, 8 and 64 senders of one record each, the
//! time from an append to its being seen, and how fast a backlog is sent and read.
//!
//! `cargo run --release -p minzheng-chassis --example bus_speed [DIRECTORY]`
//! measures the embedded bus on the disk of `DIRECTORY` (by default the current one), and Kafka
//! too when `MINZHENG_TEST_KAFKA` names its bootstrap servers.

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use minzheng_chassis::bus::embedded::EmbeddedBus;
use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, BusError, Delivery, Envelope, TopicSpec};
use minzheng_chassis::clock::SystemClock;
use minzheng_chassis::testing::bus_conformance::{event, positions};
use uuid::Uuid;

const TOPIC: &str = "speed";
const VALUE_BYTES: usize = 500;
const ROUND: Duration = Duration::from_secs(3);
const BACKLOG: i64 = 200_000;
const BATCH: i64 = 1_000;
const PROBES: usize = 1_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let directory = tempfile::tempdir_in(directory)?;
    println!("embedded, records of {VALUE_BYTES} bytes and headers");
    measure(Arc::new(EmbeddedBus::open(
        &directory.path().join("bus.sqlite"),
        Arc::new(SystemClock),
    )?))
    .await?;

    let Ok(bootstrap) = std::env::var("MINZHENG_TEST_KAFKA") else {
        return Ok(());
    };
    println!("Kafka, acks=all, idempotent");
    let settings = KafkaSettings {
        topic_prefix: format!("speed-{}.", Uuid::now_v7()),
        replication_factor: 1,
        min_insync_replicas: 1,
        ..KafkaSettings::new(bootstrap)
    };
    measure(Arc::new(KafkaBus::connect(settings)?)).await?;
    Ok(())
}

async fn measure(bus: Arc<dyn Bus>) -> Result<(), BusError> {
    let spec = TopicSpec {
        name: TOPIC.to_owned(),
        partitions: 12,
        retention: None,
        max_record_bytes: 1 << 20,
    };
    bus.apply_topics(&[spec]).await?;
    for senders in [1, 8, 64] {
        println!(
            "  {senders:>3} senders: {:>7.0} appends/s",
            appends(&bus, senders).await
        );
    }
    for pause in [Duration::from_millis(5), Duration::ZERO] {
        let times = seen_after(&bus, pause).await?;
        let (p50, p99) = (percentile(&times, 50), percentile(&times, 99));
        println!("  append → seen, {pause:?} apart: p50 {p50:.2} ms, p99 {p99:.2} ms");
    }
    let began = Instant::now();
    for batch in 0..BACKLOG / BATCH {
        let envelopes: Vec<_> = (batch * BATCH..(batch + 1) * BATCH).map(record).collect();
        assert_stored(&bus.send(&envelopes).await);
    }
    println!(
        "  sent in batches of {BATCH}: {:>7.0} records/s",
        BACKLOG as f64 / began.elapsed().as_secs_f64()
    );
    println!(
        "  read from the beginning: {:>7.0} records/s",
        read_all(&bus).await?
    );
    bus.close(Duration::from_secs(5)).await;
    Ok(())
}

fn record(n: i64) -> Envelope {
    let key = Uuid::from_u128(n.unsigned_abs() as u128 * 0x9e37_79b9).to_string();
    Envelope {
        value: vec![b'x'; VALUE_BYTES],
        ..event(TOPIC, &key, n)
    }
}

fn assert_stored(outcomes: &[Delivery]) {
    assert!(
        outcomes.iter().all(|outcome| *outcome == Delivery::Stored),
        "{outcomes:?}"
    );
}

async fn appends(bus: &Arc<dyn Bus>, senders: usize) -> f64 {
    let (stop, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let began = Instant::now();
    let sending: Vec<_> = (0..senders)
        .map(|sender| {
            let (bus, stop, count) = (Arc::clone(bus), Arc::clone(&stop), Arc::clone(&count));
            tokio::spawn(async move {
                let mut n = sender as i64 * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    assert_stored(&bus.send(&[record(n)]).await);
                    count.fetch_add(1, Ordering::Relaxed);
                    n += 1;
                }
            })
        })
        .collect();
    tokio::time::sleep(ROUND).await;
    stop.store(true, Ordering::Relaxed);
    for sender in sending {
        sender
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
    count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// Times from the start of a send to the record's coming out of a waiting reader, sorted.
async fn seen_after(bus: &Arc<dyn Bus>, pause: Duration) -> Result<Vec<Duration>, BusError> {
    let marks = bus.watermarks(TOPIC).await?;
    let ends: Vec<_> = (0..).zip(&marks).map(|(n, of)| (at(n), of.high)).collect();
    let mut consumer = bus.open_consumer("speed-seen", &[TOPIC.to_owned()], positions(&ends))?;
    let (seen, mut sights) = tokio::sync::mpsc::unbounded_channel();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let heard = match consumer.poll(Duration::from_millis(100), 200) {
                    Ok(records) => records.iter().all(|_| seen.send(Instant::now()).is_ok()),
                    Err(error) => {
                        println!("  reading failed: {error}");
                        true
                    }
                };
                if !heard {
                    break;
                }
            }
            consumer.close(Duration::from_secs(5));
        })
    };
    // The first ones wait for the reader's assignment.
    let mut times = Vec::new();
    for n in 0..PROBES + 20 {
        tokio::time::sleep(pause).await;
        let sent = Instant::now();
        assert_stored(&bus.send(&[record(n as i64)]).await);
        if let Some(sight) = sights.recv().await
            && n >= 20
        {
            times.push(sight - sent);
        }
    }
    stop.store(true, Ordering::Relaxed);
    drop(reader.join());
    times.sort();
    Ok(times)
}

async fn read_all(bus: &Arc<dyn Bus>) -> Result<f64, BusError> {
    let total: i64 = bus.watermarks(TOPIC).await?.iter().map(|of| of.high).sum();
    let mut consumer = bus.open_consumer("speed-all", &[TOPIC.to_owned()], positions(&[]))?;
    tokio::task::block_in_place(move || {
        let mut count = 0;
        let mut began = Instant::now();
        while count < total {
            let records = consumer.poll(Duration::from_millis(100), 200)?;
            if count == 0 {
                began = Instant::now();
            }
            count += records.len() as i64;
        }
        let rate = total as f64 / began.elapsed().as_secs_f64();
        consumer.close(Duration::from_secs(5));
        Ok(rate)
    })
}

fn at(partition: i32) -> minzheng_chassis::bus::TopicPartition {
    minzheng_chassis::bus::TopicPartition::new(TOPIC, partition)
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted
        .get(index)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
