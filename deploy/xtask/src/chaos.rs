//! `cargo xtask chaos`: breaks a whole deployment under load and checks that nothing was lost and
//! nothing doubled, with binaries that are optimised and can be told to die at the worst moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::paths;

use crate::run::{cargo, exit_code, run};
use crate::test::{BINARY_VARIABLE, binary};

/// Optimised, without link-time optimisation.
const PROFILE: &str = "ci";

#[derive(clap::Args)]
pub struct Arguments {
    /// How long things are broken.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// What is done and what is broken; the same seed breaks the same things. Drawn if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// `services`: a process per service on PostgreSQL and Kafka; `embedded`: one process.
    #[arg(long, default_value = "services")]
    deployment: String,
    /// Processes of each service.
    #[arg(long, default_value_t = 1)]
    replicas: usize,
    /// Clients at once.
    #[arg(long, default_value_t = 32)]
    workers: usize,
    /// Operations a second, at most.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Break nothing.
    #[arg(long)]
    no_faults: bool,
}

/// Runs the harness and exits as it does.
pub fn chaos(arguments: &Arguments) -> Result<ExitCode> {
    let built = run(cargo().args([
        "build",
        "--profile",
        PROFILE,
        "-p",
        "minzheng-server",
        "--features",
        "test-clock,failpoints",
        "--bins",
    ]))?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let seed = arguments.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    let directory = paths::scratch()?.join(format!("chaos-{}-{seed}", arguments.deployment));
    // Another build may put a binary without failpoints in its place while this one runs.
    let under_test = keep_binary(&directory.with_extension("bin"))?;
    let mut command = cargo();
    command
        .args(["run", "--profile", PROFILE, "-p", "minzheng-tests", "--bin", "chaos", "--"])
        .args(["--minutes", &arguments.minutes.to_string()])
        .args(["--seed", &seed.to_string()])
        .args(["--deployment", &arguments.deployment])
        .args(["--replicas", &arguments.replicas.to_string()])
        .args(["--workers", &arguments.workers.to_string()])
        .args(["--rate", &arguments.rate.to_string()])
        .arg("--directory")
        .arg(&directory)
        .env(BINARY_VARIABLE, &under_test);
    if arguments.no_faults {
        command.arg("--no-faults");
    }
    run(&mut command).map(exit_code)
}

/// A copy of the binary in a directory of its own.
fn keep_binary(directory: &Path) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let copy = directory.join("minzheng");
    fs::copy(binary(PROFILE), &copy).context("copying the binary under test")?;
    Ok(copy)
}
