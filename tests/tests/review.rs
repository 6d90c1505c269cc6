//! A report for an identity nobody knows, or that matches two people: a case in review. Nothing is
//! refused, nothing guessed, no department acts until somebody decides; then everything follows.

use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, eventually};
use minzheng_proto::common::v1::{IdType, Identity};
use minzheng_proto::elderly_care::v1::{BedState, GetBedRequest};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase, ReviewDecision};
use minzheng_proto::residents::v1 as residents;
use minzheng_proto::topics;
use minzheng_server::modules;
use minzheng_tests::family::{COUNTY, Member, VILLAGE, facility_with_bed, place, register};
use minzheng_tests::platform::{Callers, Platform, until_answered};
use minzheng_tests::reports::{Report, day, get, reaches, with_etag};
use minzheng_tests::story::outcome;
use uuid::Uuid;

on_both_deployments!(
    nobody_known_is_decided_to_be_new,
    two_candidates_are_decided_to_be_one,
    a_refused_report_leaves_nothing,
    a_suspicion_is_lifted_by_hand,
    a_suspicion_lapses,
);

async fn start(deployment: &Deployment) -> (TestNode, Platform, Callers) {
    let node = deployment.start(modules::all()).await;
    let platform = Platform::of_node(&node, deployment.clock());
    (node, platform, Callers::of(COUNTY))
}

fn today(platform: &Platform) -> minzheng_chassis::civil::PartialDate {
    day(minzheng_chassis::civil::today(platform.clock.now()))
}

fn stranger(sequence: u16) -> Member {
    let birth = jiff::civil::date(1931, 7, 9);
    let number =
        minzheng_chassis::identity::ResidentNumber::demo(birth, sequence).expect("a number");
    let identity = Identity {
        id_type: IdType::ResidentId.into(),
        id_number: number.expose().to_owned(),
        name: "测陌".to_owned(),
    };
    Member {
        id: String::new(),
        identity,
    }
}

async fn decide(
    platform: &Platform,
    callers: &Callers,
    case: &pb::DeathCase,
    decision: ReviewDecision,
    person_id: &str,
) -> pb::DeathCase {
    let request = pb::DecideReviewRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: case.id.clone(),
        etag: String::new(),
        decision: decision.into(),
        person_id: person_id.to_owned(),
        reason: "decided by test".to_owned(),
    };
    let answer = with_etag(platform, callers, &case.id, |etag| {
        let mut client = platform.life_events(&callers.clerk);
        let request = pb::DecideReviewRequest {
            etag,
            ..request.clone()
        };
        async move { client.decide_review(request).await }
    })
    .await
    .expect("decided");
    answer.case.expect("a case")
}

/// The case is in review, and no department was told or asked.
async fn nothing_was_published(node: &TestNode, case: &pb::DeathCase) {
    assert_eq!(case.phase(), Phase::InReview);
    assert_eq!(case.fact_version, 0);
    assert_eq!(case.questions, vec![]);
    no_death_was_ever_told(node).await;
}

/// Neither on the topic nor on its way there: an event that is sent leaves the outbox, and its number.
async fn no_death_was_ever_told(node: &TestNode) {
    let topic = topics::LIFE_EVENTS_DEATH.name;
    let db = node.context("life-events").db().reader();
    for table in ["stream_sequence", "outbox"] {
        let text = format!("SELECT key FROM {table} WHERE topic = '{topic}'");
        let rows = db.all(text, []).await.expect("read");
        assert_eq!(rows.len(), 0, "{table}");
    }
    let marks = node.bus().watermarks(topic).await.expect("the topic");
    assert!(marks.iter().all(|marks| marks.high == 0), "{marks:?}");
}

async fn is_alive(platform: &Platform, callers: &Callers, person_id: &str) {
    let found = person(platform, callers, person_id).await;
    let status = found.life.expect("a life").status();
    assert_eq!(status, residents::LifeStatus::Alive);
}

async fn nobody_known_is_decided_to_be_new(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let member = stranger(11);
    let report = Report::of(
        &member,
        EvidenceSource::MedicalCertificate,
        "r1",
        today(&platform),
    );
    let case = report
        .tell(&platform, &callers)
        .await
        .expect("nothing is refused");
    nothing_was_published(&node, &case).await;
    let again = report.tell(&platform, &callers).await.expect("told again");
    assert_eq!(again.id, case.id);
    // A second reporter of the same unknown person joins the case.
    let second = Report::of(&member, EvidenceSource::Village, "r2", today(&platform));
    assert_eq!(
        second.tell(&platform, &callers).await.expect("taken").id,
        case.id
    );
    let case = get(&platform, &callers, &case.id).await;
    nothing_was_published(&node, &case).await;
    is_alive(&platform, &callers, &case.person_id).await;
    decide(&platform, &callers, &case, ReviewDecision::NewPerson, "").await;
    let case = reaches(&platform, &callers, &case.id, Phase::Finished).await;
    assert_eq!(
        outcome(&case, "residents", "mark-deceased"),
        pb::Outcome::Done
    );
    assert_eq!(case.evidence.len(), 2);
    node.stop().await;
}

async fn two_candidates_are_decided_to_be_one(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let first = register(
        &platform,
        &callers,
        "甲",
        jiff::civil::date(1940, 2, 3),
        residents::Sex::Female,
    )
    .await;
    let (_, bed) = facility_with_bed(&platform, &callers, "2-2").await;
    place(&platform, &callers, &bed, &first).await;
    // The archives hold a second person under the same number.
    let twin = residents::RegisterPersonRequest {
        request_id: Uuid::new_v4().to_string(),
        identity: Some(first.identity.clone()),
        birth_date: person(&platform, &callers, &first.id).await.birth_date,
        sex: person(&platform, &callers, &first.id).await.sex,
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
        phone: String::new(),
        shared_number: true,
    };
    let twin = platform
        .residents(&callers.clerk)
        .register_person(twin)
        .await
        .expect("registered")
        .into_inner();
    let twin = twin.person.expect("a person").person_id;
    let report = Report::of(
        &first,
        EvidenceSource::MedicalCertificate,
        "r1",
        today(&platform),
    );
    let case = report
        .tell(&platform, &callers)
        .await
        .expect("nothing is refused");
    nothing_was_published(&node, &case).await;
    for candidate in [&first.id, &twin] {
        assert_ne!(&case.person_id, candidate, "nothing is guessed");
        is_alive(&platform, &callers, candidate).await;
    }
    assert_eq!(
        bed_state(&platform, &callers, &bed).await,
        BedState::Occupied
    );
    decide(
        &platform,
        &callers,
        &case,
        ReviewDecision::IsPerson,
        &first.id,
    )
    .await;
    let merged = eventually("the merged case answers with the survivor's", || async {
        let found = get(&platform, &callers, &case.id).await;
        (found.person_id == first.id && found.phase() == Phase::Finished).then_some(found)
    })
    .await;
    assert_eq!(
        outcome(&merged, "elderly-care", "end-stay"),
        pb::Outcome::Done
    );
    assert_eq!(merged.evidence.len(), 1, "the evidence moved");
    let dead = person(&platform, &callers, &first.id).await;
    assert_eq!(
        dead.life.expect("a life").status(),
        residents::LifeStatus::Dead
    );
    node.stop().await;
}

async fn person(platform: &Platform, callers: &Callers, person_id: &str) -> residents::Person {
    let request = residents::GetPersonRequest {
        person_id: person_id.to_owned(),
        ..Default::default()
    };
    let answer = platform
        .residents(&callers.clerk)
        .get_person(request)
        .await
        .expect("found")
        .into_inner();
    answer.person.expect("a person")
}

async fn a_refused_report_leaves_nothing(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let report = Report::of(
        &stranger(12),
        EvidenceSource::MedicalCertificate,
        "r1",
        today(&platform),
    );
    let case = report.tell(&platform, &callers).await.expect("taken");
    let case = decide(&platform, &callers, &case, ReviewDecision::Reject, "").await;
    assert_eq!(case.phase(), Phase::Rejected);
    assert_eq!(case.fact_version, 0);
    no_death_was_ever_told(&node).await;
    node.stop().await;
}

/// Somebody in a bed, suspected dead by the village.
async fn suspected(platform: &Platform, callers: &Callers) -> (Member, String, pb::DeathCase) {
    let birth = jiff::civil::date(1939, 3, 4);
    let member = register(platform, callers, "甲", birth, residents::Sex::Female).await;
    let (_, bed) = facility_with_bed(platform, callers, "4-4").await;
    place(platform, callers, &bed, &member).await;
    let report = Report::of(&member, EvidenceSource::Village, "r1", today(platform));
    let case = report.tell(platform, callers).await.expect("taken");
    bed_is(platform, callers, &bed, BedState::Held).await;
    (member, bed, case)
}

async fn bed_state(platform: &Platform, callers: &Callers, bed: &str) -> BedState {
    let answer = until_answered(|| {
        let (mut client, bed_id) = (platform.elderly_care(&callers.clerk), bed.to_owned());
        async move { client.get_bed(GetBedRequest { bed_id }).await }
    })
    .await
    .expect("the bed");
    answer.bed.expect("a bed").state()
}

async fn bed_is(platform: &Platform, callers: &Callers, bed: &str, state: BedState) {
    eventually(&format!("the bed is {state:?}"), || async {
        (bed_state(platform, callers, bed).await == state).then_some(())
    })
    .await;
}

async fn is_alive_and_in_bed(platform: &Platform, callers: &Callers, member: &Member, bed: &str) {
    bed_is(platform, callers, bed, BedState::Occupied).await;
    eventually("alive", || async {
        let found = person(platform, callers, &member.id).await;
        (found.life?.status() == residents::LifeStatus::Alive).then_some(())
    })
    .await;
}

async fn a_suspicion_is_lifted_by_hand(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let (member, bed, case) = suspected(&platform, &callers).await;
    let request = pb::CompleteVerificationRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: case.id.clone(),
        etag: String::new(),
        result: pb::VerificationResult::Alive.into(),
        note: "seen at home".to_owned(),
        ..Default::default()
    };
    with_etag(&platform, &callers, &case.id, |etag| {
        let mut client = platform.life_events(&callers.clerk);
        let request = pb::CompleteVerificationRequest {
            etag,
            ..request.clone()
        };
        async move { client.complete_verification(request).await }
    })
    .await
    .expect("completed");
    reaches(&platform, &callers, &case.id, Phase::Rejected).await;
    is_alive_and_in_bed(&platform, &callers, &member, &bed).await;
    node.stop().await;
}

async fn a_suspicion_lapses(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let (member, bed, case) = suspected(&platform, &callers).await;
    let due = get(&platform, &callers, &case.id).await;
    let due = due
        .waiting
        .iter()
        .find(|waiting| waiting.what == "verify-death")
        .expect("a verification");
    let due = due.due_at.expect("a deadline").seconds - platform.clock.now().as_second();
    assert!(due > 0);
    platform
        .clock
        .advance(std::time::Duration::from_secs(due.unsigned_abs() + 1));
    reaches(&platform, &callers, &case.id, Phase::Rejected).await;
    is_alive_and_in_bed(&platform, &callers, &member, &bed).await;
    node.stop().await;
}
