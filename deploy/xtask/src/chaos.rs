//! `cargo xtask chaos`: breaks a whole deployment under load and checks that nothing was lost and
//! nothing doubled, with binaries that are optimised and can be told to die at the worst moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use xtask::paths;

use crate::optimised::{self, PROFILE};
use crate::run::{exit_code, run};
use crate::test::{BINARY_VARIABLE, binary};

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
    let built = optimised::build(&["minzheng", "chaos"])?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let seed = arguments
        .seed
        .unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    let directory = paths::scratch()?.join(format!("chaos-{}-{seed}", arguments.deployment));
    // Other builds may put others in their place while these run.
    let kept = directory.with_extension("bin");
    let under_test = keep(&kept, "minzheng")?;
    let mut command = Command::new(keep(&kept, "chaos")?);
    command
        .current_dir(paths::root())
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

/// A copy of a built binary in a directory of its own.
fn keep(directory: &Path, name: &str) -> Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let (built, copy) = (binary(PROFILE).with_file_name(name), directory.join(name));
    fs::copy(&built, &copy).with_context(|| format!("copying {}", built.display()))?;
    Ok(copy)
}
