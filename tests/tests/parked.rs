//! A reversal while a department's key is parked: the same end as without.

use minzheng_chassis::civil;
use minzheng_chassis::context::Context;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::operations::v1 as operations;
use minzheng_server::modules;
use minzheng_tests::family::{COUNTY, Family, Member};
use minzheng_tests::fingerprint;
use minzheng_tests::platform::{Callers, Platform};
use minzheng_tests::reports::{Report, day, get, reaches, reverse};
use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

on_both_deployments!(a_reversal_while_a_departments_key_is_parked);

const DEPARTMENT: &str = "elderly-care";

async fn a_reversal_while_a_departments_key_is_parked(deployment: Deployment) {
    let node = deployment.start(modules::all()).await;
    let platform = Platform::of_node(&node, deployment.clock());
    let callers = Callers::of(COUNTY);
    let parked = Family::settle_in(&platform, &callers).await;
    let other = Family::settle_in(&platform, &callers).await;
    let care = node.context(DEPARTMENT);
    refuse_her_stay(care, &parked.grandmother).await;

    let case = report(&platform, &parked).await;
    let heads = eventually("her key is parked", || async {
        let letters = dead_letters(&platform).await;
        (!letters.is_empty()).then_some(letters)
    })
    .await;
    assert_eq!(heads.len(), 1);
    assert_eq!(heads[0].key, parked.grandmother.id);
    names_the_department(&platform, &callers, &case.id, Phase::Notifying).await;

    // Nobody but she waits: another family's story goes on to its end.
    let reference = report(&platform, &other).await;
    reaches(&platform, &callers, &reference.id, Phase::Finished).await;
    reverse(&platform, &callers, &reference.id).await;
    reaches(&platform, &callers, &reference.id, Phase::Reversed).await;

    reverse(&platform, &callers, &case.id).await;
    names_the_department(&platform, &callers, &case.id, Phase::Reversing).await;
    let letters = eventually("the reversal waits behind the death", || async {
        let letters = dead_letters(&platform).await;
        (letters.len() == 2).then_some(letters)
    })
    .await;
    assert!(
        letters
            .iter()
            .all(|letter| letter.service == DEPARTMENT && letter.key == parked.grandmother.id)
    );

    allow_her_stay(care).await;
    replay(&platform, &heads[0]).await;
    let reversed = reaches(&platform, &callers, &case.id, Phase::Reversed).await;
    assert_eq!(reversed.waiting, vec![]);
    assert_eq!(dead_letters(&platform).await, vec![]);
    let expected = fingerprint::of(&platform, &other).await;
    fingerprint::becomes(&platform, &parked, &expected, "the end is the same").await;
    let answer = platform
        .operations(DEPARTMENT)
        .verify(operations::VerifyRequest::default())
        .await
        .expect("verified")
        .into_inner();
    assert_eq!(answer.findings, vec![]);
    node.stop().await;
}

/// The police report the grandmother's death; her case.
async fn report(platform: &Platform, family: &Family) -> pb::DeathCase {
    let today = day(civil::today(platform.clock.now()));
    let source = EvidenceSource::HouseholdCancellation;
    Report::of(&family.grandmother, source, &family.tag, today)
        .tell(platform, &Callers::of(COUNTY))
        .await
        .expect("taken")
}

/// Waits until only the department has not answered the latest fact, and the case says so.
async fn names_the_department(platform: &Platform, callers: &Callers, case_id: &str, phase: Phase) {
    let case = eventually("only the department is waited for", || async {
        let case = get(platform, callers, case_id).await;
        let only = case.waiting.iter().all(|waiting| waiting.on == DEPARTMENT);
        (only && !case.waiting.is_empty()).then_some(case)
    })
    .await;
    assert_eq!(case.phase(), phase);
    assert!(
        case.waiting
            .iter()
            .all(|waiting| waiting.since.is_some() && !waiting.advice.is_empty())
    );
}

async fn dead_letters(platform: &Platform) -> Vec<operations::DeadLetter> {
    let answer = platform
        .operations(DEPARTMENT)
        .list_dead_letters(operations::ListDeadLettersRequest::default())
        .await;
    answer.expect("listed").into_inner().dead_letters
}

async fn replay(platform: &Platform, letter: &operations::DeadLetter) {
    let request = operations::ReplayDeadLetterRequest {
        service: letter.service.clone(),
        subscription: letter.subscription.clone(),
        event_id: letter.event_id.clone(),
        reason: "the table is mended".to_owned(),
    };
    platform
        .operations(DEPARTMENT)
        .replay_dead_letter(request)
        .await
        .expect("replayed");
}

/// Whatever would change her stay fails.
async fn refuse_her_stay(cx: &Context, member: &Member) {
    let id = Uuid::parse_str(&member.id).expect("an id");
    let statements = match cx.db().backend() {
        DbBackend::Sqlite => vec![format!(
            "CREATE TRIGGER refuse BEFORE UPDATE ON stay WHEN NEW.person_id = X'{}' \
             BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
            id.simple()
        )],
        _ => vec![
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE EXCEPTION ''refused by the test''; END'"
                .to_owned(),
            format!(
                "CREATE TRIGGER refuse BEFORE UPDATE ON stay FOR EACH ROW \
                 WHEN (NEW.person_id = '{id}') EXECUTE FUNCTION refuse()"
            ),
        ],
    };
    for statement in statements {
        run(cx, &statement).await;
    }
}

async fn allow_her_stay(cx: &Context) {
    let text = match cx.db().backend() {
        DbBackend::Sqlite => "DROP TRIGGER refuse",
        _ => "DROP TRIGGER refuse ON stay",
    };
    run(cx, text).await;
}

async fn run(cx: &Context, text: &str) {
    let db = cx.db().writer();
    db.execute_unprepared(text).await.expect("it is run");
}
