//! The real services live through what the fault tests do to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use xtask::kafka::Kafka;
use xtask::postgres::Postgres;
use xtask::process::{ProcessId, wait_until};
use xtask::{EMBEDDED_ONLY_VARIABLE, under_ci};

/// Whether a person chose to test without real services; under CI nobody may.
fn embedded_only() -> bool {
    let chosen = std::env::var(EMBEDDED_ONLY_VARIABLE).is_ok_and(|value| value == "1");
    assert!(
        !(chosen && under_ci()),
        "under CI=true the real services are needed"
    );
    chosen
}

fn psql(postgres: &Postgres, statement: &str) -> Result<String, String> {
    let output = Command::new(postgres.description().bin_dir.join("psql"))
        .args([
            "-X",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            postgres.url(),
        ])
        .output()
        .expect("psql runs");
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

fn topics(kafka: &Kafka, arguments: &[&str]) -> Result<String, String> {
    let mut all = vec!["--bootstrap-server", kafka.bootstrap()];
    all.extend(arguments);
    let output = kafka
        .description()
        .tool("org.apache.kafka.tools.TopicCommand", &all)
        .expect("java runs");
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[test]
fn postgres_keeps_what_it_committed_through_kill_and_restart() {
    if embedded_only() {
        return;
    }
    let mut postgres = Postgres::start().expect("a server");
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("max_connections", "300"),
    ] {
        assert_eq!(
            psql(&postgres, &format!("SHOW {setting}")).as_deref(),
            Ok(value)
        );
    }
    psql(
        &postgres,
        "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)",
    )
    .expect("a table");
    let url = postgres.url().to_owned();
    let killed = postgres.process().expect("it runs");
    let backends = "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity";
    let children: Vec<ProcessId> = psql(&postgres, backends)
        .expect("the server's processes")
        .split_whitespace()
        .filter_map(|pid| ProcessId::of(pid.parse().expect("a process id")))
        .collect();
    assert!(!children.is_empty());

    postgres.stop_immediate().expect("it is killed");
    assert!(!killed.is_running());
    assert!(children.iter().all(|child| !child.is_running()));
    assert!(psql(&postgres, "SELECT 1").is_err());

    postgres.restart().expect("it recovers");
    assert_eq!(postgres.url(), url);
    assert_eq!(psql(&postgres, "SELECT n FROM kept").as_deref(), Ok("1"));

    postgres.stop().expect("it stops in order");
    postgres.restart().expect("it starts");
    assert_eq!(psql(&postgres, "SELECT n FROM kept").as_deref(), Ok("1"));

    let (process, dir) = (
        postgres.process().expect("it runs"),
        postgres.description().dir.clone(),
    );
    drop(postgres);
    assert!(!process.is_running());
    assert!(!dir.exists());
}

#[test]
fn a_paused_postgres_is_silent_until_it_resumes() {
    if embedded_only() {
        return;
    }
    let postgres = Postgres::start().expect("a server");
    postgres.pause().expect("it pauses");
    let silent = Command::new(postgres.description().bin_dir.join("pg_isready"))
        .args(["--quiet", "--timeout=1", "--host=127.0.0.1"])
        .arg(format!("--port={}", postgres.description().port))
        .status()
        .expect("pg_isready runs");
    assert!(!silent.success());
    postgres.resume().expect("it resumes");
    assert_eq!(psql(&postgres, "SELECT 1").as_deref(), Ok("1"));
    postgres.pause().expect("it pauses");
    let process = postgres.process().expect("it runs");
    drop(postgres);
    assert!(!process.is_running(), "a paused server ends too");
}

#[test]
fn kafka_keeps_its_topics_through_kill_and_restart() {
    if embedded_only() {
        return;
    }
    let mut kafka = Kafka::start().expect("a broker");
    topics(
        &kafka,
        &["--create", "--topic", "kept", "--partitions", "3"],
    )
    .expect("a topic");
    let bootstrap = kafka.bootstrap().to_owned();
    let killed = kafka.process().expect("it runs");

    kafka.stop_immediate().expect("it is killed");
    assert!(!killed.is_running());
    assert!(!kafka.description().is_ready());

    kafka.restart().expect("it recovers");
    assert_eq!(kafka.bootstrap(), bootstrap);
    assert_eq!(topics(&kafka, &["--list"]).as_deref(), Ok("kept"));

    let (process, dir) = (
        kafka.process().expect("it runs"),
        kafka.description().dir.clone(),
    );
    drop(kafka);
    assert!(!process.is_running());
    assert!(!dir.exists());
}

/// Tells the process that is to be killed, a second run of its test, where to write what it owns.
const OWNED: &str = "XTASK_TEST_OWNED";

/// Starts a server and waits to be killed.
fn own_a_server(file: &Path) -> ! {
    let postgres = Postgres::start().expect("a server");
    let owned =
        serde_json::to_string(&(postgres.process(), &postgres.description().dir)).expect("JSON");
    fs::write(file.with_extension("partial"), owned).expect("written");
    fs::rename(file.with_extension("partial"), file).expect("renamed");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_owner_leaves_no_server_behind() {
    if embedded_only() {
        return;
    }
    if let Some(file) = std::env::var_os(OWNED) {
        own_a_server(Path::new(&file));
    }
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("owned.json");
    let mut owner = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_killed_owner_leaves_no_server_behind"])
        .env(OWNED, &file)
        .stdout(Stdio::null())
        .spawn()
        .expect("an owner");
    let limit = Duration::from_secs(60);
    wait_until("the owner's server", limit, || Ok(file.exists())).expect("a server");
    let text = fs::read_to_string(&file).expect("a record");
    let (server, server_dir): (ProcessId, PathBuf) = serde_json::from_str(&text).expect("a record");
    assert!(server.is_running());

    owner.kill().expect("killed");
    owner.wait().expect("ended");
    wait_until("the reaper", limit, || {
        Ok(!server.is_running() && !server_dir.exists())
    })
    .expect("nothing is left");
}
