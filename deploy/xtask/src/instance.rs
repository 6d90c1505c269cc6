//! One server process with its directory, and what cleans up after it, however its owner ends.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::process::{ProcessId, in_own_session};
use crate::report::progress;

/// Reads the server's process id, or an empty line when it was stopped, until the pipe from the
/// owner closes: then the owner is dead, so it ends the server and removes the directory. The last
/// part is tried again because something that the owner ran may still be writing there.
const REAPER: &str = r#"
server=
while read -r line; do server=$line; done
tries=0
if [ -n "$server" ]; then
    kill -CONT "$server"
    kill -s "$1" "$server"
    while [ $tries -lt 100 ] && kill -0 "$server"; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "$server"
fi
[ -n "$2" ] || exit 0
while ! rm -rf -- "$2" && [ $tries -lt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
"#;

/// What differs between the kinds of server.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What people call it.
    pub name: &'static str,
    /// How the names of its temporary directories begin.
    pub directory_prefix: &'static str,
    /// Ends it at once but leaves nothing of it in the system.
    pub quit: Signal,
    /// Shuts it down in order.
    pub stop: Signal,
}

/// How long a server may take to quit before it is killed.
pub const QUIT_LIMIT: Duration = Duration::from_secs(10);

const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A server of one kind, running or stopped; dropping it ends the server and removes its
/// directory when that is temporary.
pub(crate) struct Instance {
    kind: Kind,
    dir: PathBuf,
    temporary: Option<TempDir>,
    server: Option<(Child, ProcessId)>,
    reaper: Child,
}

impl Instance {
    /// Makes a temporary directory for a server.
    pub(crate) fn in_temporary_dir(kind: Kind) -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix(kind.directory_prefix)
            .tempdir()?;
        let dir = fs::canonicalize(temporary.path())?;
        let reaper = spawn_reaper(kind.quit, Some(&dir))?;
        Ok(Self {
            kind,
            dir,
            temporary: Some(temporary),
            server: None,
            reaper,
        })
    }

    /// Uses an empty directory, which stays.
    pub(crate) fn in_dir(kind: Kind, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let reaper = spawn_reaper(kind.quit, None)?;
        Ok(Self {
            kind,
            dir: fs::canonicalize(dir)?,
            temporary: None,
            server: None,
            reaper,
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The server's process, unless it was stopped.
    pub(crate) fn process(&self) -> Option<ProcessId> {
        self.server.as_ref().map(|(_, process)| *process)
    }

    fn running(&self) -> Result<ProcessId> {
        self.process()
            .with_context(|| format!("{} is stopped", self.kind.name))
    }

    /// Starts the server, killing the one that runs; both its output streams go to the log.
    pub(crate) fn launch(&mut self, mut command: Command, log: &Path) -> Result<ProcessId> {
        self.kill()?;
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.kind.name))?;
        let pid = i32::try_from(child.id()).context("a process id out of range")?;
        // A child that nobody waited for keeps its entry, even when it ended at once.
        let process =
            ProcessId::of(pid).context("a started process cannot be found; is /proc mounted?")?;
        self.server = Some((child, process));
        self.tell_reaper(&pid.to_string())?;
        Ok(process)
    }

    /// Shuts the server down in order; does nothing when it is stopped.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.end(|process, kind| process.end(kind.stop, STOP_LIMIT))
    }

    /// Kills the server with its children; does nothing when it is stopped.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.end(|process, _| process.kill_tree())
    }

    /// Freezes the server with its children.
    pub(crate) fn pause(&self) -> Result<()> {
        self.running()?.pause_tree().map(drop)
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) -> Result<()> {
        self.running()?.resume_tree()
    }

    /// Lets the server and its directory outlive this process.
    pub(crate) fn detach(mut self) -> Result<()> {
        self.running()?;
        self.dismiss_reaper()?;
        self.server = None;
        self.temporary.take().map(TempDir::keep);
        Ok(())
    }

    fn end(&mut self, how: impl FnOnce(ProcessId, Kind) -> Result<()>) -> Result<()> {
        let Some((child, process)) = &mut self.server else {
            return Ok(());
        };
        how(*process, self.kind)?;
        child.wait()?;
        self.server = None;
        self.tell_reaper("")
    }

    fn tell_reaper(&mut self, line: &str) -> Result<()> {
        let pipe = self
            .reaper
            .stdin
            .as_mut()
            .context("the reaper has no pipe")?;
        writeln!(pipe, "{line}").context("the reaper is gone")
    }

    /// Killed before its pipe closes, it never gets to do its work.
    fn dismiss_reaper(&mut self) -> Result<()> {
        self.reaper.kill()?;
        self.reaper.wait()?;
        Ok(())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let ended = self.end(|process, kind| process.end(kind.quit, QUIT_LIMIT));
        if let Err(error) = ended.and_then(|()| self.dismiss_reaper()) {
            progress(format!(
                "cannot clean up after {}: {error:#}",
                self.kind.name
            ));
        }
    }
}

fn spawn_reaper(quit: Signal, temporary: Option<&Path>) -> Result<Child> {
    in_own_session(Path::new("sh"))
        .args([
            "-c",
            REAPER,
            "reaper",
            quit.as_str().trim_start_matches("SIG"),
        ])
        .arg(temporary.unwrap_or(Path::new("")))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .context("cannot run setsid and sh")
}
