//! What a command and a whole case cost in SQL statements and in bytes of WAL: free of noise, so a
//! change that makes either dearer fails here, on a machine of any speed.
//!
//! One case at a time, one event in a transaction, and nothing else, so no batch joins two. Statements that also run while
//! nothing happens (the looks of the relay, of timers and of the retrier, the beats of the lease) do
//! not count, nor do BEGIN and COMMIT; a look of the relay that found something does. Of several tries
//! the one in the middle counts (a sample for the operators may be taken meanwhile), and of WAL the
//! least (the first change of a page after a checkpoint writes all of it).

#![allow(clippy::print_stdout)] // the counts must be seen

use std::collections::BTreeMap;

use jiff::ToSpan;
use minzheng_chassis::civil;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_chassis::testing::{
    Deployment, POSTGRES_VARIABLE, TestNode, eventually, real_service,
};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1::Sex;
use minzheng_server::modules;
use minzheng_tests::family::{COUNTY, Member, VILLAGE, register};
use minzheng_tests::held_lease::HeldLease;
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::reports::{Report, day};
use minzheng_tests::statements::{Count, Counts, Idle, Statements, beats, by_service, since};
use tonic::Streaming;
use uuid::Uuid;

/// Most statements that `ReportDeath` by person id may take, by service. Lower them when fewer do.
const REPORT_STATEMENTS: [(&str, i64); 2] = [("life-events", 3), ("residents", 1)];

/// Most statements from a report by identity until its case is settled and everybody is quiet.
const CASE_STATEMENTS: [(&str, i64); 4] = [
    ("life-events", 15),
    ("residents", 9),
    ("elderly-care", 5),
    ("child-welfare", 6),
];

/// Most bytes of WAL of one `ReportDeath`. The length of keys and positions in pages vary a little.
const REPORT_WAL_BYTES: i64 = 6_500;

/// The same of a whole case.
const CASE_WAL_BYTES: i64 = 19_500;

/// Those who watch other cases meanwhile, to which nothing happens.
const WATCHERS: usize = 60;

/// Most statements of `life-events` from a report to its finished case while others are watched: one look for all after each
/// commit, and now and then. A look of each watcher's own would be sixty each time.
const WATCHED_STATEMENTS: i64 = 50;

/// What a URL ends in whose connections do not count.
const UNSEEN: &str = "?options=-c%20pg_stat_statements.track%3Dnone";

/// How often each is tried.
const TRIES: usize = 7;

struct Counted {
    statements: Statements,
    idle: Idle,
    /// The database of `life-events` by a connection that does not count.
    unseen: Database,
    platform: Platform,
    callers: Callers,
    node: TestNode,
}

impl Counted {
    /// Waits until nobody works on anything any more: everybody has looked, and found nothing.
    async fn quiet(&self) -> Counts {
        let looked = std::sync::Mutex::new(None);
        eventually("nobody works", || async {
            let now = self.statements.counts().await.expect("counts");
            let mut looked = looked.lock().expect("not poisoned");
            let before: &Counts = looked.get_or_insert_with(|| now.clone());
            let grown = since(before, &now);
            if !self.idle.out_of(grown.clone()).is_empty() {
                *looked = Some(now);
                return None;
            }
            let all_looked = SERVICES.iter().all(|service| beats(&grown, service) >= 2);
            all_looked.then_some(now)
        })
        .await
    }

    async fn register(&self) -> Member {
        let birth = civil::today(self.platform.clock.now()).saturating_sub(70.years());
        register(&self.platform, &self.callers, "数", birth, Sex::Female).await
    }

    fn work(&self, before: &Counts, after: &Counts) -> Counts {
        self.idle.out_of(since(before, after))
    }

    /// One report by person id, up to its answer.
    async fn report(&self) -> Counts {
        let member = self.register().await;
        let today = day(civil::today(self.platform.clock.now()));
        let request = pb::ReportDeathRequest {
            request_id: Uuid::new_v4().to_string(),
            person_id: member.id,
            source_organisation: "org-evidence_source_medical_certificate".to_owned(),
            reference: Uuid::new_v4().to_string(),
            source: pb::EvidenceSource::MedicalCertificate.into(),
            died_on: Some(date_to_wire(today)),
            place_division: VILLAGE.to_owned(),
            document_number: member.identity.id_number,
            ..Default::default()
        };
        let before = self.quiet().await;
        let mut client = self.platform.life_events(&self.callers.reporter);
        client.report_death(request).await.expect("reported");
        self.work(&before, &self.statements.counts().await.expect("counts"))
    }

    /// One report by identity, until its case is settled and nothing waits for a person.
    async fn settle(&self, member: &Member) {
        let today = day(civil::today(self.platform.clock.now()));
        let reference = Uuid::new_v4().to_string();
        let source = pb::EvidenceSource::MedicalCertificate;
        let report = Report::of(member, source, &reference, today);
        let case = report.tell(&self.platform, &self.callers).await;
        let case_id: Uuid = case.expect("taken").id.parse().expect("an id");
        eventually("the case is finished", || async {
            let text = "SELECT phase FROM death_case WHERE id = $1";
            let row = self.unseen.reader().one(text, [val(case_id)]).await;
            let phase: String = row.ok()??.get("phase").ok()?;
            (phase == "finished").then_some(())
        })
        .await;
    }

    /// One case, until everybody is quiet again.
    async fn case(&self) -> Counts {
        let member = self.register().await;
        let before = self.quiet().await;
        self.settle(&member).await;
        self.work(&before, &self.quiet().await)
    }

    /// Watches cases that are finished.
    async fn watch(&self) -> Vec<Streaming<pb::WatchCaseResponse>> {
        let text = "SELECT id FROM death_case WHERE phase = 'finished'";
        let rows = self.unseen.reader().all(text, []).await.expect("cases");
        let mut watching = Vec::new();
        for row in rows.iter().cycle().take(WATCHERS) {
            let case_id: Uuid = row.get("id").expect("an id");
            let request = pb::WatchCaseRequest {
                case_id: case_id.to_string(),
                resume_token: String::new(),
            };
            let mut client = self.platform.life_events(&self.callers.clerk);
            let answer = client.watch_case(request).await.expect("a stream");
            let mut states = answer.into_inner();
            states.message().await.expect("its state now");
            watching.push(states);
        }
        watching
    }

    /// Statements of `life-events` for one case while others are watched.
    async fn case_beside_watchers(&self) -> i64 {
        let _watching = self.watch().await;
        let member = self.register().await;
        let before = self.statements.counts().await.expect("counts");
        self.settle(&member).await;
        let work = self.work(&before, &self.statements.counts().await.expect("counts"));
        let sums = by_service(&work);
        sums.get("life-events").map_or(0, |sum| sum.calls)
    }

    /// What runs while nothing happens.
    async fn idle(&self) -> Idle {
        // A case has gone through, so everybody reads their topics.
        self.settle(&self.register().await).await;
        let before = eventually("its events have left", || async {
            let waiting = self.waiting().await;
            (waiting == Some(0)).then_some(())
        });
        before.await;
        let before = self.statements.counts().await.expect("counts");
        let after = eventually("four beats", || async {
            let now = self.statements.counts().await.expect("counts");
            let grown = since(&before, &now);
            let all_looked = SERVICES.iter().all(|service| beats(&grown, service) >= 4);
            all_looked.then_some(now)
        });
        Idle::of(&since(&before, &after.await))
    }

    /// Events in all outboxes.
    async fn waiting(&self) -> Option<i64> {
        let mut waiting = 0;
        for service in SERVICES {
            let db = self.node.context(service).db();
            let row = db
                .reader()
                .one("SELECT count(*) AS n FROM outbox", [])
                .await;
            waiting += row.ok()??.get::<i64>("n").ok()?;
        }
        Some(waiting)
    }
}

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

fn assert_within(what: &str, tries: &[Counts], statements: &[(&str, i64)], wal_bytes: i64) {
    let sums = sums(typical(what, tries));
    println!("{what}: {sums:?}");
    for (service, sum) in &sums {
        let most = statements.iter().find(|(name, _)| name == service);
        let most = most.map_or(0, |(_, most)| *most);
        assert!(
            sum.calls <= most,
            "{what}: {} statements of {service}, at most {most}",
            sum.calls
        );
    }
    // Fewer than half of what it takes: then they are not counted, be it that what they are was seen while idle.
    let (counted, most) = (
        sums.values().map(|sum| sum.calls).sum::<i64>(),
        statements.iter().map(|(_, most)| most).sum::<i64>(),
    );
    assert!(
        counted * 2 >= most,
        "{what}: {counted} statements counted, where {most} are usual"
    );
    let wal = |one: &Counts| {
        by_service(one)
            .values()
            .map(|sum| sum.wal_bytes)
            .sum::<i64>()
    };
    let written = tries.iter().map(wal).min().expect("a try");
    println!("{what}: {written} bytes of WAL");
    assert!(
        written <= wal_bytes,
        "{what}: {written} bytes of WAL, at most {wal_bytes}"
    );
}

async fn tries<F: Future<Output = Counts>>(one: impl Fn() -> F) -> Vec<Counts> {
    let mut tries = Vec::new();
    for _ in 0..TRIES {
        tries.push(one().await);
    }
    tries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_and_a_case_take_no_more_statements_and_bytes_than_they_did() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let url = real_service(POSTGRES_VARIABLE).expect("PostgreSQL");
    let database = deployment.database();
    database.create(&SERVICES).await.expect("databases");
    let statements = Statements::count(&url, database, &SERVICES);
    let statements = statements.await.expect("statements are counted");
    let unseen = format!("{}{UNSEEN}", database.url("life-events"));
    let unseen = Database::open_postgres(&unseen, "tests", 1).expect("a URL");
    // Receipts that arrive together would share a transaction, and how many do is chance.
    let more = [
        "runner.batch=1",
        "lease.beat_ms=250",
        "lease.takeover_ms=1000",
    ];
    let node = deployment.start_again(modules::all(), &more).await;
    let platform = Platform::of_node(&node, deployment.clock());
    let mut counted = Counted {
        statements,
        idle: Idle::default(),
        unseen,
        platform,
        callers: Callers::of(COUNTY),
        node,
    };
    counted.idle = counted.idle().await;

    // Its event stays where it is, so that nobody reacts while the report is counted.
    let db = counted.node.context("life-events").db().clone();
    let lease = HeldLease::take(&db).await.expect("the lease");
    let reports = tries(|| counted.report()).await;
    drop(lease);
    eventually("its events leave", || async {
        (counted.waiting().await == Some(0)).then_some(())
    })
    .await;
    let cases = tries(|| counted.case()).await;

    let watched = counted.case_beside_watchers().await;
    println!("a case while others are watched: {watched} statements of life-events");

    assert_within("a report", &reports, &REPORT_STATEMENTS, REPORT_WAL_BYTES);
    assert_within("a case", &cases, &CASE_STATEMENTS, CASE_WAL_BYTES);
    assert!(
        watched <= WATCHED_STATEMENTS,
        "{watched} statements of life-events beside watchers, at most {WATCHED_STATEMENTS}"
    );
    counted.node.stop().await;
}
