//! Throw-away real services for tests: [`postgres::Postgres`] and [`kafka::Kafka`].
//!
//! `cargo xtask up` and `cargo xtask test` start the shared pair and name it in
//! `MINZHENG_TEST_POSTGRES` and `MINZHENG_TEST_KAFKA`. A test that kills, pauses or restarts a
//! service starts its own through this library, so that no other test sees the fault. Everything
//! here blocks the calling thread; from async code, call it in `spawn_blocking`.

pub mod install;
pub mod instance;
pub mod kafka;
pub mod paths;
pub mod port;
pub mod postgres;
pub mod process;
pub mod report;

/// Names the environment variable with the URL of a PostgreSQL superuser that may create databases.
pub const POSTGRES_VARIABLE: &str = "MINZHENG_TEST_POSTGRES";

/// Names the environment variable with Kafka's bootstrap servers, as `host:port`.
pub const KAFKA_VARIABLE: &str = "MINZHENG_TEST_KAFKA";

/// Names the environment variable that is `1` when a person chose to test without real services.
pub const EMBEDDED_ONLY_VARIABLE: &str = "MINZHENG_TEST_EMBEDDED_ONLY";

/// Whether this is a run under CI, where a missing real service is a failure, never a skip.
pub fn under_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
