//! Which of several rows stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::{Seed, find, seed};
use crate::bus::embedded::EmbeddedBus;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::context::Context;
use crate::db::{Sql, val};
use crate::division::DivisionCode;
use crate::module::Module;
use crate::seam::Failure;
use crate::testing::{Still, TestDatabase};

const SERVICE: &str = "elderly-care";
const PROVINCE: &str = "520000000000";
const COUNTY: &str = "520102000000";
const VILLAGE: &str = "520102016001";
const OTHER_COUNTY: &str = "520103000000";

async fn cx(database: &TestDatabase) -> Context {
    database.create(&[SERVICE]).await.expect("created");
    let settings = Settings::with(database.settings()).expect("valid");
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(SystemClock);
    let bus = EmbeddedBus::open(&directory.path().join("bus"), clock.clone()).expect("opened");
    let still = Still::new(settings, clock, Arc::new(bus), BTreeMap::new());
    still.context(Module::named(SERVICE)).await
}

/// The number of a rule that has a row for each division, first day and value.
async fn bring(cx: &Context, rows: &[(&'static str, &'static str, i64)]) {
    let seeds = rows.iter().map(|(division, valid_from, value)| Seed {
        programme: "test",
        key: "days",
        division,
        value: *value,
        unit: "days",
        valid_from,
        legal_basis: "demo",
    });
    let seeds: Vec<Seed> = seeds.collect();
    let seeded = seed(cx.db().writer(), &seeds, cx.now()).await;
    seeded.expect("seeded");
}

async fn value(cx: &Context, division: &str, day: &str) -> Result<i64, Failure> {
    let division: DivisionCode = division.parse().expect("a division");
    let day: Date = day.parse().expect("a day");
    let rule = find(cx.db().reader(), "test", "days", division, day).await?;
    Ok(rule.value)
}

async fn the_nearest_division_and_then_the_newest_stands(database: TestDatabase) {
    let cx = cx(&database).await;
    // One division's rows rise and the other's fall: no order of the table would do.
    bring(
        &cx,
        &[
            (COUNTY, "2025-01-01", 3),
            (COUNTY, "2026-07-01", 4),
            (PROVINCE, "2026-03-01", 2),
            (PROVINCE, "2024-01-01", 1),
        ],
    )
    .await;
    for (division, day, expected) in [
        (VILLAGE, "2024-01-01", 1),
        (VILLAGE, "2024-12-31", 1),
        (VILLAGE, "2025-01-01", 3),
        (VILLAGE, "2026-03-01", 3),
        (COUNTY, "2026-06-30", 3),
        (COUNTY, "2026-07-01", 4),
        (OTHER_COUNTY, "2026-02-28", 1),
        (OTHER_COUNTY, "2026-03-01", 2),
        (PROVINCE, "2027-01-01", 2),
    ] {
        let found = value(&cx, division, day).await.expect("a rule");
        assert_eq!(found, expected, "{division} on {day}");
    }
    let early = value(&cx, VILLAGE, "2023-12-31").await;
    assert!(
        matches!(early, Err(Failure::Problem(problem)) if problem.reason == "NO_RULE"),
        "none yet"
    );
    cx.db().close().await;
}

async fn a_row_that_has_ended_gives_way_to_the_next_division(database: TestDatabase) {
    let cx = cx(&database).await;
    bring(
        &cx,
        &[(PROVINCE, "2024-01-01", 1), (COUNTY, "2025-01-01", 3)],
    )
    .await;
    let text = "UPDATE rule SET valid_to = $1 WHERE division = $2";
    let ended = cx.db().writer().run(text, [val("2025-12-31"), val(COUNTY)]);
    assert_eq!(ended.await.expect("updated"), 1);
    let last = value(&cx, VILLAGE, "2025-12-31").await.expect("a rule");
    let after = value(&cx, VILLAGE, "2026-01-01").await.expect("a rule");
    assert_eq!((last, after), (3, 1));
    cx.db().close().await;
}

crate::on_both_databases!(
    the_nearest_division_and_then_the_newest_stands,
    a_row_that_has_ended_gives_way_to_the_next_division,
);
