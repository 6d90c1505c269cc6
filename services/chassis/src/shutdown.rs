//! The end of a node: in order, and in bounded time.
//!
//! Each [`Phase`] has a token that is cancelled when its turn comes, steps to run then, and tasks to wait for. Phases
//! follow each other; what belongs to one phase runs at once (the consumers of all services in a process, say). Nothing
//! can hold the node: what exceeds its time is logged by name and left, or aborted where it is a task.
//!
//! No statics: two nodes in one process stop apart.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[cfg(test)]
mod tests;

/// What even a step has whose turn comes when the grace is used up: pools are closed in any case.
const AT_LEAST: Duration = Duration::from_millis(200);

/// How long tasks that come and go are waited for. Not the whole grace: under load new ones come until
/// the servers end, and consumers and relay must have their turn.
const RUNNING_TASKS_WITHIN: Duration = Duration::from_secs(5);

/// The phases of stopping, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Readiness says no, so that no new callers are sent here.
    NotReady,
    /// Commands that run are finished.
    Drain,
    /// Consumers finish their batch and leave their groups.
    Consumers,
    /// The relay finishes its batch; leases are freed.
    Relay,
    /// The gRPC and HTTP servers end.
    Grpc,
    /// The last spans are sent.
    Telemetry,
    /// Database pools are closed.
    Pools,
}

impl Phase {
    /// All of them, first to last.
    pub const ALL: [Phase; 7] = [
        Phase::NotReady,
        Phase::Drain,
        Phase::Consumers,
        Phase::Relay,
        Phase::Grpc,
        Phase::Telemetry,
        Phase::Pools,
    ];

    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::NotReady => "not ready",
            Phase::Drain => "drain",
            Phase::Consumers => "consumers",
            Phase::Relay => "relay",
            Phase::Grpc => "grpc",
            Phase::Telemetry => "telemetry",
            Phase::Pools => "pools",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its phase.
    pub phase: Phase,
    /// Its name.
    pub name: String,
    /// Whether it ended by itself within its time.
    pub in_time: bool,
}

/// The plan for the end of one node; clones share it.
#[derive(Clone)]
pub struct Shutdown(Arc<Inner>);

struct Inner {
    grace: Duration,
    failed: CancellationToken,
    phases: [PhaseState; Phase::ALL.len()],
}

#[derive(Default)]
struct PhaseState {
    token: CancellationToken,
    tracker: TaskTracker,
    steps: Mutex<Vec<Step>>,
}

struct Step {
    name: String,
    within: Duration,
    work: BoxFuture<'static, ()>,
    abort: Option<AbortHandle>,
}

impl Shutdown {
    /// A plan whose steps take at most `grace` together (`shutdown.grace_ms`); a step whose turn comes after that still
    /// has 200 ms.
    pub fn new(grace: Duration) -> Self {
        Shutdown(Arc::new(Inner {
            grace,
            failed: CancellationToken::new(),
            phases: Default::default(),
        }))
    }

    /// Cancelled when the phase begins.
    pub fn token(&self, phase: Phase) -> CancellationToken {
        self.state(phase).token.clone()
    }

    /// For tasks that come and go, such as running commands: the phase waits for those that run when it begins.
    pub fn tracker(&self, phase: Phase) -> TaskTracker {
        self.state(phase).tracker.clone()
    }

    /// Cancelled when a task of [`Shutdown::spawn`] ended before its phase began: the node lacks a part and should stop.
    pub fn failed(&self) -> CancellationToken {
        self.0.failed.clone()
    }

    /// Has `work` done when the phase begins, for at most `within`; then it is dropped.
    pub fn step(
        &self,
        phase: Phase,
        name: impl Into<String>,
        within: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        self.add(
            phase,
            Step {
                name: name.into(),
                within,
                work: Box::pin(work),
                abort: None,
            },
        );
    }

    /// Starts a task that runs until its phase begins: it gets the phase's token and should end when that is cancelled. It
    /// is aborted when it has not ended `within` that time.
    pub fn spawn<F, T>(&self, phase: Phase, name: impl Into<String>, within: Duration, task: F)
    where
        F: FnOnce(CancellationToken) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        let token = self.token(phase);
        let running = tokio::spawn(task(token.clone()));
        let abort = running.abort_handle();
        // Watches from now on, not from the phase on: a task that dies early is noticed at once.
        let watching = tokio::spawn(watch(name.clone(), running, token, self.failed()));
        let step = Step {
            name,
            within,
            work: Box::pin(async move {
                if let Err(error) = watching.await {
                    tracing::error!(%error, "the watcher of a task failed");
                }
            }),
            abort: Some(abort),
        };
        self.add(phase, step);
    }

    /// Runs the phases and says how each step ended. A second run finds nothing left to do.
    pub async fn run(&self) -> Vec<Ended> {
        let deadline = Instant::now() + self.0.grace;
        let mut ended = Vec::new();
        for phase in Phase::ALL {
            tracing::debug!(%phase, "stopping");
            let steps = self.begin(phase);
            ended.extend(join_all(steps.into_iter().map(|step| step.run(phase, deadline))).await);
        }
        ended
    }

    /// Cancels the phase's token and takes its steps, with one more that waits for its tracked tasks.
    fn begin(&self, phase: Phase) -> Vec<Step> {
        let state = self.state(phase);
        let mut steps = {
            let mut steps = lock(&state.steps);
            state.token.cancel();
            std::mem::take(&mut *steps)
        };
        state.tracker.close();
        if !state.tracker.is_empty() {
            let tracker = state.tracker.clone();
            steps.push(Step {
                name: "running tasks".to_owned(),
                within: RUNNING_TASKS_WITHIN,
                work: Box::pin(async move { tracker.wait().await }),
                abort: None,
            });
        }
        steps
    }

    fn add(&self, phase: Phase, step: Step) {
        let state = self.state(phase);
        let mut steps = lock(&state.steps);
        if !state.token.is_cancelled() {
            steps.push(step);
            return;
        }
        // Nobody will take it any more: a node that is told to stop while it starts.
        tracing::warn!(%phase, step = %step.name, "came after its phase of stopping");
        if let Some(abort) = step.abort {
            abort.abort();
        }
    }

    fn state(&self, phase: Phase) -> &PhaseState {
        &self.0.phases[phase as usize]
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = Phase::ALL.iter().rev();
        let begun = begun
            .copied()
            .find(|phase| self.token(*phase).is_cancelled());
        f.debug_struct("Shutdown")
            .field("grace", &self.0.grace)
            .field("begun", &begun)
            .finish_non_exhaustive()
    }
}

impl Step {
    async fn run(self, phase: Phase, deadline: Instant) -> Ended {
        let left = deadline.saturating_duration_since(Instant::now());
        let within = self.within.min(left.max(AT_LEAST));
        let in_time = tokio::time::timeout(within, self.work).await.is_ok();
        if !in_time {
            let milliseconds = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(%phase, step = %self.name, milliseconds, "not stopped in time");
            if let Some(abort) = self.abort {
                abort.abort();
            }
        }
        Ended {
            phase,
            name: self.name,
            in_time,
        }
    }
}

async fn watch(
    name: String,
    running: tokio::task::JoinHandle<()>,
    token: CancellationToken,
    failed: CancellationToken,
) {
    let result = running.await;
    match &result {
        // It did not end in time and that was logged.
        Err(error) if error.is_cancelled() => return,
        Err(error) => tracing::error!(task = %name, %error, "task panicked"),
        Ok(()) => {}
    }
    if token.is_cancelled() {
        return;
    }
    if result.is_ok() {
        tracing::error!(task = %name, "task ended before it was told to");
    }
    failed.cancel();
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A list of steps is whole whatever panicked while holding it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes over SIGTERM and SIGINT at once; the future ends with the name of the first that comes.
///
/// # Errors
/// The handlers cannot be installed, or there is no tokio runtime with signals.
pub fn termination() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
