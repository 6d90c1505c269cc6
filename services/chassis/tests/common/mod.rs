//! A small service to test the chassis with: it notes what it hears, and fails when told to.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use minzheng_chassis::audit::AuditEntry;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::bus::Envelope;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::migrate::Migration;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::inbox::{Event, Reaction, Subscription};
use minzheng_chassis::module::Module;
use minzheng_chassis::person::Fact;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_chassis::testing::{TestNode, operator};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::{BedChanged, BedState};
use minzheng_proto::life_events::v1 as life_events;
use minzheng_proto::operations::v1 as operations;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use uuid::Uuid;

/// The service's name.
pub const NOTEBOOK: &str = "elderly-care";

const MIGRATIONS: &[Migration] = &[Migration {
    name: "notebook_0001",
    sql: "
CREATE TABLE note (
    id {identity},
    subscription text NOT NULL,
    key text NOT NULL,
    facility text NOT NULL
);
CREATE TABLE tally (
    name text PRIMARY KEY,
    total bigint NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE heard (
    person_id uuid PRIMARY KEY,
    fact_version bigint NOT NULL,
    kind text NOT NULL
);
",
}];

/// Keys that fail, and how often still; `u32::MAX` is for ever.
pub static FAILING: LazyLock<Mutex<BTreeMap<String, u32>>> = LazyLock::new(Mutex::default);

/// Makes the reaction to a key fail so many times.
pub fn fail(key: &str, times: u32) {
    FAILING.lock().unwrap().insert(key.to_owned(), times);
}

/// Lets a key succeed again.
pub fn heal(key: &str) {
    FAILING.lock().unwrap().remove(key);
}

/// By this name a key's facts fail as those that this version cannot read.
pub fn unreadable(key: &str) -> String {
    format!("unreadable {key}")
}

pub fn must_fail(key: &str) -> bool {
    let mut failing = FAILING.lock().unwrap();
    match failing.get_mut(key) {
        None | Some(0) => false,
        Some(&mut u32::MAX) => true,
        Some(left) => {
            *left -= 1;
            true
        }
    }
}

/// Notes a bed.
pub async fn note(
    uow: &mut UnitOfWork,
    subscription: &str,
    bed: &BedChanged,
) -> Result<(), Failure> {
    let text = "INSERT INTO note (subscription, key, facility) VALUES ($1, $2, $3)";
    let values = [
        val(subscription),
        val(bed.bed_id.clone()),
        val(bed.facility_id.clone()),
    ];
    uow.connection().run(text, values).await?;
    Ok(())
}

/// Notes every bed that changed.
pub struct NoteBed(pub &'static str);

impl Reaction<BedChanged> for NoteBed {
    type Asked = ();

    async fn ask(&self, _cx: &Context, _event: &Event<BedChanged>) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<BedChanged>,
        _asked: &(),
    ) -> Result<(), Failure> {
        note(uow, self.0, &event.body).await?;
        // After the effect: it must be rolled back with it.
        if must_fail(&event.body.bed_id) {
            return Err(Failure::internal("told to fail"));
        }
        Ok(())
    }
}

/// Notes the latest fact of a person; fails while its person's key is told to.
pub struct HearFact;

impl Reaction<Fact> for HearFact {
    type Asked = ();

    async fn ask(&self, _cx: &Context, event: &Event<Fact>) -> Result<(), Failure> {
        if must_fail(&unreadable(&event.envelope.key)) {
            return Err(Failure::Undecodable("of a later version".to_owned()));
        }
        if must_fail(&event.envelope.key) {
            return Err(Failure::internal("told to fail"));
        }
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<Fact>,
        _asked: &(),
    ) -> Result<(), Failure> {
        let text = "INSERT INTO heard (person_id, fact_version, kind) VALUES ($1, $2, $3) ON CONFLICT (person_id) \
                    DO UPDATE SET fact_version = excluded.fact_version, kind = excluded.kind";
        let fact = &event.body;
        let values = [
            val(fact.person_id),
            val(fact.fact_version),
            val(format!("{:?}", fact.kind)),
        ];
        uow.connection().run(text, values).await?;
        Ok(())
    }
}

/// The service.
pub fn notebook() -> Module {
    Module::named(NOTEBOOK)
        .migrations(MIGRATIONS)
        .subscription(|| {
            Subscription::named("notebook.note-beds")
                .on::<BedChanged>(NoteBed("notebook.note-beds"))
        })
        .subscription(|| Subscription::named("notebook.hear-facts").on::<Fact>(HearFact))
}

/// The service with one more subscription, as a later version has it.
pub fn notebook_with_a_second_reader() -> Module {
    notebook().subscription(|| {
        Subscription::named("notebook.note-again").on::<BedChanged>(NoteBed("notebook.note-again"))
    })
}

/// Publishes beds, `key` and facility of each.
pub struct Publish(pub Vec<(String, String)>);

impl Command for Publish {
    const NAME: &'static str = "Notebook/Publish";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<BedChanged, Failure> {
        let mut last = BedChanged::default();
        for (bed, facility) in &self.0 {
            last = bed_changed(bed, facility);
            uow.publish(&last, None)?;
        }
        Ok(last)
    }
}

/// Adds to a tally under its version, and publishes it.
pub struct Add {
    /// Name of the tally, and key of the event.
    pub tally: String,
    /// A refusal, if so.
    pub refuse: bool,
}

impl Command for Add {
    const NAME: &'static str = "Notebook/Add";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<BedChanged, Failure> {
        let db = uow.connection();
        let insert =
            "INSERT INTO tally (name, total, version) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
        db.run(insert, [val(self.tally.clone())]).await?;
        let read = "SELECT total, version FROM tally WHERE name = $1";
        let row = db
            .one(read, [val(self.tally.clone())])
            .await?
            .expect("it is there");
        let (total, version): (i64, i64) = (row.get("total")?, row.get("version")?);
        let save =
            "UPDATE tally SET total = $2, version = version + 1 WHERE name = $1 AND version = $3";
        if db
            .run(
                save,
                [val(self.tally.clone()), val(total + 1), val(version)],
            )
            .await?
            == 0
        {
            return Err(Failure::Conflict("tally".to_owned()));
        }
        let event = bed_changed(&self.tally, &(total + 1).to_string());
        uow.publish(&event, None)?;
        if self.refuse {
            return Err(
                Problem::new(Kind::FailedPrecondition, "REFUSED", "refused", "拒绝").into(),
            );
        }
        Ok(event)
    }
}

/// One event body.
pub fn bed_changed(bed: &str, facility: &str) -> BedChanged {
    BedChanged {
        bed_id: bed.to_owned(),
        facility_id: facility.to_owned(),
        division: String::new(),
        state: BedState::Free.into(),
        person_id: String::new(),
    }
}

/// What was noted under a subscription: keys and facilities in order.
pub async fn notes(cx: &Context, subscription: &str) -> Vec<(String, String)> {
    let text = "SELECT key, facility FROM note WHERE subscription = $1 ORDER BY id";
    let rows = cx
        .db()
        .reader()
        .all(text, [val(subscription)])
        .await
        .expect("the notes are read");
    rows.iter()
        .map(|row| (row.get("key").unwrap(), row.get("facility").unwrap()))
        .collect()
}

/// The latest fact heard of a person.
pub async fn heard(cx: &Context, person: Uuid) -> Option<(i64, String)> {
    let text = "SELECT fact_version, kind FROM heard WHERE person_id = $1";
    let row = cx
        .db()
        .reader()
        .one(text, [val(person)])
        .await
        .expect("it is read")?;
    Some((row.get("fact_version").unwrap(), row.get("kind").unwrap()))
}

/// A confirmed death as life-events would publish it.
pub fn confirmed(person: Uuid, version: i64, sequence: i64) -> Envelope {
    let fact = life_events::DeathFact {
        person_id: person.to_string(),
        case_id: Uuid::new_v4().to_string(),
        episode: 1,
        fact_version: version,
        ..Default::default()
    };
    envelope(&life_events::DeathConfirmed { fact: Some(fact) }, sequence)
}

/// An envelope from `life-events`.
pub fn envelope<E: EventType>(event: &E, sequence: i64) -> Envelope {
    Envelope {
        id: Uuid::now_v7(),
        source: "life-events".to_owned(),
        topic: E::TOPIC.name.to_owned(),
        key: event.key().to_owned(),
        sequence,
        event_type: E::TYPE.to_owned(),
        time: jiff::Timestamp::now(),
        division: None,
        causation_id: None,
        correlation_id: None,
        traceparent: None,
        value: event.encode_to_vec(),
    }
}

/// Changes nothing and is recorded.
pub struct Record;

impl Command for Record {
    const NAME: &'static str = "NotebookService/Record";
    type Asked = ();
    type Answer = BedChanged;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<BedChanged, Failure> {
        uow.audit(AuditEntry::new("Record", "note", Uuid::nil(), None));
        Ok(BedChanged::default())
    }
}

/// A client of the operations service, as an operator.
pub fn client(
    node: &TestNode,
) -> OperationsServiceClient<minzheng_chassis::grpc::client::NeighbourChannel> {
    OperationsServiceClient::new(node.channel(&operator("op")))
}

/// Asks for another try of a dead letter.
pub async fn replay(node: &TestNode, letter: &operations::DeadLetter, reason: &str) {
    let request = operations::ReplayDeadLetterRequest {
        service: letter.service.clone(),
        subscription: letter.subscription.clone(),
        event_id: letter.event_id.clone(),
        reason: reason.to_owned(),
    };
    let answer = client(node).replay_dead_letter(request).await;
    answer.expect("it is due");
}

/// The oldest dead letters of the node.
pub async fn dead_letters(node: &TestNode) -> Vec<operations::DeadLetter> {
    let request = operations::ListDeadLettersRequest::default();
    let answer = client(node).list_dead_letters(request).await;
    answer.expect("listed").into_inner().dead_letters
}
