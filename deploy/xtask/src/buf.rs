//! Checks the protobuf files with buf, which a registry package brings when it is not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use xtask::install::{self, Tool};
use xtask::paths;
use xtask::report::progress;

use crate::run::{exit_code, run};

/// The version that is brought, the same in PyPI's `buf-bin` and npm's `@bufbuild/buf`.
const VERSION: &str = "1.75.0";

/// Runs `buf lint` over the protobuf files.
pub fn lint() -> Result<ExitCode> {
    run(Command::new(find()?)
        .arg("lint")
        .current_dir(paths::root().join("proto")))
    .map(exit_code)
}

/// The program `buf`: on `PATH`, or brought before, or brought now.
pub fn find() -> Result<PathBuf> {
    if let Some(buf) = paths::on_path("buf") {
        return Ok(buf);
    }
    let _lock = paths::lock("buf")?;
    let cache = paths::scratch()?.join(format!("buf-{VERSION}"));
    let candidates = [cache.join("bin/buf"), cache.join("node_modules/.bin/buf")];
    if let Some(buf) = candidates.iter().find(|buf| buf.is_file()) {
        return Ok(buf.clone());
    }
    progress(format!("bringing buf {VERSION}"));
    fs::create_dir_all(&cache)?;
    bring(&cache)?;
    candidates
        .into_iter()
        .find(|buf| buf.is_file())
        .context("the package of buf has no program")
}

fn bring(cache: &Path) -> Result<()> {
    let from_pypi = install::ensure(&[Tool::Pip]).and_then(|()| bring_from_pypi(cache));
    let Err(pypi) = from_pypi else {
        return Ok(());
    };
    let Err(npm) = bring_from_npm(cache) else {
        return Ok(());
    };
    bail!("please install buf: not from PyPI ({pypi:#}), not from npm ({npm:#})")
}

fn bring_from_pypi(cache: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--root-user-action=ignore",
        "--upgrade",
        "--target",
    ]);
    quietly(pip.arg(cache).arg(format!("buf-bin=={VERSION}")))
}

fn bring_from_npm(cache: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-save", "--prefix"]);
    quietly(npm.arg(cache).arg(format!("@bufbuild/buf@{VERSION}")))
}

fn quietly(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status();
    let status = status.with_context(|| format!("cannot run {program}"))?;
    ensure!(status.success(), "{program} failed");
    Ok(())
}
