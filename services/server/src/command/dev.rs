//! `minzheng dev`: everything in one process, with demo data.

use std::process::ExitCode;

use super::serve::Running;
use crate::cli::SettingsArgs;
use crate::demo;
use crate::modules;

/// Runs everything on SQLite and the embedded bus under `./data`, seeded, until a signal.
pub(super) async fn run(args: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let settings = args.load_with(&["identity.insecure_development=true", "telemetry.log_filter=warn"])?;
    let running = Running::start(settings, modules::all(), true).await?;
    demo::seed::run(&running.node).await?;
    running.until_ended().await
}
