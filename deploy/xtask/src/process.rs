//! Processes that are never confused with others: a process is its id and its start time.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

const POLL_INTERVAL: Duration = Duration::from_millis(20);
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Waits until the condition holds.
///
/// # Errors
/// The condition failed, or did not hold within the limit.
pub fn wait_until(
    what: &str,
    limit: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !holds()? {
        if Instant::now() >= deadline {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// One process for as long as it lives; a later process with the same number is not it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The number the kernel gave it.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
}

/// What `/proc/PID/stat` says about a process.
struct Status {
    state: char,
    parent: i32,
    start_time: u64,
}

impl Status {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The second field is the command in parentheses and may hold anything, so count after it.
    fn parse(stat: &str) -> Option<Self> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            start_time: fields.get(19)?.parse().ok()?,
        })
    }
}

impl ProcessId {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        Status::read(pid).map(|status| Self {
            pid,
            start_time: status.start_time,
        })
    }

    fn state(self) -> Option<char> {
        let status = Status::read(self.pid)?;
        (status.start_time == self.start_time).then_some(status.state)
    }

    /// Whether the process still runs; a zombie does not.
    pub fn is_running(self) -> bool {
        self.state()
            .is_some_and(|state| !matches!(state, 'Z' | 'X'))
    }

    /// Sends a signal; one that is gone already needs none.
    ///
    /// # Errors
    /// The process is another user's.
    pub fn signal(self, signal: Signal) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot send {signal} to process {}", self.pid))
            }
        }
    }

    fn children(self) -> Result<Vec<Self>> {
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            if let Some(status) = Status::read(pid).filter(|status| status.parent == self.pid) {
                children.push(Self {
                    pid,
                    start_time: status.start_time,
                });
            }
        }
        Ok(children)
    }

    /// Stops the process and its children where they are (SIGSTOP) and returns the children.
    ///
    /// # Errors
    /// A signal cannot be sent, or the process does not stop.
    pub fn pause_tree(self) -> Result<Vec<Self>> {
        self.signal(Signal::SIGSTOP)?;
        // Only a parent that has really stopped forks no further child.
        wait_until("stopping a process", KILL_LIMIT, || {
            Ok(!self.is_running() || self.state() == Some('T'))
        })?;
        let children = self.children()?;
        children
            .iter()
            .try_for_each(|child| child.signal(Signal::SIGSTOP))?;
        Ok(children)
    }

    /// Lets a paused process and its children go on.
    ///
    /// # Errors
    /// A signal cannot be sent.
    pub fn resume_tree(self) -> Result<()> {
        self.children()?
            .iter()
            .try_for_each(|child| child.signal(Signal::SIGCONT))?;
        self.signal(Signal::SIGCONT)
    }

    /// Kills the process and its children (SIGKILL), as a crash of the machine would, and waits for
    /// their end.
    ///
    /// # Errors
    /// A signal cannot be sent, or a process does not end.
    pub fn kill_tree(self) -> Result<()> {
        let mut tree = self.pause_tree()?;
        tree.push(self);
        tree.iter()
            .try_for_each(|process| process.signal(Signal::SIGKILL))?;
        wait_until("killing a process", KILL_LIMIT, || {
            Ok(!tree.iter().any(|process| process.is_running()))
        })
    }

    /// Asks the process to end, and kills it with its children when it has not within the limit.
    ///
    /// # Errors
    /// A signal cannot be sent, or a process does not end.
    pub fn end(self, signal: Signal, limit: Duration) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        self.resume_tree()?;
        self.signal(signal)?;
        match wait_until("ending a process", limit, || Ok(!self.is_running())) {
            Ok(()) => Ok(()),
            Err(_) => self.kill_tree(),
        }
    }
}

/// A command for a program in a session of its own, out of reach of the terminal's Ctrl-C.
///
/// `setsid` forks only when it leads a process group, which a child of ours does not: the server
/// has the very process id that was started.
pub fn in_own_session(program: &Path) -> Command {
    let mut command = Command::new("setsid");
    command.arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let fields = "S 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9";
        for name in ["postgres", "a) b (c", "x y"] {
            let status = Status::parse(&format!("42 ({name}) {fields}")).expect("a status");
            assert_eq!(
                (status.state, status.parent, status.start_time),
                ('S', 7, 123_456)
            );
        }
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let me = i32::try_from(std::process::id()).expect("a process id");
        let now = ProcessId::of(me).expect("this process");
        assert!(now.is_running());
        let earlier = ProcessId {
            start_time: now.start_time - 1,
            ..now
        };
        assert!(!earlier.is_running());
        // Would end this test if it were sent.
        earlier.kill_tree().expect("nothing to kill");
    }
}
