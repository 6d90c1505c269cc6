//! 2: conservation.

use minzheng_tests::chaos::checkers::Harm;
use uuid::Uuid;

use crate::clean::{Plant, Run, finds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_misses_what_was_acknowledged_and_sees_what_nobody_reported() {
    let run = Run::clean().await;
    let plants = [
        (
            "life-events",
            "DELETE FROM evidence WHERE id = (SELECT min(id) FROM evidence)",
            (Harm::Lost, "is not in case"),
        ),
        (
            "residents",
            "DELETE FROM kinship WHERE id = (SELECT min(id) FROM kinship)",
            (Harm::Lost, "was acknowledged and is not there"),
        ),
        (
            "elderly-care",
            "INSERT INTO facility SELECT x'00112233445566778899aabbccddeeff', tier, division, name, filing, \
             created_at, allocation_version, version FROM facility LIMIT 1",
            (Harm::Doubled, "facility"),
        ),
        (
            "life-events",
            "UPDATE death_case SET phase = 'notifying' WHERE id = \
             (SELECT min(id) FROM death_case WHERE phase = 'finished')",
            (Harm::Lost, "is PHASE_NOTIFYING and waits for nobody"),
        ),
    ];
    for (service, statement, said) in plants {
        run.finds(2, service, statement, &[said]).await;
    }
    run.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_misses_a_case_and_sees_a_report_twice_and_one_that_nobody_told() {
    let plants: [Plant; 4] = [
        (Harm::Lost, "is not there", |observed| {
            observed.api.cases.clear();
        }),
        (Harm::Doubled, "is 2 times in case", |observed| {
            let mut cases = observed.api.cases.values_mut();
            let evidence = &mut cases.next().expect("a case").evidence;
            evidence.extend_from_within(..1);
        }),
        (Harm::Doubled, "no client was told of it", |observed| {
            let cases = &mut observed.tables.cases;
            let case = cases.values().next().expect("a case").clone();
            cases.insert(Uuid::new_v4(), case);
        }),
        (Harm::Doubled, "pieces of evidence", |observed| {
            let made = &mut observed.tables.made;
            made.entry("evidence").or_default().insert(Uuid::new_v4());
        }),
    ];
    finds(2, &plants).await;
}
