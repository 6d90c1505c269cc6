//! What a command and a whole case cost in SQL statements and in bytes of WAL: free of noise, so a
//! change that makes either dearer fails here, on a machine of any speed.
//!
//! One case at a time, one event in a transaction, and nothing else, so no batch joins two. Statements that also run while
//! nothing happens (the looks of the relay, of timers and of the retrier, the beats of the lease) do
//! not count, nor do BEGIN and COMMIT; a look of the relay that found something does. Of several tries
//! the one in the middle counts (a sample for the operators may be taken meanwhile), and of WAL the
//! least (the first change of a page after a checkpoint writes all of it).

#![allow(clippy::print_stdout)] // the counts must be seen

mod counted;

use std::collections::BTreeMap;

use minzheng_chassis::testing::{Deployment, POSTGRES_VARIABLE, eventually, real_service};
use minzheng_tests::held_lease::HeldLease;
use minzheng_tests::statements::{Count, Counts, by_service};

use self::counted::Counted;

/// The most that something may take. Lower it when it takes less.
struct Bound {
    what: &'static str,
    /// Statements, by service.
    statements: &'static [(&'static str, i64)],
    /// Bytes of WAL. The length of keys and positions in pages vary a little.
    wal_bytes: i64,
}

const REGISTRATION: Bound = Bound {
    what: "RegisterPerson",
    statements: &[("residents", 5)],
    wal_bytes: 3_000,
};

const KINSHIP: Bound = Bound {
    what: "RecordKinship",
    statements: &[("residents", 12)],
    wal_bytes: 3_500,
};

const PLACEMENT: Bound = Bound {
    what: "GetBed and PlaceResident",
    statements: &[("elderly-care", 15), ("residents", 1)],
    wal_bytes: 3_600,
};

const REPORT: Bound = Bound {
    what: "ReportDeath by person id",
    statements: &[("life-events", 3), ("residents", 1)],
    wal_bytes: 6_500,
};

/// From a report by identity until its case is settled and everybody is quiet.
const CASE: Bound = Bound {
    what: "a case in which nobody has anything to do",
    statements: &[
        ("life-events", 15),
        ("residents", 9),
        ("elderly-care", 5),
        ("child-welfare", 6),
    ],
    wal_bytes: 19_500,
};

/// The same, of somebody who lived in a bed for which another waits, and whose child is nine.
const CASE_WITH_WORK: Bound = Bound {
    what: "a case with a bed and a child",
    statements: &[
        ("life-events", 15),
        ("residents", 11),
        ("elderly-care", 16),
        ("child-welfare", 19),
    ],
    wal_bytes: 27_500,
};

/// With what the two clerks read before.
const REVERSAL: Bound = Bound {
    what: "a reversal",
    statements: &[
        ("life-events", 29),
        ("residents", 6),
        ("elderly-care", 5),
        ("child-welfare", 6),
    ],
    wal_bytes: 21_200,
};

/// Most statements of `life-events` from a report to its finished case while others are watched: one look for all after each
/// commit, and now and then. A look of each watcher's own would be sixty each time.
const WATCHED_STATEMENTS: i64 = 50;

/// What pgbench does beside `ReportDeath` (B1).
const BASELINE: &str = include_str!("../../src/bin/bench/sql/report_death.sql");

/// How often each is tried.
const TRIES: usize = 7;

/// The sum of each service. A look of the relay that found something is work, though it reads like
/// one that did not: it counts once for each deletion.
fn sums(counts: &Counts) -> BTreeMap<&str, Count> {
    let mut sums = by_service(counts);
    for ((service, text), count) in counts {
        if text.starts_with("DELETE FROM outbox") {
            sums.entry(service).or_default().calls += count.calls;
        }
    }
    sums
}

/// Whether a line of a script of pgbench is a statement that counts here.
fn is_statement(line: &str) -> bool {
    let begins = ["--", "\\", "BEGIN", "COMMIT"];
    !line.is_empty() && !begins.iter().any(|word| line.starts_with(word))
}

/// Statements of everybody.
fn total(counts: &Counts) -> i64 {
    sums(counts).values().map(|sum| sum.calls).sum()
}

/// The try in the middle, printed statement by statement.
fn typical<'t>(what: &str, tries: &'t [Counts]) -> &'t Counts {
    let mut sorted: Vec<&Counts> = tries.iter().collect();
    sorted.sort_by_key(|one| total(one));
    let totals: Vec<i64> = sorted.iter().map(|one| total(one)).collect();
    println!("{what}: statements of each try: {totals:?}");
    let typical = sorted[sorted.len() / 2];
    for ((service, text), count) in typical {
        let text: Vec<&str> = text.split_whitespace().collect();
        println!("  {service}: {} × {:.160}", count.calls, text.join(" "));
    }
    typical
}

/// What takes more than it may, and what is counted no more.
fn beyond(bound: &Bound, tries: &[Counts]) -> Vec<String> {
    let Bound {
        what,
        statements,
        wal_bytes,
    } = bound;
    let sums = sums(typical(what, tries));
    println!("{what}: {sums:?}");
    let mut beyond = Vec::new();
    for (service, sum) in &sums {
        let most = statements.iter().find(|(name, _)| name == service);
        let most = most.map_or(0, |(_, most)| *most);
        if sum.calls > most {
            let calls = sum.calls;
            beyond.push(format!(
                "{what}: {calls} statements of {service}, at most {most}"
            ));
        }
    }
    // Fewer than half of what it takes: then they are not counted, be it that what they are was seen while idle.
    let (counted, most) = (
        sums.values().map(|sum| sum.calls).sum::<i64>(),
        statements.iter().map(|(_, most)| most).sum::<i64>(),
    );
    if counted * 2 < most {
        beyond.push(format!(
            "{what}: {counted} statements counted, where {most} are usual"
        ));
    }
    let wal = |one: &Counts| {
        by_service(one)
            .values()
            .map(|sum| sum.wal_bytes)
            .sum::<i64>()
    };
    let written = tries.iter().map(wal).min().expect("a try");
    println!("{what}: {written} bytes of WAL");
    if written > *wal_bytes {
        beyond.push(format!(
            "{what}: {written} bytes of WAL, at most {wal_bytes}"
        ));
    }
    beyond
}

async fn tries<F: Future<Output = Counts>>(one: impl Fn() -> F) -> Vec<Counts> {
    let mut tries = Vec::new();
    for _ in 0..TRIES {
        tries.push(one().await);
    }
    tries
}

/// Tries of a command whose events stay where they are, so that nobody reacts while it is counted.
async fn held<F: Future<Output = Counts>>(
    counted: &Counted,
    service: &str,
    one: impl Fn() -> F,
) -> Vec<Counts> {
    let db = counted.node.context(service).db();
    let lease = HeldLease::take(db).await.expect("the lease");
    let tries = tries(one).await;
    drop(lease);
    eventually("its events leave", || async {
        (counted.waiting().await == Some(0)).then_some(())
    })
    .await;
    tries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_and_a_case_take_no_more_statements_and_bytes_than_they_did() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let url = real_service(POSTGRES_VARIABLE).expect("PostgreSQL");
    let counted = Counted::start(&deployment, &url).await;
    let registrations = held(&counted, "residents", || counted.registration()).await;
    let kinships = held(&counted, "residents", || counted.kinship()).await;
    let placements = held(&counted, "elderly-care", || counted.placement()).await;
    let reports = held(&counted, "life-events", || counted.report()).await;
    let cases = tries(|| counted.case()).await;
    let with_work = tries(|| counted.case_with_work()).await;
    let reversals = tries(|| counted.reversal()).await;

    let watched = counted.case_beside_watchers().await;
    println!("a case while others are watched: {watched} statements of life-events");

    let mut wrong = Vec::new();
    for (bound, tries) in [
        (REGISTRATION, &registrations),
        (KINSHIP, &kinships),
        (PLACEMENT, &placements),
        (REPORT, &reports),
        (CASE, &cases),
        (CASE_WITH_WORK, &with_work),
        (REVERSAL, &reversals),
    ] {
        wrong.extend(beyond(&bound, tries));
    }
    if watched > WATCHED_STATEMENTS {
        wrong.push(format!(
            "{watched} statements of life-events beside watchers, at most {WATCHED_STATEMENTS}"
        ));
    }
    let baseline = BASELINE.lines().filter(|line| is_statement(line)).count();
    let counted_beside = total(typical("beside B1's baseline", &reports));
    if i64::try_from(baseline) != Ok(counted_beside) {
        wrong.push(format!(
            "a report takes {counted_beside} statements, the baseline of B1 {baseline}"
        ));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    counted.node.stop().await;
}
