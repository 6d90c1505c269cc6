//! `cargo xtask chaos`: breaks a whole deployment under load, heals it, and checks that nothing was
//! lost and nothing doubled. Exit code 1 where something does not hold.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the report is what this program is for

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use minzheng_tests::chaos::deployment::{Kind, clear};
use minzheng_tests::chaos::run::{Order, run};
use minzheng_tests::chaos::summary;

/// Clients at once, unless `--workers` says otherwise.
const WORKERS: usize = 32;

/// Operations a second, unless `--rate` says otherwise.
const RATE: f64 = 200.0;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<ExitCode> {
    let order = order(std::env::args().skip(1))?;
    clear(&order.directory)?;
    replay_is_told_of_a_panic(&order);
    let began = std::time::Instant::now();
    let say = |what: &str| eprintln!("chaos: {:>4} s: {what}", began.elapsed().as_secs());
    say(&format!("logs in {}", order.directory.display()));
    // Interrupted, it ends what it started.
    let outcome = tokio::select! {
        outcome = run(&order, &say) => outcome.with_context(|| summary::replay(&order))?,
        () = interrupted() => bail!("interrupted"),
    };
    let summary = summary::to_json(&order, &outcome);
    std::fs::write(
        order.directory.join("summary.json"),
        serde_json::to_string_pretty(&summary)?,
    )?;
    let violations: Vec<String> = outcome
        .violations
        .iter()
        .map(|one| format!("{one:?}\n"))
        .collect();
    std::fs::write(order.directory.join("violations.txt"), violations.concat())?;
    for line in summary::to_lines(&summary) {
        println!("{line}");
    }
    if outcome.violations.is_empty() && outcome.unreached.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "seed {}; again with: {}",
        order.seed,
        summary::replay(&order)
    );
    Ok(ExitCode::FAILURE)
}

/// A replica that does not come back ends the run by a panic, and is worth doing again.
fn replay_is_told_of_a_panic(order: &Order) {
    let (before, replay) = (std::panic::take_hook(), summary::replay(order));
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        eprintln!("chaos: again with: {replay}");
    }));
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn order(mut words: impl Iterator<Item = String>) -> anyhow::Result<Order> {
    let mut order = Order {
        kind: Kind::Services,
        time: Duration::from_secs(60),
        seed: rand::random(),
        replicas: 1,
        workers: WORKERS,
        rate: RATE,
        faults: true,
        directory: PathBuf::new(),
    };
    while let Some(word) = words.next() {
        if word == "--no-faults" {
            order.faults = false;
            continue;
        }
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--minutes" => order.time = Duration::from_secs_f64(value.parse::<f64>()? * 60.0),
            "--seed" => order.seed = value.parse()?,
            "--replicas" => order.replicas = value.parse()?,
            "--workers" => order.workers = value.parse()?,
            "--rate" => order.rate = value.parse()?,
            "--directory" => order.directory = value.into(),
            "--deployment" => {
                order.kind = match value.as_str() {
                    "services" => Kind::Services,
                    "embedded" => Kind::Embedded,
                    other => bail!("no such deployment: {other}"),
                }
            }
            other => bail!("no such option: {other}"),
        }
    }
    anyhow::ensure!(order.replicas > 0, "at least one replica");
    anyhow::ensure!(
        !order.directory.as_os_str().is_empty(),
        "--directory is needed"
    );
    Ok(order)
}
