//! Records that residents decides by itself.

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, eventually};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::residents::v1::{
    MatchDecision, PersonEstablished, PersonMerged, PersonRejected,
};

use crate::common::*;

on_both_deployments!(
    residents_decides_a_record_by_itself,
    a_record_decided_before_its_report_arrives,
);

fn merged(gone: &str, into: &str) -> Envelope {
    let event = PersonMerged {
        person_id: gone.to_owned(),
        into_person_id: into.to_owned(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    envelope("residents", &event, 1)
}

fn established(person_id: &str) -> Envelope {
    let event = PersonEstablished {
        person_id: person_id.to_owned(),
        domicile_division: VILLAGE.to_owned(),
        residence_division: VILLAGE.to_owned(),
    };
    envelope("residents", &event, 1)
}

fn rejected(person_id: &str) -> Envelope {
    envelope(
        "residents",
        &PersonRejected {
            person_id: person_id.to_owned(),
        },
        1,
    )
}

async fn residents_decides_a_record_by_itself(deployment: Deployment) {
    let node = deployment.start(answering()).await;
    let (known_number, known) = residents::somebody();
    let before = tell(
        &node,
        &report(
            identity(&known_number),
            EvidenceSource::Village,
            day(2026, 3, 4),
        ),
    )
    .await;
    assert_eq!(before.phase(), Phase::Suspected);
    let (gone, of_its_own, nobody) = (
        stranger(&node).await,
        stranger(&node).await,
        stranger(&node).await,
    );
    residents::decide(&gone.person_id, MatchDecision::IsPerson, &known);
    residents::decide(&of_its_own.person_id, MatchDecision::NewPerson, "");
    residents::decide(&nobody.person_id, MatchDecision::Reject, "");
    let events = [
        merged(&gone.person_id, &known),
        established(&of_its_own.person_id),
        rejected(&nobody.person_id),
    ];
    send(&node, &[events.clone(), events.clone()].concat()).await;
    let survivor = until(&node, &gone.id, "the evidence moved", |case| {
        case.id == before.id
    })
    .await;
    assert_eq!(survivor.evidence.len(), 2);
    reaches(&node, &before.id, Phase::Finished).await;
    assert_eq!(
        cases_of(&node, &gone.person_id).await[0].merged_into,
        before.id
    );
    assert_eq!(
        reaches(&node, &of_its_own.id, Phase::Finished)
            .await
            .fact_version,
        1
    );
    reaches(&node, &nobody.id, Phase::Rejected).await;
    // The same event under another id, as a relay that died would not send it: no effect either.
    send(
        &node,
        &[merged(&gone.person_id, &known), rejected(&nobody.person_id)],
    )
    .await;
    for case in [&gone, &of_its_own, &nobody] {
        assert_eq!(kinds(&node, &case.id).await, [""; 0]);
    }
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

/// The event may overtake the report that it is about.
async fn a_record_decided_before_its_report_arrives(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let records: Vec<(String, String)> = (0..3)
        .map(|_| {
            let number = residents::fresh_number();
            let id = residents::provision(&number, COUNTY);
            (number, id)
        })
        .collect();
    let (_, known) = residents::somebody();
    let events = [
        merged(&records[0].1, &known),
        established(&records[1].1),
        rejected(&records[2].1),
    ];
    send(&node, &events).await;
    eventually("they are heard", || async {
        use minzheng_chassis::db::Sql;
        let db = node.context("life-events").db().reader();
        let decided = db
            .one("SELECT count(*) AS n FROM decided_record", [])
            .await
            .unwrap()
            .unwrap();
        let merged = "SELECT count(*) AS n FROM known_person WHERE merged_into IS NOT NULL";
        let merged = db.one(merged, []).await.unwrap().unwrap();
        (decided.get::<i64>("n").unwrap() == 2 && merged.get::<i64>("n").unwrap() == 1)
            .then_some(())
    })
    .await;
    // residents answers as it did before it decided.
    let mut cases = Vec::new();
    for (number, _) in &records {
        cases.push(
            tell(
                &node,
                &report(
                    identity(number),
                    EvidenceSource::MedicalCertificate,
                    day(2026, 3, 4),
                ),
            )
            .await,
        );
    }
    let phases: Vec<Phase> = cases.iter().map(pb::DeathCase::phase).collect();
    assert_eq!(
        phases,
        [Phase::Notifying, Phase::Notifying, Phase::Rejected]
    );
    assert_eq!(cases[0].person_id, known);
    node.stop().await;
}
