//! PostgreSQL's own benchmark program, for the baselines.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, bail};

/// One run of a script: prepared statements, no vacuum before it.
pub(crate) struct Pgbench<'a> {
    /// URL of the database.
    pub(crate) url: &'a str,
    /// The script's text.
    pub(crate) script: &'a str,
    /// Connections, each with one transaction at a time.
    pub(crate) clients: usize,
    /// Variables of the script.
    pub(crate) variables: &'a [(&'a str, i64)],
    /// Further options, such as how long it runs.
    pub(crate) options: &'a [String],
}

/// What it did.
pub(crate) struct Ran {
    pub(crate) transactions: u64,
    /// Time from the last connection on.
    pub(crate) took: Duration,
}

impl Pgbench<'_> {
    /// Runs it in a directory of its own, where its logs stay.
    pub(crate) async fn run(&self, scratch: &Path) -> anyhow::Result<Ran> {
        let script = scratch.join("pgbench.sql");
        tokio::fs::write(&script, self.script).await?;
        let mut command = Command::new(program()?);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={}", self.clients))
            .arg(format!("--file={}", script.display()))
            .args(self.options)
            .current_dir(scratch);
        for (name, value) in self.variables {
            command.arg(format!("--define={name}={value}"));
        }
        command.arg(self.url);
        let output = output(command).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let ran = read(&text);
        match ran {
            Some(ran) if output.status.success() && ran.transactions > 0 => Ok(ran),
            _ => bail!(
                "pgbench failed: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

/// Runs a program to its end, on a thread that may block.
pub(crate) async fn output(mut command: Command) -> anyhow::Result<Output> {
    let name = format!("{:?} runs", command.get_program());
    let running = tokio::task::spawn_blocking(move || command.output());
    running.await?.context(name)
}

fn program() -> anyhow::Result<PathBuf> {
    let directory =
        xtask::postgres::bin_dir().context("PostgreSQL's programs are not installed")?;
    Ok(directory.join("pgbench"))
}

fn read(report: &str) -> Option<Ran> {
    let behind = |start: &str| report.lines().find_map(|line| line.strip_prefix(start));
    // With a fixed number of transactions it stands there as done/wanted.
    let transactions = behind("number of transactions actually processed: ")?;
    let transactions: u64 = transactions.split('/').next()?.trim().parse().ok()?;
    let rate: f64 = behind("tps = ")?.split(' ').next()?.parse().ok()?;
    let took = Duration::try_from_secs_f64(transactions as f64 / rate).ok()?;
    Some(Ran { transactions, took })
}

/// One transaction in a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged {
    /// From the scheduled start, in microseconds.
    pub(crate) latency: u64,
    /// When it ended, in microseconds since 1970.
    pub(crate) ended: u64,
}

/// The transactions of a run with `--log --log-prefix=…`; the logs are removed.
pub(crate) fn logged(scratch: &Path, prefix: &str) -> anyhow::Result<Vec<Logged>> {
    let mut logged = Vec::new();
    for entry in std::fs::read_dir(scratch)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(&format!("{prefix}.")) {
            continue;
        }
        for line in std::fs::read_to_string(entry.path())?.lines() {
            logged.push(transaction(line).context("a line of pgbench's log")?);
        }
        std::fs::remove_file(entry.path())?;
    }
    Ok(logged)
}

/// `client transaction latency script seconds microseconds [lag]`
fn transaction(line: &str) -> Option<Logged> {
    let fields: Vec<u64> = line
        .split(' ')
        .map_while(|field| field.parse().ok())
        .collect();
    match fields.as_slice() {
        [_, _, latency, _, seconds, micros, ..] => Some(Logged {
            latency: *latency,
            ended: seconds * 1_000_000 + micros,
        }),
        _ => None,
    }
}
