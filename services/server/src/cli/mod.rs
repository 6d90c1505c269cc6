//! What `minzheng` understands. Every command has an example in its help.

mod case;
mod dead_letter;
mod server;
mod settings;

pub use case::{
    CaseCommand, CauseArg, CorrectArgs, DecideArgs, PhaseArg, ReverseArgs, SourceArg,
    VerifyDeathArgs,
};
pub use dead_letter::{DeadLetterCommand, LetterArgs, LettersArgs};
pub use server::{Addresses, BadAddress, ServerArgs};
pub use settings::SettingsArgs;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Minzheng (民政一体化平台): one death, handled once.
#[derive(Debug, Parser)]
#[command(
    name = "minzheng",
    version,
    about = "Minzheng (民政一体化平台): one death, handled once, by every department of civil affairs",
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  minzheng dev\n  minzheng demo death-case --watch\n  minzheng case list\n  minzheng doctor\n\n\
                  Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done."
)]
pub struct Cli {
    /// Where settings come from.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// How results are printed.
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this process with demo data: SQLite, embedded bus, ./data. Not for production.
    #[command(
        after_help = "Examples:\n  minzheng dev\n  minzheng dev --set grpc.listen=127.0.0.1:50061"
    )]
    Dev,
    /// Run some services, or all.
    #[command(
        after_help = "Examples:\n  minzheng serve --target all\n  minzheng serve --target elderly-care --config node.toml"
    )]
    Serve(ServeArgs),
    /// Bring the databases to this version.
    #[command(
        subcommand,
        after_help = "Examples:\n  minzheng migrate up\n  minzheng migrate status -o json"
    )]
    Migrate(MigrateCommand),
    /// Create the topics, or list them.
    #[command(
        subcommand,
        after_help = "Examples:\n  minzheng topics apply\n  minzheng topics list"
    )]
    Topics(TopicsCommand),
    /// Play a story against a running platform.
    #[command(
        subcommand,
        after_help = "Example:\n  minzheng demo death-case --watch"
    )]
    Demo(DemoCommand),
    /// Look at death cases and decide them.
    #[command(
        subcommand,
        after_help = "Examples:\n  minzheng case list --phase in-review\n  minzheng case show CASE"
    )]
    Case(CaseCommand),
    /// Look at events that could not be handled, try them again, or end them.
    #[command(subcommand, after_help = "Example:\n  minzheng dead-letter list")]
    DeadLetter(DeadLetterCommand),
    /// Check what must always hold; exit code 1 where something does not.
    #[command(
        after_help = "Examples:\n  minzheng verify\n  minzheng verify --service life-events -o json"
    )]
    Verify(VerifyArgs),
    /// Say what is wrong and how to mend it.
    #[command(
        after_help = "Examples:\n  minzheng doctor\n  minzheng doctor --config node.toml -o json"
    )]
    Doctor(DoctorArgs),
    /// Show the settings and where each comes from, or check them.
    #[command(
        subcommand,
        after_help = "Examples:\n  minzheng config show\n  minzheng config check --config node.toml"
    )]
    Config(ConfigCommand),
    /// Print completions for a shell.
    #[command(
        after_help = "Example:\n  minzheng completions bash > /etc/bash_completion.d/minzheng"
    )]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// `serve`
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Services, separated by commas; `all` is every one.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    pub target: Vec<String>,
    /// Believe what callers say about themselves, even beyond loopback. Never in production.
    #[arg(long)]
    pub insecure_development_identity: bool,
    /// Apply pending migrations before serving.
    #[arg(long)]
    pub migrate: bool,
}

/// `migrate`
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Apply what is pending.
    #[command(
        after_help = "Examples:\n  minzheng migrate up\n  minzheng migrate up --target residents"
    )]
    Up(TargetArgs),
    /// Say what is applied and what is pending.
    #[command(after_help = "Example:\n  minzheng migrate status -o json")]
    Status(TargetArgs),
}

/// Which services.
#[derive(Args, Debug)]
pub struct TargetArgs {
    /// Services, separated by commas; `all` is every one.
    #[arg(long, value_delimiter = ',', default_value = "all")]
    pub target: Vec<String>,
}

/// `topics`
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Create what is missing; refuses a changed number of partitions.
    #[command(after_help = "Example:\n  minzheng topics apply --config node.toml")]
    Apply,
    /// The topics declared, and whether they exist.
    #[command(after_help = "Example:\n  minzheng topics list -o json")]
    List,
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every setting, its value and where that comes from; secrets masked.
    #[command(after_help = "Example:\n  minzheng config show --set relay.batch=500")]
    Show,
    /// Say whether the settings are valid.
    #[command(after_help = "Example:\n  minzheng config check --config node.toml")]
    Check,
}

/// `demo`
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// A family's deaths, settled by every department, a reversal included. Makes invented people of its own.
    #[command(
        after_help = "Examples:\n  minzheng demo death-case --watch\n  minzheng demo death-case -o json"
    )]
    DeathCase {
        /// Draw each case settling, department by department.
        #[arg(long)]
        watch: bool,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// `verify`
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// Only this service.
    #[arg(long, default_value = "")]
    pub service: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `doctor`
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn without_example(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !help.contains("minzheng ") {
            missing.push(path.clone());
        }
        for inner in command.get_subcommands() {
            without_example(inner, &path, missing);
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut missing = Vec::new();
        without_example(&Cli::command(), "", &mut missing);
        assert!(missing.is_empty(), "{missing:?}");
    }
}
