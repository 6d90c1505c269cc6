//! What `Verify` finds, and who must say so.

use std::collections::BTreeSet;

use minzheng_chassis::operations::checks;
use minzheng_proto::operations::v1::Finding;
use minzheng_tests::chaos::checkers::Harm;

use crate::clean::{observed, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_verify_finds_is_said_by_the_checker_whose_idea_it_is() {
    let clean = observed().await;
    let said = [
        (3, checks::STREAM_SEQUENCE, Harm::Lost),
        (3, checks::TOPIC_AGAINST_INBOX, Harm::Lost),
        (4, checks::EFFECT_ONCE, Harm::Doubled),
        (4, checks::ANSWER_ONCE, Harm::Doubled),
        (5, checks::STREAM_ORDER, Harm::Wrong),
        (5, checks::STREAM_GAP, Harm::Wrong),
        (5, checks::FACT_ORDER, Harm::Wrong),
        (5, checks::FACT_KNOWN, Harm::Wrong),
        (9, checks::ANSWER_RECEIPT, Harm::Wrong),
        (9, checks::SERVICE, Harm::Wrong),
        (11, checks::AUDIT_MAC, Harm::Wrong),
        (13, checks::DEAD_LETTERS, Harm::Wrong),
        (13, checks::OUTBOX_AGE, Harm::Wrong),
        (13, checks::SUBSCRIPTION_LAG, Harm::Wrong),
    ];
    let named: BTreeSet<&str> = said.iter().map(|(_, check, _)| *check).collect();
    assert_eq!(
        named,
        BTreeSet::from(checks::ALL),
        "nothing is said by nobody"
    );
    for (checker, check, harm) in said {
        let mut observed = clean.clone();
        observed.api.findings.push(Finding {
            service: "residents".to_owned(),
            check: check.to_owned(),
            detail: "planted".to_owned(),
        });
        says(checker, &observed, &[(harm, "verify residents: planted")]);
    }
}
