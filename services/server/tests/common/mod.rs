//! Runs the binary.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How a command ended.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The binary, knowing nothing of this machine's variables.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minzheng"));
    for (name, _) in std::env::vars() {
        if name.starts_with("MINZHENG_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end.
pub fn minzheng(arguments: &[&str]) -> Run {
    let output = command().args(arguments).output().unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `minzheng dev` on free ports.
pub struct Dev {
    child: Child,
    /// What it printed when it was ready; null where that was for people.
    pub welcome: Value,
    /// The same as text.
    pub printed: String,
    /// Its address, as `host:port`.
    grpc: String,
    /// How long that took.
    pub ready_after: Duration,
    log: mpsc::Receiver<String>,
}

impl Dev {
    /// Starts it on a data directory and waits until it is ready.
    pub fn start(data_dir: &Path) -> Self {
        let data = format!("data_dir={}", data_dir.display());
        let mut dev = command();
        dev.args(["dev", "-o", "json", "--set", &data]);
        // It prints one JSON object, whose last line is a lone brace.
        let mut started = Self::started(&mut dev, "\n}\n");
        started.welcome = json(&started.printed);
        started.grpc = started.welcome["grpc"].as_str().unwrap().to_owned();
        started
    }

    /// Starts it in a directory as a README shows it, for people: its data in `./data`, itself called as
    /// cargo builds it.
    pub fn start_as_shown(directory: &Path) -> Self {
        let mut dev = command();
        dev.arg0("target/debug/minzheng").current_dir(directory);
        let mut started = Self::started(dev.arg("dev"), "Ctrl-C ends it.\n");
        let (_, after) = started.printed.split_once("  gRPC     ").unwrap();
        started.grpc = after.split_whitespace().next().unwrap().to_owned();
        started
    }

    /// On free ports, up to what it prints last.
    fn started(dev: &mut Command, last: &str) -> Self {
        let began = Instant::now();
        let mut child = dev
            .args(["--set", "grpc.listen=127.0.0.1:0"])
            .args(["--set", "http.listen=127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = lines(child.stderr.take().unwrap());
        let printed = lines(child.stdout.take().unwrap());
        let printed = until(&mut child, &printed, &log, last);
        Self {
            child,
            welcome: Value::Null,
            grpc: String::new(),
            printed,
            ready_after: began.elapsed(),
            log,
        }
    }

    /// Its address.
    pub fn server(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Runs a client command against it.
    pub fn client(&self, arguments: &[&str]) -> Run {
        let server = self.server();
        minzheng(&[arguments, &["--server", &server]].concat())
    }

    /// The JSON that a client command prints; it must succeed.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        let run = self.client(&[arguments, &["-o", "json"]].concat());
        assert_eq!(run.code, 0, "{arguments:?}: {}\n{}", run.stdout, run.stderr);
        json(&run.stdout)
    }

    /// Asks it to stop as Ctrl-C does, and gives its exit code and log.
    pub fn stop(mut self) -> (Option<i32>, Vec<String>) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        // Its log ends when it does.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut log = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) => log.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not stop"),
            }
        }
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Gone already where the test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is printed until it ends so.
fn until(
    child: &mut Child,
    printed: &mpsc::Receiver<String>,
    log: &mpsc::Receiver<String>,
    end: &str,
) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        match printed.recv_timeout(Duration::from_secs(60)) {
            Ok(line) => text.push_str(&format!("{line}\n")),
            Err(_) => {
                let _ = child.kill();
                let log = log.iter().collect::<Vec<_>>().join("\n");
                panic!("not ready: {text}{log}");
            }
        }
    }
    text
}

fn lines(source: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
