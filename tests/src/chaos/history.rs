//! The clients' log: every invocation and what came of it, one JSON object a line. What the checkers
//! hold against the platform is this file, not what the platform says of itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call was made.
    Invoke,
    /// It was acknowledged.
    Ok,
    /// It was refused: nothing of it happened.
    Fail,
    /// Nobody knows: no answer, or one that leaves it open.
    Unknown,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Invoke, Self::Ok, Self::Fail, Self::Unknown];

    /// Its word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Who does what, under which request id; the same for all attempts.
#[derive(Clone, Debug)]
pub struct Deed {
    /// The worker.
    pub worker: usize,
    /// Number of the operation.
    pub op: u64,
    /// Its request id; empty for a read.
    pub id: String,
    /// What is done: `do` names it, the rest are ids and codes, never personal data.
    pub what: Value,
}

/// The log while it is written. Times are milliseconds since its beginning.
pub struct History {
    began: Instant,
    file: Mutex<BufWriter<File>>,
    next_op: AtomicU64,
}

impl History {
    /// A new log at a path.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            began: Instant::now(),
            file: Mutex::new(BufWriter::new(file)),
            next_op: AtomicU64::new(0),
        })
    }

    /// Time since the log began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// A number for the next operation.
    pub fn next_op(&self) -> u64 {
        self.next_op.fetch_add(1, Ordering::Relaxed)
    }

    /// Writes one line. `replica` tells which process was asked.
    pub fn write(&self, deed: &Deed, kind: Kind, replica: usize, answer: Value) {
        let line = json!({
            "t": millis(self.elapsed()),
            "worker": deed.worker,
            "op": deed.op,
            "id": deed.id,
            "kind": kind.word(),
            "what": deed.what,
            "replica": replica,
            "answer": answer,
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").expect("the log is written");
    }

    /// Writes out what is buffered.
    pub fn flush(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.flush().expect("the log is written");
    }
}

/// A duration as the log tells it.
pub fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A short word for the bytes of an answer, so that two answers can be compared.
pub fn digest(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:016x}", hasher.finish())
}

/// One try of an operation.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it was made, in milliseconds.
    pub invoked: f64,
    /// When it ended; none if the log ends before.
    pub ended: Option<f64>,
    /// What came of it.
    pub kind: Kind,
    /// The process that was asked.
    pub replica: usize,
    /// What was answered.
    pub answer: Value,
}

/// One operation with all its tries.
#[derive(Clone, Debug)]
pub struct Op {
    /// What was done.
    pub deed: Deed,
    /// Its tries, in order.
    pub attempts: Vec<Attempt>,
}

impl Op {
    /// What it does.
    pub fn does(&self) -> &str {
        self.what("do")
    }

    /// A word of what is done; empty if there is none.
    pub fn what(&self, name: &str) -> &str {
        self.deed.what[name].as_str().unwrap_or_default()
    }

    /// The first acknowledged answer.
    pub fn ok(&self) -> Option<&Value> {
        self.oks().next()
    }

    /// Every acknowledged answer.
    pub fn oks(&self) -> impl Iterator<Item = &Value> {
        let acknowledged = self.attempts.iter().filter(|one| one.kind == Kind::Ok);
        acknowledged.map(|one| &one.answer)
    }

    /// Whether the client was told in the end that it did not happen. A try whose answer was lost
    /// may have come before: told no, the client believes that one failed too.
    pub fn is_refused(&self) -> bool {
        let last = self.attempts.last();
        self.ok().is_none() && last.is_some_and(|last| last.kind == Kind::Fail)
    }

    /// Whether nobody knows to the end what came of it.
    pub fn is_unknown(&self) -> bool {
        self.ok().is_none() && !self.is_refused()
    }

    /// Whether it changes something when it is acknowledged.
    pub fn is_change(&self) -> bool {
        !self.deed.id.is_empty()
    }
}

/// Reads a log back, operation by operation.
///
/// # Errors
/// The file cannot be read, or a line is none of ours.
pub fn load(path: &Path) -> anyhow::Result<Vec<Op>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut ops: BTreeMap<u64, Op> = BTreeMap::new();
    for line in BufReader::new(file).lines() {
        let line: Value = serde_json::from_str(&line?).context("a line of the log")?;
        take(&mut ops, line)?;
    }
    Ok(ops.into_values().collect())
}

fn take(ops: &mut BTreeMap<u64, Op>, mut line: Value) -> anyhow::Result<()> {
    let kind = line["kind"].as_str().and_then(Kind::of).context("a kind")?;
    let number = line["op"].as_u64().context("an operation")?;
    let time = line["t"].as_f64().context("a time")?;
    let op = ops.entry(number).or_insert_with(|| Op {
        deed: Deed {
            worker: usize::try_from(line["worker"].as_u64().unwrap_or_default())
                .unwrap_or_default(),
            op: number,
            id: line["id"].as_str().unwrap_or_default().to_owned(),
            what: line["what"].take(),
        },
        attempts: Vec::new(),
    });
    if kind == Kind::Invoke {
        op.attempts.push(Attempt {
            invoked: time,
            ended: None,
            kind: Kind::Unknown,
            replica: usize::try_from(line["replica"].as_u64().unwrap_or_default())
                .unwrap_or_default(),
            answer: Value::Null,
        });
        return Ok(());
    }
    let attempt = op.attempts.last_mut().context("an answer to no call")?;
    attempt.ended = Some(time);
    attempt.kind = kind;
    attempt.answer = line["answer"].take();
    Ok(())
}
