//! The commands that run or prepare the platform on this machine.

mod config;
mod dev;
mod migrate;
mod serve;
mod topics;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::{Cli, Command};
use crate::client;
use crate::demo;
use crate::output::{Printer, progress};

/// Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done.
const FAILED: u8 = 1;

/// Runs a command; what went wrong is told in one line per cause.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            progress(format!("error: no runtime: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            progress(format!("error: {}", causes.join(": ")));
            ExitCode::from(FAILED)
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let printer = Printer::new(cli.output);
    match cli.command {
        Command::Dev => dev::run(&cli.settings).await,
        Command::Serve(args) => serve::run(&cli.settings, &args).await,
        Command::Migrate(command) => migrate::run(&cli.settings, &command, printer).await,
        Command::Topics(command) => topics::run(&cli.settings, &command, printer).await,
        Command::Config(command) => config::run(&cli.settings, &command, printer),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "minzheng", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(command) => demo::run(command, printer).await,
        Command::Case(command) => client::case::run(command, printer).await,
        Command::DeadLetter(command) => client::dead_letter::run(command, printer).await,
        Command::Verify(args) => client::verify::run(&args, printer).await,
        Command::Doctor(args) => client::doctor::run(&cli.settings, &args, printer).await,
    }
}
