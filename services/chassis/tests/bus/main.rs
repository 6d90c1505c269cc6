//! The bus on both its implementations: the conformance suite, and what only one of them does.
//!
//! Kafka is real: `MINZHENG_TEST_KAFKA` names its bootstrap servers (`cargo xtask up` starts one).
//! Without it these tests fail, unless `MINZHENG_TEST_EMBEDDED_ONLY=1` says that this is meant.

mod embedded;
mod faults;
mod kafka;

use std::time::Duration;

use minzheng_chassis::bus::TopicSpec;

const PATIENCE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3600);

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        retention: Some(RETENTION),
        max_record_bytes: 1 << 20,
    }
}
