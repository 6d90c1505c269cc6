//! The commands that run or prepare the platform on this machine.

mod config;
mod dev;
mod migrate;
mod serve;
mod topics;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use minzheng_chassis::config::ConfigError;
use minzheng_chassis::node::NodeError;

use self::serve::NotAsAsked;
use crate::cli::{Cli, Command};
use crate::client;
use crate::client::error::ClientError;
use crate::demo;
use crate::modules::UnknownTarget;
use crate::output::{Printer, progress};

/// Exit code of what failed.
const FAILED: u8 = 1;

/// Exit code of what cannot be run as it was asked for.
const USAGE: u8 = 2;

/// Runs a command; what went wrong is told in one line per cause.
pub fn run(cli: Cli) -> ExitCode {
    let printer = Printer::new(cli.output);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            progress(format!("error: no runtime: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    match runtime.block_on(dispatch(cli, printer)) {
        Ok(code) => code,
        // Whoever read the output has had enough, as `head` has.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failed(&error, printer),
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Tells what went wrong, on stderr: lines for people, one JSON object for programs.
fn failed(error: &anyhow::Error, printer: Printer) -> ExitCode {
    let told = match error.downcast_ref::<ClientError>() {
        Some(refused) => refused.clone(),
        None => unexpected(error),
    };
    match serde_json::to_string(&serde_json::json!({ "error": told })) {
        Ok(json) if printer.is_json() => progress(json),
        _ => told.lines().into_iter().for_each(progress),
    }
    let usage =
        error.is::<ConfigError>() || error.is::<UnknownTarget>() || error.is::<NotAsAsked>();
    ExitCode::from(if usage { USAGE } else { FAILED })
}

/// A port or directory that this machine does not give, and what to do about it.
fn of_this_machine(error: &NodeError) -> Option<ClientError> {
    let (reason, next_step) = match error {
        NodeError::Bind {
            setting, address, ..
        } => (
            "CANNOT_LISTEN",
            format!(
                "stop what listens there, or choose another address: --set {setting}={}:0 takes a free port",
                address.ip()
            ),
        ),
        NodeError::DataDir { source, .. } if source.kind() == io::ErrorKind::WouldBlock => (
            "DATA_DIR_IN_USE",
            "stop the other one, or choose another directory: --set data_dir=DIRECTORY".to_owned(),
        ),
        NodeError::DataDir { .. } => (
            "DATA_DIR_UNUSABLE",
            "choose a directory that this user may write: --set data_dir=DIRECTORY".to_owned(),
        ),
        _ => return None,
    };
    // Without its source: what the operating system said is in the message in plain words.
    Some(ClientError::new(reason, error.to_string(), next_step))
}

/// What this machine refused, rather than the platform.
fn unexpected(error: &anyhow::Error) -> ClientError {
    if let Some(told) = error.downcast_ref().and_then(of_this_machine) {
        return told;
    }
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let (reason, next_step) = if error.is::<ConfigError>() {
        (
            "SETTINGS_INVALID",
            "mend the settings; `minzheng config show` lists every key",
        )
    } else if error.is::<UnknownTarget>() {
        (
            "TARGET_UNKNOWN",
            "name services that there are, or `--target all`",
        )
    } else if let Some(refused) = error.downcast_ref::<NotAsAsked>() {
        (refused.reason(), refused.next_step())
    } else {
        (
            "FAILED",
            "`minzheng doctor` says what is wrong and how to mend it",
        )
    };
    ClientError::new(reason, causes.join(": "), next_step)
}

async fn dispatch(cli: Cli, printer: Printer) -> anyhow::Result<ExitCode> {
    if only_calls_a_server(&cli.command) {
        // Not needed to call one; but what is mistyped is told, not ignored.
        cli.settings.load()?;
    }
    match cli.command {
        Command::Dev => dev::run(&cli.settings, printer).await,
        Command::Serve(args) => serve::run(&cli.settings, &args).await,
        Command::Migrate(command) => migrate::run(&cli.settings, &command, printer).await,
        Command::Topics(command) => topics::run(&cli.settings, &command, printer).await,
        Command::Config(command) => config::run(&cli.settings, &command, printer),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "minzheng", &mut script);
            io::stdout().write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(command) => demo::run(command, printer).await,
        Command::Case(command) => client::case::run(command, printer).await,
        Command::DeadLetter(command) => client::dead_letter::run(command, printer).await,
        Command::Verify(args) => client::verify::run(&args, printer).await,
        Command::Doctor(args) => client::doctor::run(&cli.settings, &args, printer).await,
    }
}

fn only_calls_a_server(command: &Command) -> bool {
    match command {
        Command::Demo(_) | Command::Case(_) | Command::DeadLetter(_) | Command::Verify(_) => true,
        Command::Dev
        | Command::Serve(_)
        | Command::Migrate(_)
        | Command::Topics(_)
        | Command::Doctor(_)
        | Command::Config(_)
        | Command::Completions { .. } => false,
    }
}
