//! A step that fails at any of its writes leaves nothing half done, and ends as if it had not failed
//! once what refused it is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use minzheng_chassis::bus::Envelope;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::testing::{Deployment, TestNode, eventually};
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::{EvidenceSource, Outcome};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::common::departments::receipt;
use crate::common::*;
use crate::tables::{Snapshot, allow, changed, gained, refuse, snapshot};

on_both_deployments!(a_failure_at_any_write_leaves_nothing_half_done);

/// What the story of one person does, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A village reports: suspected, a verification is opened.
    Suspect,
    /// A hospital certifies: confirmed, the verification is closed.
    Confirm,
    /// A department answers, and one of its questions needs a person.
    FirstReceipt,
    /// The last department answers: settled.
    LastReceipt,
    /// A reversal waits for another official.
    Prepare,
    /// It is approved: everybody is asked to restore.
    Approve,
}

impl Step {
    const ALL: [Step; 6] = [
        Step::Suspect,
        Step::Confirm,
        Step::FirstReceipt,
        Step::LastReceipt,
        Step::Prepare,
        Step::Approve,
    ];

    /// Tables that it must write, whatever else it writes.
    fn writes(self) -> &'static [&'static str] {
        match self {
            Step::Suspect => &[
                "known_person",
                "death_case",
                "evidence",
                "question",
                "work_item",
                "stream_sequence",
                "outbox",
                "audit",
                "request",
            ],
            Step::Confirm => &[
                "death_case",
                "evidence",
                "question",
                "work_item",
                "stream_sequence",
                "outbox",
                "audit",
                "request",
            ],
            Step::FirstReceipt | Step::LastReceipt => &["death_case", "question", "audit"],
            Step::Prepare => &["death_case", "work_item", "audit", "request"],
            Step::Approve => &[
                "death_case",
                "question",
                "work_item",
                "stream_sequence",
                "outbox",
                "audit",
                "request",
            ],
        }
    }
}

/// One person's story.
struct Person {
    number: String,
    id: String,
    case_id: Option<String>,
    requests: BTreeMap<Step, Uuid>,
}

impl Person {
    fn new() -> Self {
        let (number, id) = residents::somebody();
        Self {
            number,
            id,
            case_id: None,
            requests: Step::ALL.map(|step| (step, Uuid::new_v4())).into(),
        }
    }

    async fn case(&self, node: &TestNode) -> pb::DeathCase {
        get(node, self.case_id.as_deref().expect("it was reported")).await
    }

    fn report(&self, step: Step) -> pb::ReportDeathRequest {
        let source = if step == Step::Suspect {
            EvidenceSource::Village
        } else {
            EvidenceSource::MedicalCertificate
        };
        pb::ReportDeathRequest {
            request_id: self.requests[&step].to_string(),
            reference: self.requests[&step].simple().to_string(),
            ..report(identity(&self.number), source, day(2026, 3, 4))
        }
    }

    /// Calls what the step is; the same call, with the same request id, each time.
    async fn call(&self, node: &TestNode, step: Step) -> Result<pb::DeathCase, Status> {
        let request_id = self.requests[&step].to_string();
        let case = match step {
            Step::Suspect | Step::Confirm => return try_tell(node, &self.report(step)).await,
            Step::Prepare => {
                let case = self.case(node).await;
                let request = pb::PrepareReversalRequest {
                    request_id,
                    case_id: case.id,
                    etag: case.etag,
                    reason: "another person of that name".to_owned(),
                    revoked_on: None,
                };
                let answer = client(node, &li()).prepare_reversal(request).await?;
                answer.into_inner().case
            }
            Step::Approve => {
                let case = self.case(node).await;
                let request = pb::ApproveReversalRequest {
                    request_id,
                    case_id: case.id,
                    etag: case.etag,
                    reversal_id: case.pending_reversal.expect("it waits").id,
                    approve: true,
                };
                let answer = client(node, &wang()).approve_reversal(request).await?;
                answer.into_inner().case
            }
            Step::FirstReceipt | Step::LastReceipt => unreachable!("receipts are no calls"),
        };
        Ok(case.expect("a case"))
    }

    /// What departments answer in a step; the same event each time.
    async fn receipts(&self, node: &TestNode, step: Step) -> Vec<Envelope> {
        let case = self.case(node).await;
        let answers: &[(&str, &[(&str, Outcome)])] = if step == Step::FirstReceipt {
            &[(
                "child-welfare",
                &[
                    ("close-child-file", Outcome::NothingToDo),
                    ("assess-dependants", Outcome::NeedsHuman),
                ],
            )]
        } else {
            &[
                ("residents", &[("mark-deceased", Outcome::Done)]),
                (
                    "elderly-care",
                    &[("end-stay", Outcome::Done), ("release-bed", Outcome::Done)],
                ),
            ]
        };
        let sent = |(department, answers): &(&str, &[(&str, Outcome)])| {
            envelope(department, &receipt(&case, department, answers), 1)
        };
        answers.iter().map(sent).collect()
    }

    /// Does the step and waits for its end.
    async fn take(&mut self, node: &TestNode, step: Step) {
        match step {
            Step::FirstReceipt | Step::LastReceipt => {
                let receipts = self.receipts(node, step).await;
                send(node, &receipts).await;
                self.is_answered(node, &receipts).await;
            }
            Step::Suspect | Step::Confirm | Step::Prepare | Step::Approve => {
                let case = self.call(node, step).await.expect("it succeeds");
                self.case_id = Some(case.id);
            }
        }
    }

    async fn is_answered(&self, node: &TestNode, receipts: &[Envelope]) {
        let departments: Vec<&str> = receipts.iter().map(|one| one.source.as_str()).collect();
        eventually("the receipts are taken", || async {
            let case = self.case(node).await;
            let mut asked = case
                .questions
                .iter()
                .filter(|question| question.fact_version == case.fact_version)
                .filter(|question| departments.contains(&question.department.as_str()));
            asked
                .all(|question| question.state() != pb::QuestionState::Open)
                .then_some(())
        })
        .await;
    }

    /// What stands of the person, without ids and times.
    async fn view(&self, node: &TestNode) -> Vec<String> {
        let case = self.case(node).await;
        let mut view = fingerprint(node, &self.id).await;
        view.push(format!(
            "{:?} episode {} fact {} {:?} {}",
            case.phase(),
            case.episode,
            case.fact_version,
            case.died_on,
            case.hold
        ));
        for evidence in &case.evidence {
            view.push(format!("{:?} {:?}", evidence.source(), evidence.standing()));
        }
        for question in &case.questions {
            view.push(format!(
                "{} {} {} {:?} {:?}",
                question.fact_version,
                question.department,
                question.action,
                question.state(),
                question.outcome()
            ));
        }
        for waiting in &case.waiting {
            view.push(format!("waits for {} {}", waiting.on, waiting.what));
        }
        view.extend(kinds(node, &case.id).await);
        let text = "SELECT sequence FROM stream_sequence WHERE key = $1";
        let cx = node.context("life-events");
        let sent = cx.db().reader().one(text, [val(self.id.clone())]).await;
        let sent = sent.expect("read").map(|row| row.get::<i64>("sequence"));
        view.push(format!("{sent:?} facts"));
        view
    }
}

/// What each step writes, and what stands after it, of a person for whom nothing fails.
struct Undisturbed {
    written: BTreeSet<String>,
    gained: BTreeMap<String, i64>,
    view: Vec<String>,
}

async fn undisturbed(node: &TestNode) -> BTreeMap<Step, Undisturbed> {
    let cx = node.context("life-events");
    let mut person = Person::new();
    let mut steps = BTreeMap::new();
    for step in Step::ALL {
        let before = snapshot(cx).await;
        person.take(node, step).await;
        let after = snapshot(cx).await;
        let mut written = changed(&before, &after);
        if written.contains("stream_sequence") {
            // What was sent is gone from there.
            written.insert("outbox".to_owned());
        }
        for table in step.writes() {
            assert!(
                written.contains(*table),
                "{step:?} writes {table}: {written:?}"
            );
        }
        let gained = gained(&before, &after);
        let view = person.view(node).await;
        steps.insert(
            step,
            Undisturbed {
                written,
                gained,
                view,
            },
        );
    }
    steps
}

async fn a_failure_at_any_write_leaves_nothing_half_done(deployment: Deployment) {
    // Parked receipts are due again as soon as the test moves its clock.
    let settings = ["runner.retry_first_ms=100", "runner.retry_max_ms=100"];
    let node = deployment.start_with(silent(), &settings).await;
    let cx = node.context("life-events");
    let expected = undisturbed(&node).await;
    let mut person = Person::new();
    for (step, undisturbed) in &expected {
        let before = snapshot(cx).await;
        match step {
            Step::FirstReceipt | Step::LastReceipt => {
                fail_receipts(&deployment, &node, &person, *step, &before, undisturbed).await;
            }
            Step::Suspect | Step::Confirm | Step::Prepare | Step::Approve => {
                fail_calls(&node, &person, *step, &before, undisturbed).await;
                person.take(&node, *step).await;
            }
        }
        let after = snapshot(cx).await;
        assert_eq!(
            gained(&before, &after),
            undisturbed.gained,
            "{step:?}: nothing is missing, nothing twice"
        );
        assert_eq!(person.view(&node).await, undisturbed.view, "{step:?}");
    }
    assert_eq!(complaints(&node).await, [""; 0]);
    node.stop().await;
}

/// The call fails at each of its tables in turn, and each time nothing has happened.
async fn fail_calls(
    node: &TestNode,
    person: &Person,
    step: Step,
    before: &Snapshot,
    undisturbed: &Undisturbed,
) {
    let cx = node.context("life-events");
    for table in &undisturbed.written {
        refuse(cx, table).await;
        let refused = person.call(node, step).await;
        allow(cx, table).await;
        let refused = refused.expect_err(&format!("{step:?} writes {table}"));
        assert_eq!(refused.code(), Code::Internal, "{step:?} at {table}");
        assert_eq!(
            changed(before, &snapshot(cx).await),
            BTreeSet::new(),
            "{step:?} at {table} left something"
        );
    }
}

/// The receipts fail at each of their tables in turn, are parked, and are tried again until they apply.
async fn fail_receipts(
    deployment: &Deployment,
    node: &TestNode,
    person: &Person,
    step: Step,
    before: &Snapshot,
    undisturbed: &Undisturbed,
) {
    let cx = node.context("life-events");
    let receipts = person.receipts(node, step).await;
    let mut refusing: Option<&String> = None;
    for table in &undisturbed.written {
        refuse(cx, table).await;
        match refusing.replace(table) {
            None => send(node, &receipts).await,
            // Never without any: a try in between would apply.
            Some(earlier) => allow(cx, earlier).await,
        }
        let tried = tries(cx, &receipts[0]).await;
        // Two more: the first may have begun before this table refused alone.
        eventually(
            &format!("the receipt was tried against {table}"),
            || async {
                soon(deployment);
                (tries(cx, &receipts[0]).await >= tried + 2).then_some(())
            },
        )
        .await;
        assert_eq!(
            changed(before, &snapshot(cx).await),
            BTreeSet::new(),
            "{step:?} at {table} left something"
        );
    }
    allow(cx, refusing.expect("a table")).await;
    eventually("the receipts apply", || async {
        soon(deployment);
        let text = "SELECT count(*) AS n FROM inbox WHERE state <> 'applied'";
        let row = cx.db().reader().one(text, []).await.expect("read")?;
        (row.get::<i64>("n").expect("a number") == 0).then_some(())
    })
    .await;
    person.is_answered(node, &receipts).await;
}

/// What is parked is due again.
fn soon(deployment: &Deployment) {
    deployment.clock().advance(Duration::from_millis(100));
}

/// How often a receipt was tried.
async fn tries(cx: &Context, receipt: &Envelope) -> i32 {
    let text = "SELECT tries FROM inbox WHERE event_id = $1";
    let row = cx.db().reader().one(text, [val(receipt.id)]).await;
    row.expect("read")
        .and_then(|row| row.get::<Option<i32>>("tries").expect("a number"))
        .unwrap_or_default()
}
