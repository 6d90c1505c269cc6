//! Things that go away and come back: a department (during a reversal, too), Kafka, PostgreSQL, the
//! holder of the lease; a database restored to an earlier copy.

use std::time::Duration;

use minzheng_chassis::civil;
use minzheng_chassis::testing::{
    KAFKA_VARIABLE, TestDatabase, eventually, eventually_within, real_service,
};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::residents::v1::Sex;
use minzheng_tests::attempts::Attempts;
use minzheng_tests::copies;
use minzheng_tests::family::{COUNTY, Member, register};
use minzheng_tests::fingerprint;
use minzheng_tests::once;
use minzheng_tests::platform::{Callers, Platform};
use minzheng_tests::processes::Cluster;
use minzheng_tests::relays::Relays;
use minzheng_tests::reports::{Report, day, get, reaches, reverse};
use minzheng_tests::story::{Story, outcome};
use minzheng_tests::verify;
use nix::sys::signal::Signal;
use tonic::Code;
use uuid::Uuid;

/// Each of these runs many processes and takes something away: one at a time, so that none is
/// starved by another's fault.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn shared(replicas: usize) -> Option<Cluster> {
    let kafka = real_service(KAFKA_VARIABLE)?;
    Some(Cluster::start(TestDatabase::postgres().await?, &kafka, replicas).await)
}

async fn somebody(platform: &Platform, callers: &Callers) -> Member {
    register(
        platform,
        callers,
        "某",
        jiff::civil::date(1947, 8, 9),
        Sex::Male,
    )
    .await
}

fn certificate(platform: &Platform, member: &Member) -> Report {
    let today = day(civil::today(platform.clock.now()));
    Report::of(
        member,
        EvidenceSource::MedicalCertificate,
        &Uuid::new_v4().to_string(),
        today,
    )
}

/// The one that is taken away.
const DEPARTMENT: &str = "elderly-care";

/// How long a department and Kafka are away: longer than a consumer's session (6 s here) and than the
/// producer tries one message (10 s).
const A_MINUTE: Duration = Duration::from_secs(60);

/// How long it may take until that has passed, as the platform tells.
const AWAY_WITHIN: Duration = Duration::from_secs(90);

/// Both outages in one minute, each on a platform of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_a_department_and_a_minute_without_kafka() {
    let _alone = ONE_AT_A_TIME.lock().await;
    tokio::join!(
        a_department_that_is_down_is_named_and_settles_when_it_returns(),
        without_kafka_commands_succeed_and_events_flow_later(),
    );
}

async fn a_department_that_is_down_is_named_and_settles_when_it_returns() {
    let Some(mut cluster) = shared(1).await else {
        return;
    };
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    let settled = somebody(&platform, &callers).await;
    let families = [
        Story::begin(&platform).await.family,
        Story::begin(&platform).await.family,
    ];
    let before = [
        fingerprint::of(&platform, &families[0]).await,
        fingerprint::of(&platform, &families[1]).await,
    ];
    // Of the two grandmothers, the department has ended the stay of the one and never heard of the other.
    let ended = tell(&platform, &callers, &families[0].grandmother).await;
    let ended = reaches(&platform, &callers, &ended.id, Phase::Finished).await;
    assert_eq!(outcome(&ended, DEPARTMENT, "end-stay"), pb::Outcome::Done);
    let now = fingerprint::of(&platform, &families[0]).await;
    assert_ne!(now[DEPARTMENT], before[0][DEPARTMENT], "her stay has ended");
    cluster.process(DEPARTMENT, 0).kill();
    let unheard = tell(&platform, &callers, &families[1].grandmother).await;
    let settled = tell(&platform, &callers, &settled).await;
    let hanging = is_missed_for_a_minute(&platform, &callers, &settled.id).await;
    assert_eq!(hanging.phase(), Phase::Notifying);
    for case in [&ended, &unheard] {
        let reversed = reverse(&platform, &callers, &case.id).await;
        assert_eq!(reversed.phase(), Phase::Reversing);
    }
    cluster.process(DEPARTMENT, 0).restart();
    reaches(&platform, &callers, &settled.id, Phase::Finished).await;
    for ((case, family), before) in [&ended, &unheard].into_iter().zip(&families).zip(&before) {
        let case = reaches(&platform, &callers, &case.id, Phase::Reversed).await;
        assert_eq!(
            outcome(&case, DEPARTMENT, "restore-stay"),
            pb::Outcome::Done
        );
        fingerprint::becomes(&platform, family, before, "all is as before her death").await;
    }
    verify::finds_nothing(&platform).await;
}

/// Waits until the department alone has been missing for a minute, and the case says so.
async fn is_missed_for_a_minute(
    platform: &Platform,
    callers: &Callers,
    case_id: &str,
) -> pb::DeathCase {
    let case = eventually_within(AWAY_WITHIN, "it was missing for a minute", || async {
        let case = get(platform, callers, case_id).await;
        let missing = |waiting: &pb::Waiting| {
            let since = waiting.since.as_ref().map_or(i64::MAX, |at| at.seconds);
            waiting.on == DEPARTMENT
                && platform.clock.now().as_second() - since > A_MINUTE.as_secs().cast_signed()
        };
        (!case.waiting.is_empty() && case.waiting.iter().all(missing)).then_some(case)
    })
    .await;
    let advised = |waiting: &pb::Waiting| !waiting.advice.is_empty();
    assert!(case.waiting.iter().all(advised));
    case
}

async fn tell(platform: &Platform, callers: &Callers, member: &Member) -> pb::DeathCase {
    certificate(platform, member)
        .tell(platform, callers)
        .await
        .expect("taken")
}

/// Does what blocks, such as starting a server, beside the test.
async fn blocking<T: Send + 'static>(does: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(does).await.expect("done")
}

async fn without_kafka_commands_succeed_and_events_flow_later() {
    if real_service(KAFKA_VARIABLE).is_none() {
        return;
    }
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let mut kafka = blocking(|| xtask::kafka::Kafka::start().expect("a broker")).await;
    let cluster = Cluster::start(database, kafka.bootstrap(), 1).await;
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    let mut members = Vec::new();
    for _ in 0..11 {
        members.push(somebody(&platform, &callers).await);
    }
    kafka = blocking(move || {
        kafka.stop_immediate().expect("killed");
        kafka
    })
    .await;
    let last = members.pop().expect("one more");
    let mut cases = Vec::new();
    for member in &members {
        cases.push(tell(&platform, &callers, member).await);
    }
    let outbox = eventually_within(AWAY_WITHIN, "an event has waited a minute", || async {
        let outbox = verify::outbox(&platform, "life-events").await?;
        let oldest = outbox.oldest.as_ref()?.seconds;
        let age = platform.clock.now().as_second() - oldest;
        (age > A_MINUTE.as_secs().cast_signed()).then_some(outbox)
    })
    .await;
    assert!(outbox.rows >= 10, "the events wait");
    assert_eq!(outbox.refused, 0, "none is given up");
    cases.push(tell(&platform, &callers, &last).await);
    let _kafka = blocking(move || {
        kafka.restart().expect("back");
        kafka
    })
    .await;
    for case in cases {
        reaches(&platform, &callers, &case.id, Phase::Finished).await;
    }
    verify::finds_nothing(&platform).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_unavailable_nothing_half_done_and_recovery() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return;
    };
    if real_service(minzheng_chassis::testing::POSTGRES_VARIABLE).is_none() {
        return;
    }
    let mut postgres = blocking(|| xtask::postgres::Postgres::start().expect("a server")).await;
    let database = TestDatabase::on_server(postgres.url());
    let mut cluster = Cluster::start(database, &kafka, 1).await;
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    let family = Story::begin(&platform).await.family;
    let (first, second) = (
        somebody(&platform, &callers).await,
        somebody(&platform, &callers).await,
    );
    let report = certificate(&platform, &second);
    let attempts = Attempts::of(&report, &family.facility_id, &family.younger);
    let case = tell(&platform, &callers, &first).await;
    postgres = blocking(move || {
        postgres.stop_immediate().expect("killed");
        postgres
    })
    .await;
    for (service, answered) in attempts.once(&platform, &callers).await {
        let refused = answered.expect_err("no database");
        assert_eq!(refused.code(), Code::Unavailable, "{service}: {refused:?}");
    }
    // One that starts just now waits for its database rather than end.
    let waiting = cluster.process("elderly-care", 0);
    waiting.restart();
    eventually("it says that it waits", || async {
        let says = waiting.log().contains("the database is away; waiting");
        says.then_some(())
    })
    .await;
    assert!(!waiting.has_ended(), "{}", waiting.log());
    let _postgres = blocking(move || {
        postgres.restart().expect("back");
        postgres
    })
    .await;
    reaches(&platform, &callers, &case.id, Phase::Finished).await;
    attempts.anew().succeed(&platform, &callers).await;
    let case = report.tell(&platform, &callers).await.expect("taken");
    let case = reaches(&platform, &callers, &case.id, Phase::Finished).await;
    assert_eq!(
        case.evidence.len(),
        1,
        "nothing of the failed attempt is left"
    );
    verify::finds_nothing(&platform).await;
}

/// Two relays contend for the lease while its holder is stopped and continued: nothing lost, effects once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_was_stopped_and_continued_loses_and_doubles_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut cluster) = shared(2).await else {
        return;
    };
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    let relays = Relays::of(&mut cluster, "life-events").await;
    let mut finished = Vec::new();
    let mut stopped = Vec::new();
    for _ in 0..4 {
        let mut cases = Vec::new();
        for _ in 0..5 {
            let member = somebody(&platform, &callers).await;
            cases.push(tell(&platform, &callers, &member).await);
        }
        let holder = relays.holder().await;
        let process = cluster.process("life-events", holder);
        process.signal(Signal::SIGSTOP);
        let other = cluster.process("life-events", 1 - holder).address.clone();
        let through_the_other = platform.with_address("life-events", &other);
        let late = somebody(&platform, &callers).await;
        cases.push(tell(&through_the_other, &callers, &late).await);
        // The other one takes over what it held: the relay, the partitions.
        for case in &cases {
            let case = reaches(&through_the_other, &callers, &case.id, Phase::Finished).await;
            finished.push(case);
        }
        assert_eq!(
            relays.holder().await,
            1 - holder,
            "the lease was taken over"
        );
        let process = cluster.process("life-events", holder);
        process.signal(Signal::SIGCONT);
        stopped.push(holder);
    }
    assert!(
        stopped.contains(&0) && stopped.contains(&1),
        "each was stopped while it held the lease: {stopped:?}"
    );
    verify::finds_nothing(&platform).await;
    once::took_effect(&cluster, &finished).await;
}

/// A department's database restored to an earlier copy rereads what it missed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_department_rereads_what_it_missed() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for service in ["elderly-care", "child-welfare"] {
        let Some(mut cluster) = shared(1).await else {
            return;
        };
        let platform = cluster.platform();
        let story = Story::begin(&platform).await;
        story.step_1_the_father().await;
        story.step_2_the_mother().await;
        let behind = fingerprint::of(&platform, &story.family).await;
        let copy = copies::copy(&mut cluster, service).await;
        story.step_3_the_grandmother("1").await;
        let expected = fingerprint::of(&platform, &story.family).await;
        assert_ne!(behind[service], expected[service], "there is more to know");
        cluster.process(service, 0).kill();
        let read = copies::records_read(&cluster, service).await;
        cluster.restore_database(service, &copy).await;
        assert!(
            copies::records_read(&cluster, service).await < read,
            "the copy has read less"
        );
        cluster.process(service, 0).restart();
        cluster.process(service, 0).is_serving().await;
        fingerprint::becomes(
            &platform,
            &story.family,
            &expected,
            &format!("{service} has caught up"),
        )
        .await;
    }
}

/// For the two whose commands are not events, `verify` names what the topics hold and they do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_owner_is_found_by_verify() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut cluster) = shared(1).await else {
        return;
    };
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    for service in ["life-events", "residents"] {
        let copy = copies::copy(&mut cluster, service).await;
        let member = somebody(&platform, &callers).await;
        let case = tell(&platform, &callers, &member).await;
        reaches(&platform, &callers, &case.id, Phase::Finished).await;
        cluster.process(service, 0).kill();
        cluster.restore_database(service, &copy).await;
        cluster.process(service, 0).restart();
        cluster.process(service, 0).is_serving().await;
        let answer = platform
            .operations(service)
            .verify(minzheng_proto::operations::v1::VerifyRequest::default())
            .await
            .expect("verified")
            .into_inner();
        let named = answer.findings.iter().any(|finding| {
            finding.check == "stream-sequence"
                && finding.detail.contains("older than what it published")
        });
        assert!(named, "{service}: {:?}", answer.findings);
    }
}

/// A neighbour that is away is nobody's fault: partitions wait, nothing is parked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_that_is_down_parks_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let Some(mut cluster) = shared(1).await else {
        return;
    };
    let platform = cluster.platform();
    let callers = Callers::of(COUNTY);
    let member = somebody(&platform, &callers).await;
    let case = tell(&platform, &callers, &member).await;
    reaches(&platform, &callers, &case.id, Phase::Finished).await;
    // child-welfare asks residents for the dependants of the dead.
    cluster.process("residents", 0).kill();
    let reversed = reverse(&platform, &callers, &case.id).await;
    eventually("everybody else has answered", || async {
        let case = get(&platform, &callers, &reversed.id).await;
        let open = |department: &str| {
            case.questions.iter().any(|question| {
                question.fact_version == case.fact_version
                    && question.department == department
                    && question.state() == pb::QuestionState::Open
            })
        };
        (!open("elderly-care") && open("residents")).then_some(())
    })
    .await;
    let letters = platform
        .operations("child-welfare")
        .list_dead_letters(minzheng_proto::operations::v1::ListDeadLettersRequest::default())
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(
        letters.dead_letters,
        vec![],
        "nobody's fault, nothing parked"
    );
    cluster.process("residents", 0).restart();
    reaches(&platform, &callers, &case.id, Phase::Reversed).await;
}
