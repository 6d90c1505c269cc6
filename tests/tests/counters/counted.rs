//! The platform on a server that counts, and what is done there.

use std::sync::Mutex;

use jiff::ToSpan;
use minzheng_chassis::civil;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::db::{Database, Sql, val};
use minzheng_chassis::testing::{Deployment, TestNode, eventually};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::residents::v1::Sex;
use minzheng_server::modules;
use minzheng_tests::family::{
    COUNTY, Member, VILLAGE, facility_with_bed, place, record_parent, register, wait_for_bed,
};
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::reports::{Report, day, reverse};
use minzheng_tests::statements::{Counts, Idle, Statements, beats, by_service, since};
use tonic::Streaming;
use uuid::Uuid;

/// Those who watch other cases meanwhile, to which nothing happens.
const WATCHERS: usize = 60;

/// What a URL ends in whose connections do not count.
const UNSEEN: &str = "?options=-c%20pg_stat_statements.track%3Dnone";

/// Receipts that arrive together would share a transaction, and how many do is chance.
const SETTINGS: [&str; 3] = [
    "runner.batch=1",
    "lease.beat_ms=250",
    "lease.takeover_ms=1000",
];

pub struct Counted {
    statements: Statements,
    idle: Idle,
    /// The database of `life-events` by a connection that does not count.
    unseen: Database,
    platform: Platform,
    callers: Callers,
    pub node: TestNode,
}

impl Counted {
    /// Starts everything.
    pub async fn start(deployment: &Deployment, url: &str) -> Self {
        let database = deployment.database();
        database.create(&SERVICES).await.expect("databases");
        let statements = Statements::count(url, database, &SERVICES);
        let statements = statements.await.expect("statements are counted");
        let unseen = format!("{}{UNSEEN}", database.url("life-events"));
        let unseen = Database::open_postgres(&unseen, "tests", 1).expect("a URL");
        let node = deployment.start_again(modules::all(), &SETTINGS).await;
        let mut counted = Self {
            statements,
            idle: Idle::default(),
            unseen,
            platform: Platform::of_node(&node, deployment.clock()),
            callers: Callers::of(COUNTY),
            node,
        };
        counted.idle = counted.idle().await;
        counted
    }

    /// Waits until nobody works on anything any more: everybody has looked, and found nothing.
    async fn quiet(&self) -> Counts {
        let looked = Mutex::new(None);
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
        self.register_aged(70).await
    }

    async fn register_aged(&self, years: i32) -> Member {
        let birth = civil::today(self.platform.clock.now()).saturating_sub(years.years());
        register(&self.platform, &self.callers, "数", birth, Sex::Female).await
    }

    /// A call of a command, up to its answer.
    async fn command(&self, call: impl Future) -> Counts {
        let before = self.quiet().await;
        call.await;
        self.work(&before, &self.statements.counts().await.expect("counts"))
    }

    /// A person is registered.
    pub async fn registration(&self) -> Counts {
        self.command(self.register()).await
    }

    /// A kinship is recorded.
    pub async fn kinship(&self) -> Counts {
        let (child, parent) = (self.register_aged(9).await, self.register_aged(40).await);
        let recorded = record_parent(&self.platform, &self.callers, &child, &parent);
        self.command(recorded).await
    }

    /// Somebody moves into a bed: it is looked at, then given.
    pub async fn placement(&self) -> Counts {
        let member = self.register().await;
        let (_, bed) = facility_with_bed(&self.platform, &self.callers, "1-1").await;
        let placed = place(&self.platform, &self.callers, &bed, &member);
        self.command(placed).await
    }

    fn work(&self, before: &Counts, after: &Counts) -> Counts {
        self.idle.out_of(since(before, after))
    }

    /// One report by person id, up to its answer.
    pub async fn report(&self) -> Counts {
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
        let mut client = self.platform.life_events(&self.callers.reporter);
        let reported = async { client.report_death(request).await.expect("reported") };
        self.command(reported).await
    }

    /// One report by identity, until its case is settled and nothing waits for a person; the case.
    async fn settle(&self, member: &Member) -> Uuid {
        let case = self.tell(member).await;
        self.comes_to(case, &["finished"]).await;
        case
    }

    async fn tell(&self, member: &Member) -> Uuid {
        let today = day(civil::today(self.platform.clock.now()));
        let reference = Uuid::new_v4().to_string();
        let source = pb::EvidenceSource::MedicalCertificate;
        let report = Report::of(member, source, &reference, today);
        let case = report.tell(&self.platform, &self.callers).await;
        case.expect("taken").id.parse().expect("an id")
    }

    /// Waits until a case is in one of these phases.
    async fn comes_to(&self, case: Uuid, phases: &[&str]) {
        eventually(&format!("case {case} in {phases:?}"), || async {
            let text = "SELECT phase FROM death_case WHERE id = $1";
            let row = self.unseen.reader().one(text, [val(case)]).await;
            let phase: String = row.ok()??.get("phase").ok()?;
            phases.contains(&phase.as_str()).then_some(())
        })
        .await;
    }

    /// Until everybody is quiet again.
    async fn until_quiet(&self, work: impl Future) -> Counts {
        let before = self.quiet().await;
        work.await;
        self.work(&before, &self.quiet().await)
    }

    /// A case in which a bed becomes free for somebody who waits, and a child loses a parent.
    pub async fn case_with_work(&self) -> Counts {
        let (platform, callers) = (&self.platform, &self.callers);
        let (dead, child) = (self.register_aged(50).await, self.register_aged(9).await);
        record_parent(platform, callers, &child, &dead).await;
        let (facility, bed) = facility_with_bed(platform, callers, "1-1").await;
        place(platform, callers, &bed, &dead).await;
        let waiting = self.register().await;
        wait_for_bed(platform, callers, &facility, &waiting).await;
        let settled = async {
            let case = self.tell(&dead).await;
            self.comes_to(case, &["settled", "finished"]).await;
        };
        self.until_quiet(settled).await
    }

    /// A reversal of a case in which nobody had anything to do: prepared, refused to who prepared it, approved.
    pub async fn reversal(&self) -> Counts {
        let case = self.settle(&self.register().await).await;
        let reversed = async {
            reverse(&self.platform, &self.callers, &case.to_string()).await;
            self.comes_to(case, &["reversed"]).await;
        };
        self.until_quiet(reversed).await
    }

    /// One case, until everybody is quiet again.
    pub async fn case(&self) -> Counts {
        let member = self.register().await;
        self.until_quiet(self.settle(&member)).await
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
    pub async fn case_beside_watchers(&self) -> i64 {
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
    pub async fn waiting(&self) -> Option<i64> {
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
