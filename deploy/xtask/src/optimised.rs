//! The optimised build that smoke, chaos and fuzz share.

use std::process::{Command, ExitStatus};

use anyhow::Result;

use crate::run::{cargo, run};

/// Optimised, without link-time optimisation.
pub const PROFILE: &str = "ci";

/// Packages and features are the same for every binary: with others, what lies below would be
/// compiled once more.
const SELECTION: [&str; 8] = [
    "-p",
    "minzheng-server",
    "-p",
    "minzheng-tests",
    "-p",
    "minzheng-fuzz",
    "--features",
    // A clock that the harness moves, places where a process ends itself, an engine for fuzzing.
    "minzheng-server/test-clock,minzheng-server/failpoints,minzheng-fuzz/libfuzzer",
];

/// Builds some binaries.
pub fn build(binaries: &[&str]) -> Result<ExitStatus> {
    run(&mut command(binaries))
}

/// The command that builds some binaries.
pub fn command(binaries: &[&str]) -> Command {
    let mut command = cargo();
    command
        .args(["build", "--profile", PROFILE])
        .args(SELECTION);
    for binary in binaries {
        command.args(["--bin", binary]);
    }
    command
}
