//! `cargo xtask fuzz`: looks for inputs that break what must hold of everything that reads what
//! others wrote, led by the code that an input reaches. Inputs worth keeping collect in the build
//! directory; those in `tests/fuzz/corpus` are where it begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use xtask::paths;
use xtask::report::progress;

use crate::optimised;
use crate::run::{exit_code, run};

/// Names the environment variable with the target that the program runs.
const TARGET_VARIABLE: &str = "MINZHENG_FUZZ_TARGET";

/// Longest input, in bytes.
const LONGEST: usize = 4096;

/// An input that takes longer than this is a finding too, in seconds; generous, since machines are busy.
const PER_INPUT: u64 = 30;

#[derive(clap::Args)]
pub struct Arguments {
    /// How long each target is tried.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Try this one input instead, as a failure names it; needs one target.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The targets, all by default: the directories of tests/fuzz/corpus.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// Runs the targets, all of them even where one fails.
pub fn fuzz(arguments: &Arguments) -> Result<ExitCode> {
    let begins = paths::root().join("tests/fuzz/corpus");
    let targets = chosen(&begins, &arguments.targets)?;
    ensure!(
        arguments.input.is_none() || targets.len() == 1,
        "--input needs one target"
    );
    let wrapper = paths::root().join("tests/fuzz/instrument.sh");
    let built = run(optimised::command(&["fuzz"]).env("RUSTC_WORKSPACE_WRAPPER", wrapper))?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let program = paths::target().join(optimised::PROFILE).join("fuzz");
    let mut broken = Vec::new();
    for target in &targets {
        let mut command = Command::new(&program);
        // The program says what broke; a trace of the engine's own frames helps nobody.
        command.env(TARGET_VARIABLE, target);
        match &arguments.input {
            Some(input) => command.arg(input),
            None => look(
                &mut command,
                arguments.seconds,
                target,
                &begins.join(target),
            )?,
        };
        if !run(&mut command)?.success() {
            broken.push(target.as_str());
        }
    }
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for target in broken {
        progress(format!(
            "{target}: something does not hold; the input is printed above and kept. Again with: \
             cargo xtask fuzz {target} --input {}/<the file>",
            found(target)?.display()
        ));
    }
    Ok(ExitCode::FAILURE)
}

/// The directories of the corpus, or some of them.
fn chosen(begins: &Path, names: &[String]) -> Result<Vec<String>> {
    let entries = fs::read_dir(begins).with_context(|| format!("reading {}", begins.display()))?;
    let mut all = Vec::new();
    for entry in entries {
        all.push(entry?.file_name().to_string_lossy().into_owned());
    }
    all.sort();
    for name in names {
        ensure!(
            all.contains(name),
            "no target is called {name}; there are {}",
            all.join(", ")
        );
    }
    if names.is_empty() {
        return Ok(all);
    }
    Ok(names.to_vec())
}

/// Where inputs are kept by which something does not hold.
fn found(target: &str) -> Result<PathBuf> {
    let directory = paths::scratch()?.join("fuzz-found").join(target);
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    Ok(directory)
}

/// Arguments of libFuzzer for a search.
fn look<'c>(
    command: &'c mut Command,
    seconds: u64,
    target: &str,
    begins: &Path,
) -> Result<&'c mut Command> {
    let learnt = paths::scratch()?.join("fuzz-corpus").join(target);
    fs::create_dir_all(&learnt).with_context(|| format!("cannot create {}", learnt.display()))?;
    Ok(command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!("-timeout={PER_INPUT}"))
        .arg(format!("-artifact_prefix={}/", found(target)?.display()))
        .arg("-verbosity=0")
        .arg("-print_funcs=0")
        .arg("-print_final_stats=1")
        // What it learns goes to the first directory; the second it only reads.
        .arg(learnt)
        .arg(begins))
}
