//! Cases are kept whole, by version, once per episode.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::civil::from_micros;
use minzheng_chassis::context::Context;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_chassis::testing::{Deployment, operator};
use minzheng_life_events::domain::death::{
    Answer, Case, Correction, CorrectionCause, Divisions, DocumentKey, Evidence, Outcome, PLAN,
    Pending, PendingReversal, Phase, Question, QuestionState, Ruling, Source, Standing, Statement,
    Undo, Verification,
};
use minzheng_life_events::storage::cases::{self, Cases, StoredCase};
use minzheng_proto::death_plan::{ASSESS_DEPENDANTS, MARK_DECEASED};
use uuid::Uuid;

on_both_deployments!(
    a_case_comes_back_whole,
    a_save_is_by_version_and_episode,
    evidence_moves_and_is_never_lost
);

/// Saves a case after the one that was loaded.
struct Save {
    before: Option<StoredCase>,
    case: Case,
    saved: Arc<Mutex<Option<StoredCase>>>,
}

impl Command for Save {
    const NAME: &'static str = "test/Save";
    type Asked = ();
    type Answer = ();

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<(), Failure> {
        let saved = cases::save(uow, self.before.as_ref(), self.case.clone());
        *self.saved.lock().expect("not poisoned") = Some(saved);
        Ok(())
    }
}

async fn save(cx: &Context, before: Option<StoredCase>, case: Case) -> Result<StoredCase, Failure> {
    let saved = Arc::new(Mutex::new(None));
    cx.run(
        &operator("op"),
        None,
        Save {
            before,
            case,
            saved: saved.clone(),
        },
    )
    .await?;
    Ok(saved
        .lock()
        .expect("not poisoned")
        .take()
        .expect("it was saved"))
}

async fn load(cx: &Context, id: Uuid) -> StoredCase {
    Cases::reading(cx)
        .find_anywhere(id)
        .await
        .expect("read")
        .expect("a case")
}

fn at(micros: i64) -> jiff::Timestamp {
    from_micros(1_700_000_000_000_000 + micros).expect("an instant")
}

fn pending(since: i64) -> Pending {
    Pending {
        since: at(since),
        due_at: at(since + 7),
        due_provisional: since % 2 == 0,
        rule_id: Uuid::now_v7(),
    }
}

fn evidence(reference: &str, received: i64) -> Evidence {
    Evidence {
        id: Uuid::now_v7(),
        document: DocumentKey {
            organisation: "org".to_owned(),
            reference: reference.to_owned(),
        },
        revision: 1,
        statement: Statement {
            source: Source::CourtJudgment,
            died_on: day(2026, 3, 4),
            declared_on: Some("2026-03".parse().unwrap()),
            place: Some(VILLAGE.parse().unwrap()),
            document_date: Some("2026".parse().unwrap()),
            document_hash: Some(vec![1, 2, 3]),
        },
        reporter: "r".to_owned(),
        received_at: at(received),
        standing: Standing::Overruled,
    }
}

fn question(action: minzheng_proto::death_plan::Action, answer: Option<Answer>) -> Question {
    Question {
        fact_version: 3,
        action,
        state: if answer.is_some() {
            QuestionState::NeedsHuman
        } else {
            QuestionState::Open
        },
        asked_at: at(1),
        due_at: at(2),
        due_provisional: true,
        escalated: answer.is_none(),
        answer,
    }
}

fn answer() -> Answer {
    Answer {
        receipt_event_id: Uuid::now_v7(),
        outcome: Outcome::NeedsHuman,
        legal_basis: "民法典 Art. 27".to_owned(),
        undo: Undo::Human,
        work_item_id: Some(Uuid::now_v7()),
        reason: Some("NOBODY_LEFT".to_owned()),
        answered_at: at(9),
    }
}

/// A case with something in every column.
fn correction(fact_version: i64, cause: CorrectionCause) -> Correction {
    Correction {
        at: at(fact_version),
        ruling: Ruling {
            by: "li".to_owned(),
            reason: "证明重新开具 \"2\"".to_owned(),
        },
        cause,
        before: "2026-02".parse().unwrap(),
        died_on: day(2026, 3, 7),
        fact_version,
    }
}

fn full(person_id: Uuid) -> Case {
    Case {
        id: Uuid::now_v7(),
        person_id,
        episode: 2,
        phase: Phase::Settled,
        plan: &PLAN,
        fact_version: 3,
        died_on: "2026-03".parse().unwrap(),
        declared_on: Some(day(2026, 3, 5)),
        revoked_on: Some(day(2026, 3, 6)),
        ruled_on: Some(day(2026, 3, 7)),
        corrections: vec![
            correction(2, CorrectionCause::Formal),
            correction(3, CorrectionCause::Typographical),
        ],
        reversed_on: Some(jiff::civil::date(2026, 1, 2)),
        divisions: Divisions {
            standing: VILLAGE.parse().unwrap(),
            domicile: Some(VILLAGE.parse().unwrap()),
            residence: Some(COUNTY.parse().unwrap()),
            place: Some(OTHER_COUNTY.parse().unwrap()),
        },
        evidence: vec![evidence(&request_id(), 1), evidence(&request_id(), 2)],
        questions: vec![
            question(MARK_DECEASED, Some(answer())),
            question(ASSESS_DEPENDANTS, None),
        ],
        review: Some(pending(1)),
        verification: Some(Verification {
            pending: pending(2),
            escalated: true,
        }),
        conflict: Some(pending(3)),
        pending_reversal: Some(PendingReversal {
            id: Uuid::now_v7(),
            prepared_by: "li".to_owned(),
            reason: "another".to_owned(),
            revoked_on: Some("2026".parse().unwrap()),
            pending: pending(4),
        }),
        told_until: Some(at(8)),
        merged_into: Some(Uuid::now_v7()),
        opened_at: at(5),
        changed_at: at(6),
    }
}

async fn a_case_comes_back_whole(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let cx = node.context("life-events");
    let case = full(Uuid::now_v7());
    save(cx, None, case.clone()).await.unwrap();
    let stored = load(cx, case.id).await;
    assert_eq!((stored.version, &stored.case), (1, &case));

    let mut changed = case.clone();
    changed.phase = Phase::Finished;
    changed.verification = None;
    changed.pending_reversal = None;
    changed.merged_into = None;
    changed.evidence[0].standing = Standing::Superseded;
    changed.evidence.push(evidence(&request_id(), 3));
    changed.questions[1] = question(ASSESS_DEPENDANTS, Some(answer()));
    save(cx, Some(stored), changed.clone()).await.unwrap();
    let stored = load(cx, case.id).await;
    assert_eq!((stored.version, &stored.case), (2, &changed));
    node.stop().await;
}

async fn a_save_is_by_version_and_episode(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let cx = node.context("life-events");
    let case = full(Uuid::now_v7());
    let stored = save(cx, None, case.clone()).await.unwrap();
    let mut changed = case.clone();
    changed.episode = 2;
    changed.phase = Phase::Notifying;
    save(cx, Some(stored.clone()), changed.clone())
        .await
        .unwrap();
    changed.phase = Phase::Finished;
    let stale = save(cx, Some(stored), changed).await.unwrap_err();
    assert!(stale.is_conflict(), "another was faster: {stale}");
    let mut twin = full(case.person_id);
    twin.id = Uuid::now_v7();
    let twice = save(cx, None, twin).await.unwrap_err();
    assert!(
        twice.is_conflict(),
        "one case per person and episode: {twice}"
    );
    let mut other = full(Uuid::now_v7());
    other.evidence = vec![Evidence {
        id: Uuid::now_v7(),
        ..case.evidence[0].clone()
    }];
    let told = save(cx, None, other).await.unwrap_err();
    assert!(
        told.is_conflict(),
        "a document's revision is told once: {told}"
    );
    node.stop().await;
}

async fn evidence_moves_and_is_never_lost(deployment: Deployment) {
    let node = deployment.start(silent()).await;
    let cx = node.context("life-events");
    let gone = full(Uuid::now_v7());
    let before = save(cx, None, gone.clone()).await.unwrap();
    let mut survivor = full(Uuid::now_v7());
    survivor.evidence = gone.evidence.clone();
    survivor.evidence[0].standing = Standing::Current;
    save(cx, None, survivor.clone()).await.unwrap();
    let mut emptied = gone.clone();
    emptied.evidence.clear();
    save(cx, Some(before), emptied).await.unwrap();
    assert_eq!(load(cx, survivor.id).await.case.evidence, survivor.evidence);
    assert_eq!(load(cx, gone.id).await.case.evidence, vec![]);
    node.stop().await;
}
