//! `cargo xtask bench`: the benchmarks, against real services and optimised binaries.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::optimised;
use crate::run::{cargo, exit_code, run};
use crate::services::Services;
use crate::test::{BINARY_VARIABLE, binary};

/// Names the environment variable with the commit that is measured, for the report.
const COMMIT_VARIABLE: &str = "MINZHENG_TEST_COMMIT";

/// What is measured is built as it ships, but for the clock of every process, which the harness
/// moves. Together, so that both share one compilation of everything below them.
const WHOLE_BUILD: [&str; 9] = [
    "build",
    "--release",
    "-p",
    "minzheng-server",
    "-p",
    "minzheng-tests",
    "--features",
    "minzheng-server/test-clock",
    "--bins",
];

#[derive(clap::Args)]
pub struct Arguments {
    /// A fraction of the data, built without link-time optimisation: the floors that CI checks. Without an ID, only
    /// the benchmarks that fit in four minutes.
    #[arg(long)]
    smoke: bool,
    /// The benchmarks to run, all by default: B1, B1c, B2 … as in docs/reference/benchmarks.md.
    #[arg(value_name = "ID")]
    names: Vec<String>,
    /// Options for the benchmark program.
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

/// Runs the benchmarks and exits as they do.
pub fn bench(arguments: &Arguments) -> Result<ExitCode> {
    let profile = if arguments.smoke {
        optimised::PROFILE
    } else {
        "release"
    };
    let built = if arguments.smoke {
        optimised::build(&["minzheng", "bench"])?
    } else {
        run(cargo().args(WHOLE_BUILD))?
    };
    if !built.success() {
        return Ok(exit_code(built));
    }
    let services = Services::obtain()?;
    let mut command = Command::new(binary(profile).with_file_name("bench"));
    if arguments.smoke {
        command.arg("--smoke");
    }
    command
        .args(&arguments.names)
        .args(&arguments.options)
        .env(BINARY_VARIABLE, binary(profile))
        .env(COMMIT_VARIABLE, commit());
    services.name_to(&mut command);
    run(&mut command).map(exit_code)
}

/// The commit, and whether the files differ from it; not known without git.
fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--abbrev=12", "--dirty"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: super::Arguments,
    }

    #[test]
    fn options_of_the_program_stand_after_two_dashes() {
        for line in [
            "bench --smoke B1 -- --seed 3",
            "bench B1 --smoke -- --seed 3",
        ] {
            let line = line.split(' ');
            let Line { arguments } = Line::parse_from(line);
            assert!(arguments.smoke);
            assert_eq!(arguments.names, ["B1"]);
            assert_eq!(arguments.options, ["--seed", "3"]);
        }
    }
}
