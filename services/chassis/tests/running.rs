//! What operators and neighbours rely on while a node runs: its health, what was refused, who is away.

mod common;

use common::{NOTEBOOK, Publish, client, dead_letters, fail, heal, notebook, notes};
use jiff::SignedDuration;
use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::db::{Sql, val};
use minzheng_chassis::inbox::{Event, Reaction, Subscription};
use minzheng_chassis::module::Module;
use minzheng_chassis::on_both_deployments;
use minzheng_chassis::seam::{Away, Failure, UnitOfWork};
use minzheng_chassis::testing::{Deployment, TestNode, eventually, operator};
use minzheng_proto::catalogue::EventType;
use minzheng_proto::elderly_care::v1::BedChanged;
use minzheng_proto::operations::v1 as operations;
use prost::Message;
use sea_orm::DbBackend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use uuid::Uuid;

on_both_deployments!(
    reflection_answers_by_both_names,
    health_is_what_the_database_says,
    a_refused_event_is_sent_again_on_replay,
    a_record_names_whom_a_service_acts_for,
    dead_letters_are_listed_page_by_page,
    a_full_disk_is_not_ready,
);

/// Names of the services that a reflection service lists.
macro_rules! reflected {
    ($node:expr, $version:ident) => {{
        use tonic_reflection::pb::$version as pb;
        let request = pb::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(pb::server_reflection_request::MessageRequest::ListServices(
                String::new(),
            )),
        };
        let mut client =
            pb::server_reflection_client::ServerReflectionClient::new($node.anonymous());
        let asked = client
            .server_reflection_info(tokio_stream::once(request))
            .await;
        let answer = asked.expect("asked").into_inner().message().await;
        match answer.expect("told").expect("an answer").message_response {
            Some(pb::server_reflection_response::MessageResponse::ListServicesResponse(list)) => {
                list.service
                    .into_iter()
                    .map(|one| one.name)
                    .collect::<Vec<String>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

/// Older clients know only the name from before version 1.
async fn reflection_answers_by_both_names(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    for listed in [reflected!(node, v1), reflected!(node, v1alpha)] {
        let ours = "minzheng.operations.v1.OperationsService";
        assert!(listed.iter().any(|name| name == ours), "{listed:?}");
    }
    node.stop().await;
}

async fn health(node: &TestNode, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = HealthClient::new(node.anonymous()).check(request).await;
    answer
        .map(|answer| answer.into_inner().status())
        .map_err(|status| status.code())
}

async fn health_is_what_the_database_says(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    assert_eq!(health(&node, "").await, Ok(ServingStatus::Serving));
    assert_eq!(health(&node, NOTEBOOK).await, Ok(ServingStatus::Serving));
    assert_eq!(health(&node, "no-such").await, Err(Code::NotFound));

    let mut watched = HealthClient::new(node.anonymous())
        .watch(HealthCheckRequest::default())
        .await
        .expect("watched")
        .into_inner();
    let first = watched.message().await.expect("told").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);

    node.context(NOTEBOOK).db().close().await;
    eventually("not serving", || async {
        let down = health(&node, NOTEBOOK).await == Ok(ServingStatus::NotServing);
        down.then_some(())
    })
    .await;
    assert_eq!(health(&node, "").await, Ok(ServingStatus::NotServing));
    let next = watched.message().await.expect("told").expect("a status");
    assert_eq!(next.status(), ServingStatus::NotServing);
    node.stop().await;
}

async fn publish(cx: &Context, beds: &[&str]) {
    let beds = beds
        .iter()
        .map(|bed| ((*bed).to_owned(), "1".to_owned()))
        .collect();
    cx.run(&operator("op"), None, Publish(beds))
        .await
        .expect("published");
}

/// An outbox row as the relay leaves it when the broker refuses it for itself.
async fn refuse_one(cx: &Context, bed: &BedChanged) {
    let text = "INSERT INTO outbox (event_id, topic, key, sequence, type, time, value, refused_reason) \
                VALUES ($1, 'elderly-care.bed', $2, 1, $3, $4, $5, 'TOO_LARGE')";
    let values = [
        val(Uuid::now_v7()),
        val(bed.bed_id.clone()),
        val(BedChanged::TYPE),
        val(minzheng_chassis::civil::micros(cx.now())),
        val(bed.encode_to_vec()),
    ];
    cx.db().writer().run(text, values).await.expect("inserted");
}

async fn a_refused_event_is_sent_again_on_replay(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(NOTEBOOK);
    refuse_one(cx, &common::bed_changed("refused", "1")).await;
    let letter = dead_letters(&node).await.remove(0);
    assert_eq!(letter.state(), operations::DeadLetterState::Refused);

    let replay = operations::ReplayDeadLetterRequest {
        service: letter.service.clone(),
        subscription: String::new(),
        event_id: letter.event_id.clone(),
        reason: "the topic's limit was raised".to_owned(),
    };
    let noted = notes(cx, "notebook.note-beds").await.len();
    client(&node)
        .replay_dead_letter(replay.clone())
        .await
        .expect("replayed");
    eventually("the refused event", || async {
        (notes(cx, "notebook.note-beds").await.len() > noted).then_some(())
    })
    .await;
    assert!(dead_letters(&node).await.is_empty());
    let again = client(&node).replay_dead_letter(replay).await;
    assert_eq!(again.expect_err("gone").code(), Code::NotFound);
    assert!(
        records(cx, "ReplayDeadLetter").await[0].contains("reason=the topic's limit was raised")
    );
    node.stop().await;
}

async fn records(cx: &Context, action: &str) -> Vec<String> {
    let text = "SELECT record FROM audit WHERE action = $1 ORDER BY id";
    let rows = cx
        .db()
        .reader()
        .all(text, [val(action)])
        .await
        .expect("read");
    rows.iter()
        .map(|row| row.get("record").expect("a text"))
        .collect()
}

async fn a_record_names_whom_a_service_acts_for(deployment: Deployment) {
    let node = deployment.start(vec![notebook()]).await;
    let cx = node.context(NOTEBOOK);
    let caller = Caller {
        on_behalf_of: Some("li.clerk".to_owned()),
        ..Caller::service("life-events")
    };
    cx.run(&caller, None, common::Record).await.expect("run");
    assert_eq!(records(cx, "Record").await, ["on_behalf_of=li.clerk\n"]);
    node.stop().await;
}

/// Fails as often as it is told, then finds its neighbour away if its key says so.
struct AskTheNeighbour;

impl Reaction<BedChanged> for AskTheNeighbour {
    type Asked = ();

    async fn ask(&self, _cx: &Context, event: &Event<BedChanged>) -> Result<(), Failure> {
        if common::must_fail(&event.body.bed_id) {
            return Err(Failure::internal("told to fail"));
        }
        if event.body.bed_id.starts_with("away") {
            return Err(Failure::Away(Away {
                who: "residents".to_owned(),
                detail: "nobody answers".to_owned(),
            }));
        }
        Ok(())
    }

    async fn apply(
        &self,
        uow: &mut UnitOfWork,
        event: &Event<BedChanged>,
        _asked: &(),
    ) -> Result<(), Failure> {
        common::note(uow, "notebook.ask", &event.body).await
    }
}

fn asking() -> Module {
    notebook()
        .subscription(|| Subscription::named("notebook.ask").on::<BedChanged>(AskTheNeighbour))
}

/// Only on Kafka: the embedded bus has all neighbours in the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_key_whose_neighbour_is_away_holds_no_other_key() {
    let Some(deployment) = Deployment::real().await else {
        return;
    };
    let nobody = "neighbours.residents=http://127.0.0.1:9";
    let away = format!("away-{}", Uuid::new_v4());
    let other = format!("other-{}", Uuid::new_v4());
    fail(&away, u32::MAX);
    fail(&other, u32::MAX);
    let node = deployment.start_with(vec![asking()], &[nobody]).await;
    let cx = node.context(NOTEBOOK);
    publish(cx, &[&away, &other]).await;
    // Two subscriptions hear of them.
    eventually("two parked keys each", || async {
        (dead_letters(&node).await.len() == 4).then_some(())
    })
    .await;
    heal(&away);
    heal(&other);
    eventually("the other key", || async {
        // Past the next try of both.
        deployment.clock().advance(SignedDuration::from_secs(1));
        let noted = notes(cx, "notebook.ask").await;
        noted.iter().any(|(key, _)| *key == other).then_some(())
    })
    .await;
    eventually("one key alone still parked", || async {
        let letters = dead_letters(&node).await;
        let left: Vec<&str> = letters.iter().map(|letter| letter.key.as_str()).collect();
        (left == [away.as_str()]).then_some(())
    })
    .await;
    node.stop().await;
}

/// Holds an event that nobody handled, as the runner leaves one behind.
async fn stop(cx: &Context, subscription: &str, partition: i32, offset: i64) {
    let text = "INSERT INTO inbox (subscription, event_id, state, topic, partition, record_offset, key, \
                received_at, envelope, tries, first_try_at, reason) \
                VALUES ($1, $2, 'stopped', 'elderly-care.bed', $3, $4, 'k', 1, $5, 1, 1, 'told to fail')";
    let values = [
        val(subscription),
        val(Uuid::new_v4()),
        val(partition),
        val(offset),
        val(b"?".to_vec()),
    ];
    cx.db().writer().run(text, values).await.expect("held");
}

/// Leaves an event that the bus refused, as the relay does.
async fn refuse(cx: &Context, sequence: i64) {
    let text = "INSERT INTO outbox (event_id, topic, key, sequence, type, time, value, refused_reason) \
                VALUES ($1, 'elderly-care.bed', 'k', $2, 't', 1, $3, 'too large')";
    let values = [val(Uuid::new_v4()), val(sequence), val(b"?".to_vec())];
    cx.db().writer().run(text, values).await.expect("refused");
}

async fn dead_letters_are_listed_page_by_page(deployment: Deployment) {
    const OTHER: &str = "residents";
    let node = deployment
        .start(vec![notebook(), Module::named(OTHER)])
        .await;
    for name in [NOTEBOOK, OTHER] {
        let cx = node.context(name);
        for (subscription, partition, offset) in [("b", 0, 1), ("a", 10, 7), ("a", 9, 8)] {
            stop(cx, subscription, partition, offset).await;
        }
        refuse(cx, 1).await;
        refuse(cx, 2).await;
    }
    let request = |page_size, page_token: &str| operations::ListDeadLettersRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let list = async |request| client(&node).list_dead_letters(request).await;
    let all = list(request(0, "")).await.expect("listed").into_inner();
    assert_eq!((all.total, all.next_page_token.as_str()), (10, ""));
    let places: Vec<(&str, &str, i32)> = all
        .dead_letters
        .iter()
        .map(|it| (it.service.as_str(), it.subscription.as_str(), it.partition))
        .collect();
    let of = |service| {
        [("a", 9), ("a", 10), ("b", 0), ("", -1), ("", -1)]
            .map(|(subscription, partition)| (service, subscription, partition))
    };
    assert_eq!(places, [of(NOTEBOOK), of(OTHER)].concat());
    for size in 1..=11 {
        let (mut listed, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(request(size, &token)).await.expect("a page");
            let page = page.into_inner();
            assert_eq!(page.total, 10);
            listed.extend(page.dead_letters);
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, all.dead_letters, "{size} at a time");
    }
    // A token is for one filter only.
    let first = list(request(1, "")).await.expect("a page").into_inner();
    let other = operations::ListDeadLettersRequest {
        subscription: "a".to_owned(),
        ..request(1, &first.next_page_token)
    };
    for refused in [other, request(1, "rubbish")] {
        let status = list(refused).await.expect_err("no such token");
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = tonic_types::StatusExt::get_error_details(&status);
        let reason = details.error_info().map(|info| info.reason.clone());
        assert_eq!(reason.as_deref(), Some("PAGE_TOKEN_INVALID"));
    }
    node.stop().await;
}

/// Status line and body of the readiness page.
async fn readyz(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = "GET /readyz HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

async fn a_full_disk_is_not_ready(deployment: Deployment) {
    let node = deployment
        .start_with(vec![notebook()], &["http.listen=127.0.0.1:0"])
        .await;
    let address = node.http_address().expect("a page");
    let db = node.context(NOTEBOOK).db();
    let full = match db.backend() {
        // As large as the file is: no room for another page.
        DbBackend::Sqlite => "PRAGMA max_page_count = 1",
        // A disk cannot be filled in a test; a table that takes nothing is as good.
        _ => "ALTER TABLE write_probe RENAME TO write_probe_full",
    };
    db.writer().run(full, []).await.expect("full");
    let answer = readyz(address).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    let lines: Vec<&str> = answer.lines().collect();
    let (writes, database) = (format!("{NOTEBOOK} writes"), format!("{NOTEBOOK} database"));
    assert!(
        lines.contains(&format!("{writes}: failed").as_str()),
        "{answer}"
    );
    assert!(
        lines.contains(&format!("{database}: ok").as_str()),
        "{answer}"
    );
    let room = match db.backend() {
        DbBackend::Sqlite => "PRAGMA max_page_count = 1000000",
        _ => "ALTER TABLE write_probe_full RENAME TO write_probe",
    };
    db.writer().run(room, []).await.expect("room");
    eventually("it is ready again", || async {
        readyz(address)
            .await
            .starts_with("HTTP/1.1 200")
            .then_some(())
    })
    .await;
    let rows = db.reader().one("SELECT count(*) AS n FROM write_probe", []);
    let rows = rows.await.expect("counted").expect("a row");
    assert_eq!(
        rows.get::<i64>("n").expect("a number"),
        1,
        "it leaves one row"
    );
    node.stop().await;
}
