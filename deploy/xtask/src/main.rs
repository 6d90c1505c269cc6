//! `cargo xtask`: the chores of this repository that need more than cargo.

mod bench;
mod buf;
mod chaos;
mod fuzz;
mod optimised;
mod run;
mod services;
mod state;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::report::progress;

/// Starts real services for tests and benchmarks, and runs them.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Start PostgreSQL and Apache Kafka and print the environment that names them.
    ///
    /// They run until `down`. Use it as: eval "$(cargo xtask up)"
    Up,
    /// End exactly what `up` started.
    Down,
    /// Check the protobuf files with buf.
    Lint,
    /// Lint, build the binaries, and run all tests against real services.
    Test(test::Arguments),
    /// Run the benchmarks against real services.
    Bench(bench::Arguments),
    /// Break a whole deployment under load and check that nothing was lost or doubled.
    Chaos(chaos::Arguments),
    /// Look for inputs that break a decoder or a validation.
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Up => services::up().map(|()| ExitCode::SUCCESS),
        Chore::Down => services::down().map(|()| ExitCode::SUCCESS),
        Chore::Lint => buf::lint(),
        Chore::Test(arguments) => test::test(&arguments),
        Chore::Bench(arguments) => bench::bench(&arguments),
        Chore::Chaos(arguments) => chaos::chaos(&arguments),
        Chore::Fuzz(arguments) => fuzz::fuzz(&arguments),
    };
    // One line, without the backtrace that returning the error would print.
    done.unwrap_or_else(|error| {
        progress(format!("{error:#}"));
        ExitCode::FAILURE
    })
}
