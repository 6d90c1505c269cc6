//! 11: one audit record per change.

use minzheng_tests::chaos::checkers::Harm;
use minzheng_tests::chaos::history::Op;
use minzheng_tests::chaos::observe::{AuditRow, Observed};

use crate::clean::{Plant, Run, finds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_each_sees_a_changed_a_missing_and_a_second_audit_record() {
    let run = Run::clean().await;
    let plants = [
        (
            "residents",
            "UPDATE audit SET subject = 'somebody' WHERE action = 'RegisterPerson' AND id = \
             (SELECT min(id) FROM audit WHERE action = 'RegisterPerson')",
            (Harm::Wrong, "was changed"),
        ),
        (
            "life-events",
            "DELETE FROM audit WHERE id = (SELECT min(id) FROM audit WHERE action = 'CorrectDeath')",
            (Harm::Lost, "CorrectDeath"),
        ),
        (
            "residents",
            "DELETE FROM audit WHERE action = 'GetPerson'",
            (Harm::Lost, "looks at person"),
        ),
        (
            "life-events",
            "INSERT INTO audit SELECT x'00112233445566778899aabbccddeeff', at, action, subject, service, aggregate, \
             aggregate_id, division, causation_id, record, key_id, mac FROM audit WHERE action = 'PrepareReversal' LIMIT 1",
            (Harm::Doubled, "PrepareReversal"),
        ),
    ];
    for (service, statement, said) in plants {
        run.finds(11, service, statement, &[said]).await;
    }
    run.stop().await;
}

/// A record of a kind again, caused by the first operation that is so.
fn record_again(observed: &mut Observed, action: &str, is_so: fn(&Op) -> bool) {
    let op = observed.ops.iter().find(|op| is_so(op));
    let causation = op.expect("an operation").deed.id.parse().ok();
    let mut rows = observed.tables.audit.iter();
    let row = rows.find(|row| row.action == action).expect("a record");
    let again = AuditRow {
        causation,
        ..row.clone()
    };
    observed.tables.audit.push(again);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_each_sees_a_record_of_what_was_refused_and_of_a_document_none_or_two() {
    let plants: [Plant; 3] = [
        (Harm::Wrong, "was refused and is in the audit", |observed| {
            record_again(observed, "ApproveReversal", |op| {
                op.does() == "approve-own" && op.is_refused()
            });
        }),
        (Harm::Lost, "is 0 times in the audit", |observed| {
            let audit = &mut observed.tables.audit;
            audit.retain(|row| row.action != "ReportDeath");
        }),
        (Harm::Doubled, "document", |observed| {
            record_again(observed, "ReportDeath", |op| {
                op.does() == "report-again" && op.ok().is_some()
            });
        }),
    ];
    finds(11, &plants).await;
}
