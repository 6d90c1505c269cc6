//! `cargo xtask test`: everything that must pass before a change lands.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use xtask::report::progress;
use xtask::{EMBEDDED_ONLY_VARIABLE, KAFKA_VARIABLE, POSTGRES_VARIABLE, paths, under_ci};

use crate::buf;
use crate::run::{cargo, exit_code, run};
use crate::services::Services;

/// Names the environment variable with the path of the built binary `minzheng`.
pub const BINARY_VARIABLE: &str = "MINZHENG_TEST_BIN";

#[derive(clap::Args)]
pub struct Arguments {
    /// Test without PostgreSQL and Kafka; refused under CI=true.
    #[arg(long)]
    embedded_only: bool,
    /// Further arguments for `cargo test`; with `-p` only those packages are tested.
    #[arg(last = true, value_name = "ARGUMENTS")]
    cargo: Vec<String>,
}

/// Runs the tests and exits as they do.
pub fn test(arguments: &Arguments) -> Result<ExitCode> {
    let services = obtain(arguments.embedded_only)?;
    if let Err(error) = buf::find() {
        if under_ci() {
            return Err(error);
        }
        loud(&format!("the protobuf files are NOT checked: {error:#}"));
    } else {
        let lint = buf::lint()?;
        if lint != ExitCode::SUCCESS {
            return Ok(lint);
        }
    }
    // All tests build the binaries that some of them start, chosen ones may not. Built before all of them, most would
    // be compiled twice: what only tests use asks for more features of what both use.
    if !arguments.cargo.is_empty() {
        let built = run(cargo().args(["build", "--workspace", "--bins"]))?;
        if !built.success() {
            return Ok(exit_code(built));
        }
    }
    let mut command = cargo_test(&arguments.cargo);
    command.env(BINARY_VARIABLE, binary("debug"));
    match &services {
        Some(services) => services.name_to(&mut command),
        None => {
            command
                .env(EMBEDDED_ONLY_VARIABLE, "1")
                .env_remove(POSTGRES_VARIABLE)
                .env_remove(KAFKA_VARIABLE);
        }
    }
    run(&mut command).map(exit_code)
}

/// The binary `minzheng` of a build whose profile has this directory.
pub fn binary(profile_dir: &str) -> PathBuf {
    paths::target().join(profile_dir).join("minzheng")
}

fn obtain(embedded_only: bool) -> Result<Option<Services>> {
    match (embedded_only, under_ci()) {
        (true, true) => bail!("under CI=true the tests need the real services"),
        (true, false) => {
            loud("testing WITHOUT real PostgreSQL and Kafka, as --embedded-only asks");
            Ok(None)
        }
        (false, _) => Services::obtain()
            .context("no real services; `cargo xtask test --embedded-only` tests without them")
            .map(Some),
    }
}

/// Libraries, binaries, integration tests, examples and documentation; benchmarks have their own
/// command.
fn cargo_test(extra: &[String]) -> Command {
    let mut command = cargo();
    command.arg("test");
    if !extra
        .iter()
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
    {
        command.arg("--workspace");
    }
    // A person wants the first failure, CI all of them.
    if under_ci() {
        command.arg("--no-fail-fast");
    }
    command.args(extra);
    command
}

fn loud(message: &str) {
    let line = "=".repeat(72);
    progress(format!("{line}\n{message}\n{line}"));
}
