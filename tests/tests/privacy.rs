//! One death is one trace; and after the whole story no name, number or phone is found in any
//! database, log of writes, topic, log or trace.

use std::path::Path;

use minzheng_chassis::bus::kafka::{KafkaBus, KafkaSettings};
use minzheng_chassis::bus::{Bus, TopicPartition};
use minzheng_chassis::db::{Database, Sql};
use minzheng_chassis::testing::{
    KAFKA_VARIABLE, POSTGRES_VARIABLE, TestDatabase, eventually, real_service,
};
use minzheng_proto::life_events::v1::{EvidenceSource, Phase};
use minzheng_proto::topics;
use minzheng_tests::collector::Collector;
use minzheng_tests::family::{COUNTY, Family, VILLAGE, register};
use minzheng_tests::platform::{Callers, Platform, SERVICES};
use minzheng_tests::processes::{Cluster, Embedded, binary};
use minzheng_tests::reports::{Report, day, reaches};
use minzheng_tests::story::Story;
use tonic::Request;
use uuid::Uuid;

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

/// Where the server's log of writes stands now.
async fn log_position(database: &TestDatabase) -> String {
    let db = Database::open_postgres(&database.url("residents"), "privacy", 1).expect("a database");
    let text = "SELECT pg_current_wal_insert_lsn()::text AS lsn";
    let row = db.reader().one(text, []).await.expect("read");
    let lsn = row.expect("a row").get("lsn").expect("a position");
    db.close().await;
    lsn
}

/// In how many segments of the server's log of writes since a position one of these words is. Only on a
/// server of the test's own are they about nothing else; and a checkpoint takes old ones away.
async fn search_writes(database: &TestDatabase, since: &str, words: &[String]) -> i64 {
    let text = "WITH segment AS (SELECT name, pg_read_binary_file('pg_wal/' || name) AS bytes FROM pg_ls_waldir() \
                WHERE name ~ '^[0-9A-F]{24}$' AND name >= pg_walfile_name($2::text::pg_lsn) \
                AND name <= pg_walfile_name(pg_current_wal_lsn())) \
                SELECT coalesce(bool_or(name = pg_walfile_name($2::text::pg_lsn)), FALSE) AS whole, \
                count(*) FILTER (WHERE EXISTS (SELECT 1 FROM string_to_table($1, '|') \
                AS word WHERE position(convert_to(word, 'UTF8') IN bytes) > 0)) AS found FROM segment";
    let db = Database::open_postgres(&database.url("residents"), "privacy", 1).expect("a database");
    let values = [words.join("|").into(), since.into()];
    let row = db.reader().one(text, values).await;
    let row = row.expect("read").expect("counts");
    let whole: bool = row.get("whole").expect("whether");
    assert!(whole, "the first segment is still there");
    let found = row.get("found").expect("a number");
    db.close().await;
    found
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
    if real_service(POSTGRES_VARIABLE).is_none() {
        return;
    }
    let postgres =
        tokio::task::spawn_blocking(|| xtask::postgres::Postgres::start().expect("a server"))
            .await
            .unwrap();
    let database = TestDatabase::on_server(postgres.url());
    let collector = Collector::default();
    let endpoint = collector.start().await;
    let more = [
        format!("telemetry.otlp_endpoint={endpoint}"),
        "telemetry.sample_ratio=1".to_owned(),
    ];
    let cluster = Cluster::start_with(database, &kafka, 1, &more).await;
    let platform = cluster.platform();
    let since = log_position(&cluster.database).await;
    let family = Story::run_whole(&platform).await;
    report_by_id_number(&platform, &family).await;
    let secrets = secrets(&family);
    assert!(
        search_databases(&cluster.database, &secrets).await > 20,
        "tables were searched"
    );
    // Before the files: for those there is a checkpoint.
    let told = search_writes(&cluster.database, &since, &secrets).await;
    assert_eq!(told, 0, "personal data in the log of writes");
    let village = [VILLAGE.to_owned()];
    let found = search_writes(&cluster.database, &since, &village).await;
    assert!(found > 0, "what is there is found");
    let (files, telling) = search_files(&cluster.database, &secrets).await;
    assert!(files > 400, "{files} files were searched");
    assert_eq!(telling, 0, "personal data in a file of a database");
    let (_, found) = search_files(&cluster.database, &village).await;
    assert!(found > 10, "what is there is found: {found}");
    let server_log = postgres.description().dir.join("postgres.log");
    let server_log = std::fs::read(server_log).expect("the server's log");
    assert_absent("the server's log", &server_log, &secrets);
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
    let collector = Collector::default();
    let mut embedded = Embedded::start().await;
    embedded.process.environment = vec![
        (
            "MINZHENG_TELEMETRY__OTLP_ENDPOINT".to_owned(),
            collector.start().await,
        ),
        (
            "MINZHENG_TELEMETRY__SAMPLE_RATIO".to_owned(),
            "1".to_owned(),
        ),
    ];
    embedded.process.restart();
    embedded.process.is_serving().await;
    let platform = embedded.platform();
    let family = Story::run_whole(&platform).await;
    report_by_id_number(&platform, &family).await;
    let secrets = secrets(&family);
    assert!(
        search_outputs(&embedded.process.address, &secrets) >= 4,
        "cases were shown"
    );
    one_death_is_one_trace(&platform, &collector).await;
    assert_absent("traces", &collector.bytes(), &secrets);
    let log = embedded.process.log();
    assert!(!log.is_empty(), "there is a log to search");
    assert_absent("the log", log.as_bytes(), &secrets);
    let files = search_directory(embedded.directory.path(), &secrets);
    assert!(files > 6, "databases, log and key were searched");
}
