//! A service that finds many events waiting, and trouble among them: everything is applied once and in order, what
//! was polled or prepared ahead of the trouble too.

mod common;

use std::collections::BTreeMap;
use std::sync::Mutex;

use common::{NOTEBOOK, Publish, dead_letters, notebook, notes};
use minzheng_chassis::context::Context;
use minzheng_chassis::inbox::{Event, Reaction, StartFrom, Subscription};
use minzheng_chassis::module::Module;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::seam::{Away, Failure, UnitOfWork};
use minzheng_chassis::testing::{Deployment, eventually, operator};
use minzheng_proto::elderly_care::v1::BedChanged;
use uuid::Uuid;

on_both_deployments!(a_backlog_with_trouble_in_it_is_applied_once_and_in_order);

const LATE: &str = "notebook.late";

/// Beds, so that every partition has several.
const BEDS: usize = 40;

/// Changes of each.
const CHANGES: usize = 12;

/// Of so many events one finds the database away.
const ONE_IN: i64 = 37;

/// So often: once it is prepared ahead, which only fails again when it is its turn.
const TIMES: u32 = 2;

/// How often each event, by its bed and place, has found the database away.
static FOUND_AWAY: Mutex<BTreeMap<(String, i64), u32>> = Mutex::new(BTreeMap::new());

/// Whether an event of that place finds the database away this time.
fn is_away(bed: &str, place: i64) -> bool {
    if place % ONE_IN != 0 {
        return false;
    }
    let mut found = FOUND_AWAY.lock().expect("not poisoned");
    let times = found.entry((bed.to_owned(), place)).or_default();
    *times += 1;
    *times <= TIMES
}

/// How many events of a deployment have; the other one runs beside it.
fn found_away(run: &str) -> usize {
    let found = FOUND_AWAY.lock().expect("not poisoned");
    found.keys().filter(|(bed, _)| bed.starts_with(run)).count()
}

struct NoteUnlessAway;

impl Reaction<BedChanged> for NoteUnlessAway {
    type Asked = ();

    async fn ask(&self, _cx: &Context, event: &Event<BedChanged>) -> Result<(), Failure> {
        let place: i64 = event.body.facility_id.parse().expect("a number");
        match is_away(&event.body.bed_id, place) {
            true => Err(Failure::Away(Away {
                who: "database".to_owned(),
                detail: "told to be away".to_owned(),
            })),
            false => Ok(()),
        }
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<BedChanged>,
        _asked: &(),
    ) -> Result<(), Failure> {
        common::note(uow, LATE, &event.body).await
    }
}

fn with_a_late_subscriber() -> Module {
    notebook().subscription(|| {
        Subscription::named(LATE)
            .from(StartFrom::Beginning)
            .on::<BedChanged>(NoteUnlessAway)
    })
}

async fn a_backlog_with_trouble_in_it_is_applied_once_and_in_order(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let run = Uuid::new_v4();
    let bed = |number: usize| format!("{run}-{number}");
    for change in 0..CHANGES {
        let changes = (0..BEDS).map(|number| (bed(number), (change * BEDS + number).to_string()));
        let publish = Publish(changes.collect());
        let cx = node.context(NOTEBOOK);
        let published = cx.run(&operator("op"), None, publish).await;
        published.expect("published");
    }
    eventually("all are on the bus", || async {
        let noted = notes(node.context(NOTEBOOK), "notebook.note-beds").await;
        let noted = noted
            .iter()
            .filter(|(key, _)| key.starts_with(&run.to_string()));
        (noted.count() == BEDS * CHANGES).then_some(())
    })
    .await;
    node.stop().await;

    let small = ["runner.batch=3"];
    let node = deployment
        .start_again(vec![with_a_late_subscriber()], &small)
        .await;
    let cx = node.context(NOTEBOOK);
    let noted = eventually("the late subscriber has caught up", || async {
        let mut noted = notes(cx, LATE).await;
        noted.retain(|(key, _)| key.starts_with(&run.to_string()));
        (noted.len() >= BEDS * CHANGES).then_some(noted)
    })
    .await;
    for number in 0..BEDS {
        let of_bed: Vec<&str> = noted
            .iter()
            .filter(|(key, _)| *key == bed(number))
            .map(|(_, facility)| facility.as_str())
            .collect();
        let expected: Vec<String> = (0..CHANGES)
            .map(|change| (change * BEDS + number).to_string())
            .collect();
        assert_eq!(of_bed, expected);
    }
    assert!(
        dead_letters(&node).await.is_empty(),
        "away is nobody's fault"
    );
    let found = found_away(&run.to_string());
    assert!(
        found >= BEDS * CHANGES / ONE_IN as usize,
        "{found} found it away"
    );
    node.stop().await;
}
