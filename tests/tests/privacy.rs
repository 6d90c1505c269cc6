//! One death is one trace; and after the whole story no name, number or phone is found in any
//! database, topic, log or trace.

use std::path::Path;
use std::sync::{Arc, Mutex};

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, TopicPartition};
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::testing::{KAFKA_VARIABLE, TestDatabase, eventually, real_service};
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::topics;
use minzheng_tests::family::{COUNTY, Family, VILLAGE, register};
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::processes::{Cluster, Embedded, binary};
use minzheng_tests::reports::{Report, day, reaches};
use minzheng_tests::story::Story;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0
            .lock()
            .expect("not poisoned")
            .push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts it; its address.
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let server =
            tonic::transport::Server::builder().add_service(TraceServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }

    /// Services of which a trace has spans.
    fn services_of(&self, trace_id: &[u8]) -> Vec<String> {
        let mut services = Vec::new();
        for export in self.0.lock().expect("not poisoned").iter() {
            let spans = export
                .resource_spans
                .iter()
                .flat_map(|one| &one.scope_spans)
                .flat_map(|one| &one.spans);
            for span in spans.filter(|span| span.trace_id == trace_id) {
                for attribute in span
                    .attributes
                    .iter()
                    .filter(|attribute| attribute.key == "service")
                {
                    services.extend(attribute.value.iter().filter_map(|value| match &value.value {
                        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(name)) => {
                            Some(name.clone())
                        }
                        _ => None,
                    }));
                }
            }
        }
        services.sort_unstable();
        services.dedup();
        services
    }

    fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .expect("not poisoned")
            .iter()
            .flat_map(Message::encode_to_vec)
            .collect()
    }
}

/// What must be found nowhere.
fn secrets(family: &Family) -> Vec<String> {
    family
        .members()
        .iter()
        .flat_map(|(_, member)| {
            [
                member.identity.id_number.clone(),
                member.identity.name.clone(),
                member.phone(),
            ]
        })
        .collect()
}

/// A hospital whose references are ID numbers reports somebody of the family.
async fn report_by_id_number(platform: &Platform, family: &Family) {
    let member = &family.waiting;
    let today = day(minzheng_chassis::civil::today(platform.clock.now()));
    let reference = &member.identity.id_number;
    Report::of(member, EvidenceSource::CareFacility, reference, today)
        .tell(platform, &Callers::of(COUNTY))
        .await
        .expect("taken");
}

/// What the commands of the platform print about the story, for programs and for people.
fn search_outputs(server: &str, secrets: &[String]) -> usize {
    let list = printed(server, &["case", "list", "-o", "json"], secrets);
    let cases: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let cases = cases.as_array().expect("a list");
    for case in cases {
        let id = case["case_id"].as_str().expect("an id");
        printed(server, &["case", "show", id, "-o", "json"], secrets);
        printed(server, &["case", "show", id], secrets);
    }
    for arguments in [
        &["dead-letter", "list", "-o", "json"][..],
        &["verify", "-o", "json"],
        &["case", "show", "01900000-0000-7000-8000-000000000000"],
    ] {
        printed(server, arguments, secrets);
    }
    cases.len()
}

/// Runs a command and searches both of its outputs; what it printed on stdout.
fn printed(server: &str, arguments: &[&str], secrets: &[String]) -> String {
    let output = std::process::Command::new(binary())
        .args(arguments)
        .args(["--server", server])
        .output()
        .expect("it runs");
    let what = format!("the output of {arguments:?}");
    assert_absent(&what, &output.stdout, secrets);
    assert_absent(&what, &output.stderr, secrets);
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn assert_absent(place: &str, bytes: &[u8], secrets: &[String]) {
    for secret in secrets {
        let found = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        // The secret itself is not repeated in the message.
        assert!(
            !found,
            "personal data of length {} in {place}",
            secret.len()
        );
    }
}

fn search_directory(directory: &Path, secrets: &[String]) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += search_directory(&path, secrets);
            continue;
        }
        files += 1;
        assert_absent(
            &path.display().to_string(),
            &std::fs::read(&path).expect("a file"),
            secrets,
        );
    }
    files
}

async fn search_databases(database: &TestDatabase, secrets: &[String]) -> usize {
    let mut tables = 0;
    for service in SERVICES {
        let db = Database::open_postgres(&database.url(service), "privacy", 1).expect("a database");
        let names =
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
        for row in db.reader().all(names, []).await.expect("tables") {
            let table: String = row.get("table_name").expect("a name");
            let rows = db
                .reader()
                .all(format!("SELECT t::text AS line FROM \"{table}\" t"), [])
                .await
                .expect("rows");
            for row in &rows {
                let line: String = row.get("line").expect("a line");
                assert_absent(&format!("{service}.{table}"), line.as_bytes(), secrets);
                // bytea shows as hexadecimal.
                for secret in secrets {
                    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                    assert!(
                        !line.contains(&hex),
                        "personal data in bytes of {service}.{table}"
                    );
                }
            }
            tables += usize::from(!rows.is_empty());
        }
        db.close().await;
    }
    tables
}

/// The files of the services' databases, with what was deleted and not yet overwritten: how many there are, and in how many
/// of them one of these words is. Only who may do everything on the server may read them, as on one that the tests
/// started.
async fn search_files(database: &TestDatabase, words: &[String]) -> (i64, i64) {
    let text = "WITH file AS (SELECT pg_read_binary_file('base/' || d.oid || '/' || name, 0, 1000000000, true) \
                AS bytes FROM pg_database d, pg_ls_dir('base/' || d.oid) AS name \
                WHERE d.datname = current_database() AND name ~ '^[0-9]') \
                SELECT count(*) AS files, count(*) FILTER (WHERE EXISTS (SELECT 1 FROM string_to_table($1, '|') \
                AS word WHERE position(convert_to(word, 'UTF8') IN file.bytes) > 0)) AS found FROM file";
    let (mut files, mut found) = (0, 0);
    for service in SERVICES {
        let db = Database::open_postgres(&database.url(service), "privacy", 1).expect("a database");
        db.writer().run("CHECKPOINT", []).await.expect("written");
        let row = db.reader().one(text, [words.join("|").into()]).await;
        let row = row.expect("read").expect("counts");
        files += row.get::<i64>("files").expect("a number");
        found += row.get::<i64>("found").expect("a number");
        db.close().await;
    }
    (files, found)
}

async fn search_topics(bus: &KafkaBus, secrets: &[String]) -> usize {
    let mut records = 0;
    for topic in topics::ALL {
        for partition in 0..topic.partitions {
            let at = TopicPartition {
                topic: topic.name.to_owned(),
                partition,
            };
            for record in bus.read(&at, 0, 10_000).await.expect("read") {
                records += 1;
                let envelope = record.envelope.expect("an envelope");
                let headers: String = envelope
                    .headers()
                    .iter()
                    .map(|(name, value)| format!("{name}{value}"))
                    .collect();
                assert_absent(topic.name, &envelope.value, secrets);
                assert_absent(topic.name, headers.as_bytes(), secrets);
                assert_absent(topic.name, envelope.key.as_bytes(), secrets);
            }
        }
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_found_after_the_story_on_postgres_and_kafka() {
    let Some(kafka) = real_service(KAFKA_VARIABLE) else {
        return;
    };
    let Some(database) = TestDatabase::postgres().await else {
        return;
    };
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let more = [
        format!("telemetry.otlp_endpoint={endpoint}"),
        "telemetry.sample_ratio=1".to_owned(),
    ];
    let cluster = Cluster::start_with(database, &kafka, 1, &more).await;
    let platform = cluster.platform();
    let family = Story::run_whole(&platform).await;
    report_by_id_number(&platform, &family).await;
    let secrets = secrets(&family);
    assert!(
        search_databases(&cluster.database, &secrets).await > 20,
        "tables were searched"
    );
    let (files, telling) = search_files(&cluster.database, &secrets).await;
    assert!(files > 400, "{files} files were searched");
    assert_eq!(telling, 0, "personal data in a file of a database");
    let (_, found) = search_files(&cluster.database, &[VILLAGE.to_owned()]).await;
    assert!(found > 10, "what is there is found: {found}");
    let settings = KafkaSettings {
        topic_prefix: cluster.topic_prefix().to_owned(),
        ..KafkaSettings::new(kafka)
    };
    assert!(
        search_topics(&KafkaBus::connect(settings).expect("a bus"), &secrets).await > 20,
        "events were searched"
    );
    for process in cluster.processes.values().flatten() {
        assert_absent("a log", process.log().as_bytes(), &secrets);
    }
    let addresses: Vec<String> = cluster
        .processes
        .iter()
        .map(|(service, replicas)| format!("{service}={}", replicas[0].address))
        .collect();
    assert!(
        search_outputs(&addresses.join(","), &secrets) >= 4,
        "cases were shown"
    );
    one_death_is_one_trace(&platform, &collector).await;
    assert_absent("traces", &collector.bytes(), &secrets);
}

/// Spans of all four services under the trace id of the report.
async fn one_death_is_one_trace(platform: &Platform, collector: &Collector) {
    let callers = Callers::of(COUNTY);
    let sex = minzheng_proto::residents::v1::Sex::Female;
    let member = register(platform, &callers, "踪", jiff::civil::date(1948, 1, 2), sex).await;
    let today = day(minzheng_chassis::civil::today(platform.clock.now()));
    let report = Report::of(&member, EvidenceSource::MedicalCertificate, "trace", today);
    let trace_id = Uuid::new_v4();
    let mut request = Request::new(minzheng_proto::life_events::v1::ReportDeathRequest {
        request_id: Uuid::new_v4().to_string(),
        ..report.request
    });
    let traceparent = format!("00-{}-00f067aa0ba902b7-01", trace_id.simple());
    request
        .metadata_mut()
        .insert("traceparent", traceparent.parse().expect("a header"));
    let mut client =
        minzheng_proto::life_events::v1::death_case_service_client::DeathCaseServiceClient::new(
            platform.bare_channel("life-events"),
        );
    let token = minzheng_chassis::authz::development::token(&callers.reporter);
    request
        .metadata_mut()
        .insert("authorization", token.parse().expect("a header"));
    let case = client
        .report_death(request)
        .await
        .expect("taken")
        .into_inner()
        .case
        .expect("a case");
    reaches(platform, &callers, &case.id, Phase::Finished).await;
    eventually(
        "spans of all four services under the report's trace",
        || async {
            let services = collector.services_of(trace_id.as_bytes());
            SERVICES
                .iter()
                .all(|name| services.iter().any(|found| found == name))
                .then_some(())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_found_after_the_story_on_the_embedded_defaults() {
    let embedded = Embedded::start().await;
    let platform = embedded.platform();
    let family = Story::run_whole(&platform).await;
    report_by_id_number(&platform, &family).await;
    let secrets = secrets(&family);
    assert!(
        search_outputs(&embedded.process.address, &secrets) >= 4,
        "cases were shown"
    );
    let log = embedded.process.log();
    assert!(!log.is_empty(), "there is a log to search");
    assert_absent("the log", log.as_bytes(), &secrets);
    let files = search_directory(embedded.directory.path(), &secrets);
    assert!(files > 6, "databases, log and key were searched");
}
