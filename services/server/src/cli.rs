//! What `minzheng` understands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use minzheng_chassis::config::{ConfigError, Layers, Settings};

/// Minzheng (民政一体化平台): one death, handled once.
#[derive(Debug, Parser)]
#[command(name = "minzheng", version, about, propagate_version = true, arg_required_else_help = true)]
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

/// Where settings come from: default < file < environment (`MINZHENG_…`) < `--set`.
#[derive(Args, Clone, Debug)]
pub struct SettingsArgs {
    /// A TOML file with settings.
    #[arg(long, global = true, env = "MINZHENG_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, as `key=value`; may be given several times.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SettingsArgs {
    /// The settings, checked.
    ///
    /// # Errors
    /// Everything that is wrong, all at once.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        self.load_with(&[])
    }

    /// The settings with others that stand before the file, the environment and the flags.
    ///
    /// # Errors
    /// Everything that is wrong, all at once.
    pub fn load_with(&self, more: &[&str]) -> Result<Settings, ConfigError> {
        let mut layers = Layers::new();
        if let Some(path) = &self.config {
            layers = layers.file(path)?;
        }
        layers = layers.environment(std::env::vars())?;
        let flags = more.iter().map(|one| (*one).to_owned()).chain(self.set.iter().cloned());
        Settings::load(layers.flags(flags)?)
    }
}

/// How a client command finds the platform, and as whom it calls.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Address of the gRPC API.
    #[arg(long, env = "MINZHENG_SERVER", default_value = "http://127.0.0.1:50051", value_name = "URL")]
    pub server: String,
    /// Subject of the development identity.
    #[arg(long = "as", env = "MINZHENG_SUBJECT", default_value = "demo.clerk", value_name = "SUBJECT")]
    pub subject: String,
    /// Roles of the development identity, separated by commas.
    #[arg(long, env = "MINZHENG_ROLES", default_value = "county_clerk,reporter,township_worker,provincial_operator")]
    pub roles: String,
    /// Divisions of the development identity, separated by commas.
    #[arg(long, env = "MINZHENG_DIVISIONS", default_value = "52")]
    pub divisions: String,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this process with demo data: SQLite, embedded bus, ./data. Not for production.
    #[command(after_help = "Examples:\n  minzheng dev\n  minzheng dev --set grpc.listen=127.0.0.1:50061")]
    Dev,
    /// Run some services, or all.
    #[command(
        after_help = "Examples:\n  minzheng serve --target all\n  minzheng serve --target elderly-care --config node.toml"
    )]
    Serve(ServeArgs),
    /// Bring the databases to this version.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Create the topics, or list them.
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Play a story against a running platform.
    #[command(subcommand)]
    Demo(DemoCommand),
    /// Look at death cases and decide them.
    #[command(subcommand)]
    Case(CaseCommand),
    /// Look at events that could not be handled, try them again, or end them.
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
    /// Check what must always hold.
    Verify(VerifyArgs),
    /// Say what is wrong and how to mend it.
    Doctor(DoctorArgs),
    /// Show the settings and where each comes from, or check them.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print completions for a shell.
    #[command(after_help = "Example:\n  minzheng completions bash > /etc/bash_completion.d/minzheng")]
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
    Up(TargetArgs),
    /// Say what is applied and what is pending.
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
    Apply,
    /// The topics declared, and whether they exist.
    List,
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every setting, its value and where that comes from; secrets masked.
    Show,
    /// Say whether the settings are valid.
    Check,
}

/// `demo`
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// A family's deaths, settled by every department, a reversal included.
    #[command(after_help = "Examples:\n  minzheng demo death-case --watch\n  minzheng demo death-case -o json")]
    DeathCase {
        /// Draw each case settling, department by department.
        #[arg(long)]
        watch: bool,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// `case`
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Cases, newest first.
    List {
        /// Only this phase, e.g. `notifying`.
        #[arg(long)]
        phase: Option<String>,
        /// Only this person.
        #[arg(long)]
        person: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: i32,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// One case: evidence, questions, what it waits for.
    Show {
        /// The case.
        case_id: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Follow one case until it is finished.
    Watch {
        /// The case.
        case_id: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Decide a case in review, or a conflict of evidence.
    #[command(after_help = "Examples:\n  minzheng case decide CASE --person PERSON\n  minzheng case decide CASE \
                            --new-person\n  minzheng case decide CASE --reject --reason 'no such person'\n  minzheng case \
                            decide CASE --evidence EVIDENCE")]
    Decide(DecideArgs),
    /// Complete the verification of a suspicion.
    #[command(after_help = "Examples:\n  minzheng case verify-death CASE --alive\n  minzheng case verify-death CASE --dead \
                            --died-on 2026-03-04 --source medical-certificate --organisation HOSPITAL --reference R1")]
    VerifyDeath(VerifyDeathArgs),
    /// Correct the date of a confirmed death.
    #[command(after_help = "Example:\n  minzheng case correct CASE --died-on 2026-03-04 --cause formal-correction \
                            --reason 'certificate reissued'")]
    Correct(CorrectArgs),
    /// Prepare the reversal of a death that did not happen; another official approves it.
    #[command(after_help = "Examples:\n  minzheng case reverse CASE --reason 'another person of that name'\n  minzheng \
                            --as other.clerk case reverse CASE --approve")]
    Reverse(ReverseArgs),
}

/// `case decide`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("decision").required(true))]
pub struct DecideArgs {
    /// The case.
    pub case_id: String,
    /// It is about this known person.
    #[arg(long, group = "decision", value_name = "PERSON")]
    pub person: Option<String>,
    /// It is about somebody who was not known before.
    #[arg(long, group = "decision")]
    pub new_person: bool,
    /// Refuse the report.
    #[arg(long, group = "decision")]
    pub reject: bool,
    /// In a conflict: this evidence counts.
    #[arg(long, group = "decision", value_name = "EVIDENCE")]
    pub evidence: Option<String>,
    /// Why; no personal data.
    #[arg(long, default_value = "decided by hand")]
    pub reason: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case verify-death`
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("result").required(true))]
pub struct VerifyDeathArgs {
    /// The case.
    pub case_id: String,
    /// The person is dead.
    #[arg(long, group = "result")]
    pub dead: bool,
    /// The person is alive.
    #[arg(long, group = "result")]
    pub alive: bool,
    /// Date of death: `2026-03-04`, `2026-03` or `2026`.
    #[arg(long, requires = "dead")]
    pub died_on: Option<String>,
    /// What proves it, e.g. `medical-certificate`.
    #[arg(long, requires = "dead")]
    pub source: Option<String>,
    /// The organisation whose document proves it.
    #[arg(long, requires = "dead")]
    pub organisation: Option<String>,
    /// Its reference.
    #[arg(long, requires = "dead")]
    pub reference: Option<String>,
    /// Note; no personal data.
    #[arg(long, default_value = "")]
    pub note: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case correct`
#[derive(Args, Debug)]
pub struct CorrectArgs {
    /// The case.
    pub case_id: String,
    /// The right date: `2026-03-04`, `2026-03` or `2026`.
    #[arg(long)]
    pub died_on: String,
    /// `formal-correction`, `quality-assurance` or `typographical`.
    #[arg(long, default_value = "formal-correction")]
    pub cause: String,
    /// The document that says so; no personal data.
    #[arg(long, default_value = "corrected by hand")]
    pub reason: String,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `case reverse`
#[derive(Args, Debug)]
pub struct ReverseArgs {
    /// The case.
    pub case_id: String,
    /// Approve the reversal that waits.
    #[arg(long, conflicts_with = "turn_down")]
    pub approve: bool,
    /// Turn down the reversal that waits.
    #[arg(long)]
    pub turn_down: bool,
    /// Why; no personal data.
    #[arg(long, default_value = "reversed by hand")]
    pub reason: String,
    /// For a declared death: the day of the court's revoking judgment.
    #[arg(long)]
    pub revoked_on: Option<String>,
    /// Where and as whom.
    #[command(flatten)]
    pub server: ServerArgs,
}

/// `dead-letter`
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// Parked, stopped and refused events.
    List {
        /// Only this service.
        #[arg(long, default_value = "")]
        service: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// One of them, with its headers.
    Show {
        /// Which.
        #[command(flatten)]
        letter: LetterArgs,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Try it again now.
    Replay {
        /// Which.
        #[command(flatten)]
        letter: LetterArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End it without effect.
    Discard {
        /// Which.
        #[command(flatten)]
        letter: LetterArgs,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Which dead letter.
#[derive(Args, Debug)]
pub struct LetterArgs {
    /// Event id.
    pub event_id: String,
    /// The service.
    #[arg(long)]
    pub service: String,
    /// The subscription; left out for an event that the bus refused.
    #[arg(long, default_value = "")]
    pub subscription: String,
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
