//! What the tests of this and other crates share: throw-away databases and nodes, conformance
//! suites, waiting on conditions.

pub mod bus_conformance;
mod codecs;
mod database;
mod door;
mod effects;
mod node;
mod still;
mod wait;

pub use codecs::{file_headers, from_file_headers, from_stored, stored};
pub use database::{Kind, TestDatabase};
pub use door::Door;
pub use effects::Group;
pub use node::{Deployment, TestNode, clerk, operator, reporter, worker};
pub use still::Still;
pub use wait::{PATIENCE, eventually, eventually_within};

/// Names the environment variable with the URL of a PostgreSQL superuser.
pub const POSTGRES_VARIABLE: &str = "MINZHENG_TEST_POSTGRES";

/// Names the environment variable with Kafka's bootstrap servers.
pub const KAFKA_VARIABLE: &str = "MINZHENG_TEST_KAFKA";

/// Names the environment variable that is `1` when a person chose to test without real services.
pub const EMBEDDED_ONLY_VARIABLE: &str = "MINZHENG_TEST_EMBEDDED_ONLY";

/// A real service's address.
///
/// # Panics
/// It is not set, and nobody chose to test without: a missing real service is a failure, never a
/// silent skip.
pub fn real_service(variable: &str) -> Option<String> {
    if let Ok(address) = std::env::var(variable) {
        return Some(address);
    }
    let embedded_only = std::env::var(EMBEDDED_ONLY_VARIABLE).is_ok_and(|value| value == "1");
    assert!(
        embedded_only,
        "{variable} is not set; run the tests with `cargo xtask test`"
    );
    None
}

/// How many sequences a model is tried with: `usual`, or what `PROPTEST_CASES` says.
///
/// # Panics
/// The variable is not a number.
pub fn cases(usual: u32) -> u32 {
    let said = std::env::var("PROPTEST_CASES");
    said.map_or(usual, |said| {
        said.parse().expect("PROPTEST_CASES is a number")
    })
}

/// Makes a test of an `async fn(TestDatabase)` on SQLite and one on PostgreSQL.
#[macro_export]
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::testing::TestDatabase::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(database) = $crate::testing::TestDatabase::postgres().await {
                    super::$test(database).await;
                }
            })+
        }
    };
}

/// Makes a test of an `async fn(Deployment)` on the embedded defaults and one on PostgreSQL and
/// Kafka.
#[macro_export]
macro_rules! on_both_deployments {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::testing::Deployment::embedded()).await;
            })+
        }
        mod real {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(deployment) = $crate::testing::Deployment::real().await {
                    super::$test(deployment).await;
                }
            })+
        }
    };
}
