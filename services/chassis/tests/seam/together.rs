//! Commands that arrive while one runs share the next transaction; what does not fit is run by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::{Sql, Write, val};
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::{
    Command, Failure, NothingAsked, RequestKey, SetCommand, Together, UnitOfWork,
};
use minzheng_chassis::testing::{Deployment, TestNode, eventually, operator};
use minzheng_proto::elderly_care::v1::BedChanged;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::common::{self, bed_changed, notebook};
use crate::{NOTES, eventually_noted};

on_both_deployments!(
    those_that_arrive_meanwhile_share_the_next_transaction,
    a_request_that_was_carried_out_before_is_answered_again,
    a_database_that_goes_away_is_told_to_all,
    whose_turn_does_not_come_is_told_so,
);

/// What the commands of a test have in common.
struct Meeting {
    together: Together<Open>,
    /// How many were in each transaction.
    sizes: Mutex<Vec<usize>>,
    /// A transaction waits here for a permit.
    gate: Semaphore,
    /// How many were run by themselves.
    by_themselves: Mutex<usize>,
    /// How often neighbours were asked.
    asked: AtomicUsize,
    /// What every save fails with.
    away: bool,
}

impl Meeting {
    fn new(permits: usize, away: bool) -> Arc<Self> {
        Arc::new(Self {
            together: Together::default(),
            sizes: Mutex::default(),
            gate: Semaphore::new(permits),
            by_themselves: Mutex::default(),
            asked: AtomicUsize::new(0),
            away,
        })
    }

    fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }

    fn by_themselves(&self) -> usize {
        *self.by_themselves.lock().unwrap()
    }
}

/// Opens a tally in company; raises one that is there by itself.
struct Open {
    meeting: Arc<Meeting>,
    tally: String,
    refuse: bool,
}

/// The tallies that are there, and those that are new.
#[derive(Default)]
struct Tallies {
    there: BTreeSet<String>,
    opened: Vec<String>,
    away: bool,
}

impl Open {
    fn refusal(&self) -> Result<(), Failure> {
        if self.refuse {
            return Err(
                Problem::new(Kind::FailedPrecondition, "REFUSED", "refused", "拒绝").into(),
            );
        }
        Ok(())
    }

    fn announce(&self, uow: &mut UnitOfWork, total: &str) -> Result<BedChanged, Failure> {
        let event = bed_changed(&self.tally, total);
        uow.publish(&event, None)?;
        uow.audit(AuditEntry::new("Open", "tally", Uuid::nil(), None).with("tally", &self.tally));
        Ok(event)
    }
}

impl Command for Open {
    const NAME: &'static str = "Notebook/Open";
    type Asked = NothingAsked;
    type Answer = BedChanged;

    fn asking_writes(&self) -> bool {
        true
    }

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        self.meeting.asked.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<BedChanged, Failure> {
        *self.meeting.by_themselves.lock().unwrap() += 1;
        self.refusal()?;
        let text = "INSERT INTO tally (name, total, version) VALUES ($1, 1, 0) ON CONFLICT (name) DO UPDATE \
                    SET total = tally.total + 1 RETURNING total";
        let row = uow
            .connection()
            .one(text, [val(self.tally.clone())])
            .await?;
        let total: i64 = row.expect("a total").get("total")?;
        self.announce(uow, &total.to_string())
    }
}

impl SetCommand for Open {
    type Heard = NothingAsked;
    type Set = Tallies;

    async fn hear(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        self.meeting.asked.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn load(uow: &mut UnitOfWork, commands: &[(&Self, &())]) -> Result<Tallies, Failure> {
        let (first, ()) = commands.first().expect("somebody");
        let meeting = &first.meeting;
        meeting.sizes.lock().unwrap().push(commands.len());
        let rows = uow.connection().all("SELECT name FROM tally", []).await?;
        meeting.gate.acquire().await.expect("open").forget();
        let names: Result<_, _> = rows.iter().map(|row| row.get("name")).collect();
        Ok(Tallies {
            there: names?,
            opened: Vec::new(),
            away: meeting.away,
        })
    }

    async fn apply_in(
        &self,
        uow: &mut UnitOfWork,
        _heard: &(),
        set: &mut Tallies,
    ) -> Result<Option<BedChanged>, Failure> {
        self.refusal()?;
        if !set.there.insert(self.tally.clone()) {
            return Ok(None);
        }
        set.opened.push(self.tally.clone());
        self.announce(uow, "1").map(Some)
    }

    async fn save(uow: &mut UnitOfWork, set: Tallies) -> Result<(), Failure> {
        if set.away {
            return Err(Failure::away("database", "as told"));
        }
        for tally in set.opened {
            let text = "INSERT INTO tally (name, total, version) VALUES ($1, 1, 0)".to_owned();
            uow.write(Write::new("tally", text, vec![val(tally)], 1));
        }
        Ok(())
    }
}

fn request() -> RequestKey {
    RequestKey::of(&Uuid::new_v4().to_string(), &BedChanged::default()).expect("a key")
}

/// Who asks for which tally, as which request.
#[derive(Clone)]
struct Asked {
    caller: String,
    tally: &'static str,
    request: RequestKey,
}

/// A caller named after the tally, and a new request.
fn asked(tally: &'static str) -> Asked {
    Asked {
        caller: format!("of-{tally}"),
        tally,
        request: request(),
    }
}

async fn open(cx: &Context, meeting: &Arc<Meeting>, asked: Asked) -> Result<String, Failure> {
    let command = Open {
        meeting: meeting.clone(),
        tally: asked.tally.to_owned(),
        refuse: asked.tally == "refused",
    };
    let caller = operator(&asked.caller);
    let answer = cx.run_together(&meeting.together, &caller, asked.request, command);
    Ok(answer.await?.facility_id)
}

/// Opens the first by itself and, while its transaction waits, all others.
async fn meet(
    cx: &Context,
    meeting: &Arc<Meeting>,
    first: Asked,
    others: Vec<Asked>,
) -> Vec<Result<String, Failure>> {
    let count = others.len();
    let first = open(cx, meeting, first);
    let others = async {
        eventually("the first has begun", || async {
            (meeting.sizes() == [1]).then_some(())
        })
        .await;
        let others = others.into_iter();
        let others = join_all(others.map(|asked| open(cx, meeting, asked)));
        let go_on = async {
            eventually("the others wait", || async {
                (meeting.together.waiting() == count).then_some(())
            })
            .await;
            meeting.gate.add_permits(count + 1);
        };
        futures::join!(others, go_on).0
    };
    let (first, mut answers) = futures::join!(first, others);
    answers.insert(0, first);
    answers
}

fn answers(answers: Vec<Result<String, Failure>>) -> Vec<String> {
    let word = |answer: Result<String, Failure>| {
        answer.unwrap_or_else(|failure| failure.into_problem().reason.to_owned())
    };
    answers.into_iter().map(word).collect()
}

/// The tallies as they stand.
async fn tallies(node: &TestNode) -> BTreeMap<String, i64> {
    let db = node.context(common::NOTEBOOK).db().reader();
    let rows = db.all("SELECT name, total FROM tally", []).await;
    let rows = rows.expect("the tallies");
    rows.iter()
        .map(|row| (row.get("name").unwrap(), row.get("total").unwrap()))
        .collect()
}

fn as_map(tallies: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let owned = tallies.iter().map(|(name, n)| ((*name).to_owned(), *n));
    owned.collect()
}

async fn those_that_arrive_meanwhile_share_the_next_transaction(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let meeting = Meeting::new(0, false);
    let others = ["b", "c", "refused", "c", "d"].map(asked);
    let ids = others.clone().map(|asked| asked.request.id());
    let met = answers(meet(cx, &meeting, asked("a"), others.to_vec()).await);
    let [a, b, one_c, refused, other_c, d] = met.try_into().expect("six answers");
    assert_eq!([a, b, refused, d], ["1", "1", "REFUSED", "1"]);
    // Whichever of the two came first.
    let both: BTreeSet<String> = [one_c, other_c].into();
    assert_eq!(both, BTreeSet::from(["1".to_owned(), "2".to_owned()]));
    assert_eq!(meeting.sizes(), [1, 5]);
    assert_eq!(meeting.by_themselves(), 2, "the second c, and the refused");
    let expected = [("a", 1), ("b", 1), ("c", 2), ("d", 1)];
    assert_eq!(tallies(&node).await, as_map(&expected));
    assert_eq!(eventually_noted(&node, NOTES, 5).await.len(), 5);

    // Each was done for its own caller, and because of its own request.
    let rows = cx.db().reader().all(
        "SELECT subject, causation_id FROM audit WHERE action = 'Open'",
        [],
    );
    let rows = rows.await.expect("audit records");
    let mut recorded: Vec<(String, Uuid)> = rows
        .iter()
        .map(|row| {
            (
                row.get("subject").unwrap(),
                row.get("causation_id").unwrap(),
            )
        })
        .filter(|(subject, _)| subject != "of-a")
        .collect();
    recorded.sort();
    let [b, c, _, second_c, d] = ids;
    let mut expected = [("b", b), ("c", c), ("c", second_c), ("d", d)]
        .map(|(name, id)| (format!("of-{name}"), id));
    expected.sort();
    assert_eq!(recorded, expected);
    node.stop().await;
}

async fn a_request_that_was_carried_out_before_is_answered_again(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let meeting = Meeting::new(0, false);
    let first = asked("a");
    let again = Asked {
        tally: "x",
        ..first.clone()
    };
    let others = vec![asked("b"), again, asked("c")];
    let met = meet(cx, &meeting, first, others).await;
    assert_eq!(answers(met), ["1", "1", "1", "1"]);
    assert_eq!((meeting.sizes(), meeting.by_themselves()), (vec![1, 3], 2));
    let expected = [("a", 1), ("b", 1), ("c", 1)];
    assert_eq!(tallies(&node).await, as_map(&expected), "x is the first a");
    // The same once more: nothing is done twice, and nobody asked again.
    let repeated = asked("e");
    let before = meeting.asked.load(Ordering::Relaxed);
    for _ in 0..2 {
        let answer = open(cx, &meeting, repeated.clone()).await;
        assert_eq!(answer.expect("answered"), "1");
    }
    assert_eq!(tallies(&node).await.get("e"), Some(&1));
    assert_eq!(meeting.asked.load(Ordering::Relaxed), before + 1);
    node.stop().await;
}

async fn a_database_that_goes_away_is_told_to_all(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let meeting = Meeting::new(0, true);
    let others = vec![asked("b"), asked("c")];
    let met = meet(cx, &meeting, asked("a"), others).await;
    assert_eq!(answers(met), ["UNAVAILABLE"; 3]);
    assert_eq!(
        (meeting.sizes(), meeting.by_themselves()),
        (vec![1], 0),
        "nobody waits for it once more"
    );
    assert_eq!(tallies(&node).await, BTreeMap::new());
    node.stop().await;
}

/// The first transaction does not end: nobody waits for it without end, and a later try finds out.
async fn whose_turn_does_not_come_is_told_so(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(common::NOTEBOOK);
    let meeting = Meeting::new(0, false);
    let (first, second) = (asked("a"), asked("b"));
    let both = join_all([&first, &second].map(|asked| open(cx, &meeting, asked.clone()))).await;
    assert_eq!(answers(both), ["UNAVAILABLE"; 2]);
    assert_eq!(meeting.sizes().len(), 1);
    meeting.gate.add_permits(10);
    // In the order in which they came, or the other way round.
    for asked in [&first, &second] {
        let again = open(cx, &meeting, asked.clone()).await;
        assert_eq!(again.expect("answered"), "1", "once, whichever try did it");
    }
    assert_eq!(tallies(&node).await, as_map(&[("a", 1), ("b", 1)]));
    node.stop().await;
}
