//! Bad input, another county's ids, wrong roles: refused with a reason, field by field, in Chinese
//! for people, and nothing is written.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::grpc::client::NeighbourChannel;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, clerk, worker};
use minzheng_proto::common::v1::{IdType, Identity, PartialDate};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::death_case_service_client::DeathCaseServiceClient;
use minzheng_server::modules;
use minzheng_tests::family::{COUNTY, VILLAGE};
use minzheng_tests::platform::{Callers, Platform, minzheng_reason};
use minzheng_tests::reports::{Report, day, get, reaches};
use minzheng_tests::written;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use uuid::Uuid;

on_both_deployments!(
    rubbish_is_refused_field_by_field_and_leaves_nothing,
    a_reference_stands_for_one_person_and_an_etag_for_one_version,
    a_request_id_that_is_used_again_leaves_nothing_at_a_neighbour_either,
    another_county_sees_nothing,
    roles_and_identity_are_asked_for,
);

async fn start(deployment: &Deployment) -> (TestNode, Platform, Callers) {
    let node = deployment.start(modules::all()).await;
    let platform = Platform::of_node(&node, deployment.clock());
    (node, platform, Callers::of(COUNTY))
}

fn good_report(platform: &Platform) -> pb::ReportDeathRequest {
    let today = minzheng_chassis::civil::today(platform.clock.now());
    pb::ReportDeathRequest {
        request_id: Uuid::new_v4().to_string(),
        identity: Some(Identity {
            id_type: IdType::None.into(),
            ..Default::default()
        }),
        source_organisation: "hospital".to_owned(),
        reference: Uuid::new_v4().to_string(),
        source: pb::EvidenceSource::MedicalCertificate.into(),
        died_on: Some(date_to_wire(day(today))),
        place_division: VILLAGE.to_owned(),
        ..Default::default()
    }
}

fn is_explained(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    assert_eq!(
        minzheng_reason(status).as_deref(),
        Some(reason),
        "{status:?}"
    );
    let details = status.get_error_details();
    let chinese = details.localized_message().expect("a text for people");
    assert_eq!(chinese.locale, "zh-CN");
    assert!(
        chinese
            .message
            .chars()
            .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
        "{}",
        chinese.message
    );
    if code == Code::InvalidArgument {
        assert!(
            !details
                .bad_request()
                .expect("fields")
                .field_violations
                .is_empty()
        );
    }
}

async fn rubbish_is_refused_field_by_field_and_leaves_nothing(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let before = written::settled(&node).await;
    let report = |change: &dyn Fn(&mut pb::ReportDeathRequest)| {
        let mut request = good_report(&platform);
        change(&mut request);
        let mut client = platform.life_events(&callers.reporter);
        async move { client.report_death(request).await.expect_err("refused") }
    };
    let number = |text: &str, name: &str| {
        Some(Identity {
            id_type: IdType::ResidentId.into(),
            id_number: text.to_owned(),
            name: name.to_owned(),
        })
    };
    let refusals = [
        report(&|request| request.request_id = "no uuid".to_owned()).await,
        report(&|request| request.identity = number("110105194912310021", "测")).await,
        report(&|request| request.identity = number("rubbish", "测")).await,
        report(&|request| request.identity = number("11010519491231002X", "")).await,
        report(&|request| {
            request.died_on = Some(PartialDate {
                year: 2999,
                month: 1,
                day: 1,
            })
        })
        .await,
        report(&|request| {
            request.died_on = Some(PartialDate {
                year: 2024,
                month: 2,
                day: 31,
            })
        })
        .await,
        report(&|request| request.place_division = "529999".to_owned()).await,
        report(&|request| request.place_division = "x".to_owned()).await,
        report(&|request| request.source = 99).await,
        report(&|request| request.source = 0).await,
        report(&|request| request.reference = String::new()).await,
        report(&|request| request.source_organisation = String::new()).await,
        report(&|request| request.identity = None).await,
    ];
    for status in &refusals {
        let reason = minzheng_reason(status).unwrap_or_default();
        assert!(
            reason
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'),
            "{reason}"
        );
        is_explained(status, Code::InvalidArgument, &reason);
        assert!(
            !status.message().contains("110105"),
            "an error text repeats no number"
        );
    }
    let large = report(&|request| request.reference = "x".repeat(5 << 20)).await;
    is_explained(&large, Code::InvalidArgument, "MESSAGE_TOO_LARGE");
    written::nothing_since(&node, &before, "nothing is written").await;
    node.stop().await;
}

async fn a_reference_stands_for_one_person_and_an_etag_for_one_version(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let sex = minzheng_proto::residents::v1::Sex::Male;
    let birth = jiff::civil::date(1950, 5, 5);
    let one = minzheng_tests::family::register(&platform, &callers, "甲", birth, sex).await;
    let other = minzheng_tests::family::register(&platform, &callers, "乙", birth, sex).await;
    let today = day(minzheng_chassis::civil::today(platform.clock.now()));
    let source = pb::EvidenceSource::MedicalCertificate;
    let case = Report::of(&one, source, "same", today)
        .tell(&platform, &callers)
        .await
        .expect("taken");
    let again = Report::of(&one, source, "same", today)
        .tell(&platform, &callers)
        .await
        .expect("taken");
    assert_eq!(case.id, again.id);
    reaches(&platform, &callers, &case.id, pb::Phase::Finished).await;
    let before = written::settled(&node).await;
    let refused = Report::of(&other, source, "same", today)
        .tell(&platform, &callers)
        .await
        .expect_err("refused");
    is_explained(&refused, Code::FailedPrecondition, "REFERENCE_REUSED");
    written::nothing_since(&node, &before, "nothing is written").await;

    let prepare = pb::PrepareReversalRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: case.id.clone(),
        etag: "v0".to_owned(),
        reason: "wrong".to_owned(),
        revoked_on: None,
    };
    let refused = platform
        .life_events(&callers.clerk)
        .prepare_reversal(prepare)
        .await
        .expect_err("refused");
    is_explained(&refused, Code::Aborted, "ETAG_MISMATCH");
    written::nothing_since(&node, &before, "nothing is written").await;
    node.stop().await;
}

/// Residents is asked before the transaction, and would make a record or decide one.
async fn a_request_id_that_is_used_again_leaves_nothing_at_a_neighbour_either(
    deployment: Deployment,
) {
    let (node, platform, callers) = start(&deployment).await;
    let mut client = platform.life_events(&callers.reporter);
    let of_a_stranger = good_report(&platform);
    let stranger = open_case(&mut client, &of_a_stranger).await;
    let sex = minzheng_proto::residents::v1::Sex::Female;
    let birth = jiff::civil::date(1950, 5, 5);
    let known = minzheng_tests::family::register(&platform, &callers, "甲", birth, sex).await;
    let of_a_person = pb::ReportDeathRequest {
        identity: None,
        person_id: known.id,
        ..good_report(&platform)
    };
    let known = open_case(&mut client, &of_a_person).await;
    reaches(&platform, &callers, &known.id, pb::Phase::Finished).await;
    let before = written::settled(&node).await;
    for used in [&of_a_stranger, &of_a_person] {
        let other = pb::ReportDeathRequest {
            request_id: used.request_id.clone(),
            ..good_report(&platform)
        };
        let refused = client.report_death(other).await.expect_err("refused");
        is_explained(&refused, Code::FailedPrecondition, "REQUEST_ID_REUSED");
    }
    written::nothing_since(&node, &before, "residents was not even asked").await;

    let other_stranger = open_case(&mut client, &good_report(&platform)).await;
    let decide = |case: &pb::DeathCase| pb::DecideReviewRequest {
        request_id: of_a_stranger.request_id.clone(),
        case_id: case.id.clone(),
        etag: case.etag.clone(),
        decision: pb::ReviewDecision::NewPerson.into(),
        person_id: String::new(),
        reason: "found in the archive".to_owned(),
    };
    let mut desk = platform.life_events(&callers.clerk);
    let decided = desk.decide_review(decide(&stranger)).await;
    decided.expect("decided: a request id is one of a method");
    reaches(&platform, &callers, &stranger.id, pb::Phase::Finished).await;
    let before = written::settled(&node).await;
    let refused = desk.decide_review(decide(&other_stranger)).await;
    is_explained(
        &refused.expect_err("refused"),
        Code::FailedPrecondition,
        "REQUEST_ID_REUSED",
    );
    written::nothing_since(&node, &before, "nobody was decided to be anybody").await;
    node.stop().await;
}

async fn open_case(
    client: &mut DeathCaseServiceClient<NeighbourChannel>,
    report: &pb::ReportDeathRequest,
) -> pb::DeathCase {
    let told = client.report_death(report.clone()).await.expect("taken");
    told.into_inner().case.expect("a case")
}

async fn another_county_sees_nothing(deployment: Deployment) {
    let (node, platform, callers) = start(&deployment).await;
    let sex = minzheng_proto::residents::v1::Sex::Male;
    let member = minzheng_tests::family::register(
        &platform,
        &callers,
        "甲",
        jiff::civil::date(1950, 5, 5),
        sex,
    )
    .await;
    let today = day(minzheng_chassis::civil::today(platform.clock.now()));
    let report = Report::of(&member, pb::EvidenceSource::MedicalCertificate, "r", today);
    let case = report.tell(&platform, &callers).await.expect("taken");
    assert_eq!(get(&platform, &callers, &case.id).await.id, case.id);
    let stranger = clerk("stranger", "520103");
    let mut client = platform.life_events(&stranger);
    let refused = client
        .get_case(pb::GetCaseRequest {
            case_id: case.id.clone(),
        })
        .await
        .expect_err("not found");
    is_explained(&refused, Code::NotFound, "NOT_FOUND");
    let missing = client
        .get_case(pb::GetCaseRequest {
            case_id: Uuid::new_v4().to_string(),
        })
        .await
        .expect_err("no");
    assert_eq!(
        refused.message(),
        missing.message(),
        "a stranger cannot tell the two apart"
    );
    let list = client
        .list_cases(pb::ListCasesRequest::default())
        .await
        .expect("listed")
        .into_inner();
    assert_eq!(list.cases, vec![]);
    let watch = pb::WatchCaseRequest {
        case_id: case.id.clone(),
        resume_token: String::new(),
    };
    let refused = match client.watch_case(watch).await {
        Err(status) => status,
        Ok(stream) => stream.into_inner().message().await.expect_err("not found"),
    };
    assert_eq!(refused.code(), Code::NotFound);
    no_token_opens_another_countys_case(&platform, &stranger, &case).await;
    let person = minzheng_proto::residents::v1::GetPersonRequest {
        person_id: member.id,
        ..Default::default()
    };
    let refused = platform
        .residents(&stranger)
        .get_person(person)
        .await
        .expect_err("not found");
    is_explained(&refused, Code::NotFound, "NOT_FOUND");
    node.stop().await;
}

/// A token names a case and a version; both can be guessed or come from somebody who may see it.
async fn no_token_opens_another_countys_case(
    platform: &Platform,
    stranger: &Caller,
    case: &pb::DeathCase,
) {
    let id = Uuid::parse_str(&case.id).unwrap();
    let mut tokens: Vec<String> = (0..4)
        .map(|version| format!("{}.{version}", id.simple()))
        .collect();
    tokens.push(format!("{}.1", Uuid::new_v4().simple()));
    for resume_token in tokens {
        let watch = pb::WatchCaseRequest {
            case_id: case.id.clone(),
            resume_token,
        };
        let opened = platform.life_events(stranger).watch_case(watch).await;
        let refused = opened.expect_err("the stream does not even open");
        is_explained(&refused, Code::NotFound, "NOT_FOUND");
    }
}

async fn roles_and_identity_are_asked_for(deployment: Deployment) {
    let (node, platform, _) = start(&deployment).await;
    let before = written::settled(&node).await;
    let nobody = DeathCaseServiceClient::new(node.anonymous())
        .list_cases(pb::ListCasesRequest::default())
        .await;
    is_explained(
        &nobody.expect_err("refused"),
        Code::Unauthenticated,
        "UNAUTHENTICATED",
    );
    let prepare = pb::PrepareReversalRequest {
        request_id: Uuid::new_v4().to_string(),
        case_id: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let township = worker("worker", COUNTY);
    let refused = platform
        .life_events(&township)
        .prepare_reversal(prepare)
        .await
        .expect_err("refused");
    is_explained(&refused, Code::PermissionDenied, "ROLE_REQUIRED");
    let mut operations =
        minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient::new(
            node.channel(&clerk("clerk", COUNTY)),
        );
    let refused = operations
        .verify(minzheng_proto::operations::v1::VerifyRequest::default())
        .await;
    is_explained(
        &refused.expect_err("refused"),
        Code::PermissionDenied,
        "ROLE_REQUIRED",
    );
    written::nothing_since(&node, &before, "nothing is written").await;
    node.stop().await;
}
