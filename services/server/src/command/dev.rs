//! `minzheng dev`: everything in one process, with demo data.

use std::process::ExitCode;

use minzheng_chassis::authz::{Caller, Role, development};
use minzheng_chassis::node::Node;
use serde::Serialize;

use super::serve::{Running, refuse_open_door};
use crate::cli::SettingsArgs;
use crate::demo::seed::{self, Seeded};
use crate::modules;
use crate::output::Printer;

/// What `dev` sets where nobody says otherwise: warnings only, so that what it prints is read.
const DEFAULTS: &str = "[identity]\ninsecure_development = true\n[telemetry]\nlog_filter = \"warn\"\nlog_format = \"text\"\n";

/// Where clients look by themselves.
const USUAL_ADDRESS: &str = "127.0.0.1:50051";

/// Runs everything on SQLite and the embedded bus under `./data`, seeded, until a signal.
pub(super) async fn run(args: &SettingsArgs, printer: Printer) -> anyhow::Result<ExitCode> {
    let settings = args.load_over("minzheng dev", DEFAULTS)?;
    refuse_open_door(&settings)?;
    let data_dir = settings.data_dir.display().to_string();
    let running = Running::start(settings, modules::all(), true).await?;
    let seeded = match seed::run(&running.node).await {
        Ok(seeded) => seeded,
        Err(error) => {
            running.node.stop().await;
            return Err(error.into());
        }
    };
    printer.print(
        &Welcome::of(&running.node, &seeded, data_dir),
        Welcome::lines,
    )?;
    running.until_ended().await
}

/// What a newcomer is told.
#[derive(Serialize)]
struct Welcome {
    grpc: String,
    metrics: Option<String>,
    data_dir: String,
    residents: usize,
    identities: Vec<Identity>,
    waiting_case: Option<Waiting>,
    /// Where the commands work, if not everywhere.
    directory: Option<String>,
    commands: Vec<Hint>,
    not_for_production: &'static str,
}

/// A development identity to use.
#[derive(Serialize)]
struct Identity {
    who: &'static str,
    authorization: String,
}

/// The case that waits.
#[derive(Serialize)]
struct Waiting {
    case_id: String,
    person_id: String,
    why: &'static str,
    command: String,
}

/// Something to try.
#[derive(Serialize)]
struct Hint {
    what: &'static str,
    command: String,
}

impl Welcome {
    fn of(node: &Node, seeded: &Seeded, data_dir: String) -> Self {
        let grpc = node.grpc_address().to_string();
        let server = if grpc == USUAL_ADDRESS {
            String::new()
        } else {
            format!(" --server http://{grpc}")
        };
        let identities = identities();
        let token = identities
            .first()
            .map(|one| one.authorization.clone())
            .unwrap_or_default();
        let hint = |what, command: String| Hint { what, command };
        let minzheng = started_as();
        let commands = vec![
            hint(
                "watch a family's deaths settle",
                format!("{minzheng} demo death-case --watch{server}"),
            ),
            hint("look at the cases", format!("{minzheng} case list{server}")),
            hint(
                "check what must always hold",
                format!("{minzheng} verify{server}"),
            ),
            hint(
                "see what is wrong, if anything",
                format!("{minzheng} doctor{server}"),
            ),
            hint(
                "call the API",
                format!(
                    "grpcurl -plaintext -H 'authorization: {token}' {grpc} minzheng.life_events.v1.DeathCaseService/ListCases"
                ),
            ),
        ];
        Self {
            metrics: node
                .http_address()
                .map(|address| format!("http://{address}/metrics")),
            waiting_case: seeded.waiting.as_ref().map(|waiting| Waiting {
                case_id: waiting.case_id.clone(),
                person_id: waiting.person_id.clone(),
                why: "two residents have the number of the report: somebody must say who it is",
                command: format!(
                    "{minzheng} case decide {} --person {}{server}",
                    waiting.case_id, waiting.person_id
                ),
            }),
            grpc,
            data_dir,
            residents: seeded.residents,
            identities,
            directory: directory_of(&minzheng),
            commands,
            not_for_production: "anybody who reaches this port may act as anybody; never in production",
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            "Minzheng 民政一体化平台 is ready.".to_owned(),
            String::new(),
            format!("  gRPC     {} (reflection is on)", self.grpc),
        ];
        lines.extend(
            self.metrics
                .iter()
                .map(|metrics| format!("  metrics  {metrics}")),
        );
        lines.push(format!(
            "  data     {} ({} invented residents)",
            self.data_dir, self.residents
        ));
        let where_to = match &self.directory {
            Some(directory) => format!("Try, in another terminal, in {directory}:"),
            None => "Try, in another terminal:".to_owned(),
        };
        lines.extend([String::new(), where_to]);
        for hint in &self.commands {
            lines.extend([format!("  # {}", hint.what), format!("  {}", hint.command)]);
        }
        if let Some(waiting) = &self.waiting_case {
            lines.extend([
                String::new(),
                format!("One case waits in review: {}.", waiting.why),
            ]);
            lines.extend([
                "Settle it with".to_owned(),
                format!("  {}", waiting.command),
            ]);
        }
        lines.extend([
            String::new(),
            "Development identities (header `authorization`):".to_owned(),
        ]);
        lines.extend(
            self.identities
                .iter()
                .map(|one| format!("  {:<20} {}", one.who, one.authorization)),
        );
        lines.extend([
            String::new(),
            format!(
                "NOT FOR PRODUCTION: {}. Ctrl-C ends it.",
                self.not_for_production
            ),
        ]);
        lines
    }
}

/// This program as a shell finds it: by the name or path it was started with.
fn started_as() -> String {
    let started = std::env::args_os().next().unwrap_or_default();
    match started.to_string_lossy() {
        name if name.is_empty() => "minzheng".to_owned(),
        name => quoted(&name),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The directory in which a relative path works; none for a name that the shell looks up.
fn directory_of(program: &str) -> Option<String> {
    let relative = program.contains('/') && !program.trim_start_matches('\'').starts_with('/');
    let directory = std::env::current_dir().ok().filter(|_| relative)?;
    Some(directory.display().to_string())
}

fn identities() -> Vec<Identity> {
    [
        (
            "county clerk",
            "demo.clerk",
            vec![Role::CountyClerk, Role::Reporter],
            "52",
        ),
        (
            "another clerk",
            "other.clerk",
            vec![Role::CountyClerk],
            "52",
        ),
        (
            "township worker",
            "demo.township",
            vec![Role::TownshipWorker],
            "520102",
        ),
        (
            "provincial operator",
            "demo.operator",
            vec![Role::ProvincialOperator],
            "52",
        ),
    ]
    .into_iter()
    .map(|(who, subject, roles, division)| {
        let caller = Caller {
            subject: subject.to_owned(),
            roles: roles.into_iter().collect(),
            divisions: division.parse().into_iter().collect(),
            department: "civil-affairs".to_owned(),
            on_behalf_of: None,
        };
        Identity {
            who,
            authorization: development::token(&caller),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_word_of_the_shell() {
        for (word, shown) in [
            ("minzheng", "minzheng"),
            ("target/debug/minzheng", "target/debug/minzheng"),
            ("/opt/民政/minzheng", "/opt/民政/minzheng"),
            ("/my files/minzheng", "'/my files/minzheng'"),
            ("/it's/minzheng", r"'/it'\''s/minzheng'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }

    #[test]
    fn a_relative_path_works_in_one_directory() {
        assert!(directory_of("target/debug/minzheng").is_some());
        for program in ["minzheng", "/usr/bin/minzheng", "'/my files/minzheng'"] {
            assert_eq!(directory_of(program), None);
        }
    }
}
