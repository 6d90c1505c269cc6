//! Reports that arrive together, and those whose client hangs up.

use std::sync::Arc;
use std::time::Duration;

use minzheng_chassis::db::Sql;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use sea_orm::DbBackend;
use tonic::Code;

use crate::common::*;

on_both_deployments!(
    reports_at_once_are_one_case,
    reports_of_many_at_once_are_a_case_each,
    a_client_that_hangs_up_leaves_no_open_transaction,
);

/// Ten organisations report one person at the same time, each twice at once.
async fn reports_at_once_are_one_case(deployment: Deployment) {
    let node = Arc::new(deployment.start(silent()).await);
    let (number, person_id) = residents::somebody();
    let mut telling = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let certificate = certificate(&number);
        for attempt in [again(&certificate), certificate] {
            let node = node.clone();
            telling.spawn(async move {
                // As a county system would: told to try again, it does.
                loop {
                    match try_tell(&node, &attempt).await {
                        Err(status) if status.code() == Code::Aborted => {}
                        told => return told.expect("taken").id,
                    }
                }
            });
        }
    }
    let told = telling.join_all().await;
    assert!(told.iter().all(|id| *id == told[0]), "one case");
    let case = get(&node, &told[0]).await;
    assert_eq!((case.evidence.len(), case.fact_version), (10, 1));
    assert_eq!(cases_of(&node, &person_id).await.len(), 1);
}

/// They share transactions, with some among them that do not fit: suspicions, which open work, and a reference of
/// which two reports about two persons arrive at once.
async fn reports_of_many_at_once_are_a_case_each(deployment: Deployment) {
    const CERTIFIED: usize = 40;
    let node = Arc::new(deployment.start(silent()).await);
    let told_of = |source| {
        let (number, person_id) = residents::somebody();
        (
            report(identity(&number), source, day(2026, 3, 4)),
            person_id,
        )
    };
    let certified = (0..CERTIFIED).map(|_| told_of(EvidenceSource::MedicalCertificate));
    let suspected = (0..4).map(|_| told_of(EvidenceSource::Village));
    let mut reports: Vec<_> = certified.chain(suspected).collect();
    let mut reused = told_of(EvidenceSource::MedicalCertificate);
    reused.0.reference = reports[0].0.reference.clone();
    reports.insert(1, reused);
    let mut telling = tokio::task::JoinSet::new();
    for (report, person_id) in reports {
        let node = node.clone();
        telling.spawn(async move { (try_tell(&node, &report).await, report, person_id) });
    }
    let told = telling.join_all().await;
    let (taken, refused): (Vec<_>, Vec<_>) = told.into_iter().partition(|(told, ..)| told.is_ok());
    for (told, report, person_id) in taken {
        let told = told.unwrap();
        let phase = match report.source() {
            EvidenceSource::Village => Phase::Suspected,
            _ => Phase::Notifying,
        };
        assert_eq!((told.phase(), &told.person_id), (phase, &person_id));
        let cases = cases_of(&node, &person_id).await;
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].id, told.id);
        assert_eq!(get(&node, &told.id).await.evidence.len(), 1);
        assert_eq!(
            tell(&node, &report).await.id,
            told.id,
            "the same answer again"
        );
    }
    let reasons: Vec<String> = refused
        .iter()
        .map(|(told, ..)| reason(told.as_ref().unwrap_err()))
        .collect();
    assert_eq!(reasons, ["REFERENCE_REUSED"]);
    let recorded = node.context("life-events").db().reader();
    let text = "SELECT count(*) AS n FROM audit WHERE action = 'ReportDeath'";
    let row = recorded.one(text, []).await.unwrap().unwrap();
    let expected = i64::try_from(CERTIFIED + 4).unwrap();
    assert_eq!(row.get::<i64>("n").unwrap(), expected);
}

/// Over a connection, after anything from no time at all to most of what a report takes: each has happened as a whole or
/// not at all, the next try finds out, and no transaction stays open.
async fn a_client_that_hangs_up_leaves_no_open_transaction(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let mut hung_up = 0;
    for tenths in 0..60 {
        let (number, person_id) = residents::somebody();
        let source = EvidenceSource::MedicalCertificate;
        let report = report(identity(&number), source, day(2026, 3, 4));
        let within = Duration::from_micros(100 * tenths);
        let told = tokio::time::timeout(within, try_tell(&node, &report)).await;
        hung_up += usize::from(told.is_err());
        let case = tell(&node, &report).await;
        assert_eq!(case.evidence.len(), 1);
        assert_eq!(cases_of(&node, &person_id).await.len(), 1);
    }
    assert!(hung_up > 10, "{hung_up} hung up");
    let db = node.context("life-events").db();
    if db.backend() == DbBackend::Postgres {
        let text = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() \
                    AND state LIKE 'idle in transaction%'";
        eventually("no transaction is open", || async {
            let row = db.reader().one(text, []).await.expect("read");
            let open: i64 = row.expect("a count").get("n").expect("a number");
            (open == 0).then_some(())
        })
        .await;
    }
    node.stop().await;
}
