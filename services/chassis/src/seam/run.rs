//! Running a command: ask → apply → flush → remember → commit, then wake the relay.
//!
//! Nearly every request is made once, so the first run does not look for an earlier answer: one that was
//! made before conflicts at `remember`, or is refused for its own effect, and is recalled then. Only where
//! asking writes at a neighbour it must be known before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use rand::RngExt;
use tracing::Instrument;

use super::request::{self, Remembered};
use super::{Away, Cause, Command, Failure, RequestKey, SetCommand, Together, UnitOfWork};
use crate::authz::Caller;
use crate::context::Context;
use crate::failpoint;
use crate::load;

/// A conflict reruns `ask` and `apply` at most five times; the sixth counts.
pub(crate) const MAX_RUNS: u32 = 6;

/// How long the first answer is looked for when something needed is away.
const RECALL_WITHIN: Duration = Duration::from_millis(500);

/// How long to wait before run number `run` (from 1), with jitter.
pub(crate) fn backoff(run: u32) -> Duration {
    let ceiling = 2_u64.saturating_pow(run).min(32);
    Duration::from_millis(rand::rng().random_range(1..=ceiling * 2))
}

impl Context {
    /// Runs a command for a caller. It runs in a task of its own: a handler whose client hangs up
    /// is dropped, and must not drop a transaction.
    ///
    /// # Errors
    /// The command's own no, CONTENDED after six conflicts, or UNAVAILABLE.
    pub async fn run<C: Command>(
        &self,
        caller: &Caller,
        request: Option<RequestKey>,
        command: C,
    ) -> Result<C::Answer, Failure> {
        let cx = self.clone();
        let caller = Arc::new(caller.clone());
        let run = async move { run_until_settled(&cx, &caller, request.as_ref(), &command).await };
        in_a_task::<C>(self, run).await
    }

    /// [`Context::run`] for a command that may share a transaction with others that arrive meanwhile.
    ///
    /// # Errors
    /// As [`Context::run`].
    pub async fn run_together<C: SetCommand>(
        &self,
        together: &Together<C>,
        caller: &Caller,
        request: RequestKey,
        command: C,
    ) -> Result<C::Answer, Failure> {
        let (cx, together) = (self.clone(), together.clone());
        let called = Arc::new(Called {
            caller: Arc::new(caller.clone()),
            request,
            command,
        });
        let run = async move {
            let turn = together.take_turn(&cx, &called).await;
            let request = Some(&called.request);
            match turn {
                Turn::Done(answer) => Ok(answer),
                Turn::ByItself => {
                    run_until_settled(&cx, &called.caller, request, &called.command).await
                }
                Turn::Away(away) => {
                    first_answer::<C>(&cx, &called.caller, request, Failure::Away(away)).await
                }
            }
        };
        in_a_task::<C>(self, run).await
    }
}

/// A command, for whom, and as which request.
pub(super) struct Called<C> {
    pub(super) caller: Arc<Caller>,
    pub(super) request: RequestKey,
    pub(super) command: C,
}

/// How a command came out of a transaction that several share.
pub(super) enum Turn<A> {
    /// Committed.
    Done(A),
    /// Nothing of it was written.
    ByItself,
    /// Whether it was written is not known.
    Away(Away),
}

/// Runs a command where nobody drops it, and measures it.
async fn in_a_task<C: Command>(
    cx: &Context,
    run: impl Future<Output = Result<C::Answer, Failure>> + Send + 'static,
) -> Result<C::Answer, Failure> {
    let place = load::place();
    let measured = cx.clone();
    let task = async move {
        let _in_hand = place;
        let started = Instant::now();
        let outcome = run.await;
        let word = if outcome.is_ok() { "ok" } else { "failed" };
        measured
            .metrics()
            .command_seconds(measured.name(), C::NAME, word)
            .observe(started.elapsed().as_secs_f64());
        outcome
    };
    cx.tasks()
        .spawn(task.in_current_span())
        .await
        .unwrap_or_else(|error| Err(Failure::internal(error)))
}

async fn run_until_settled<C: Command>(
    cx: &Context,
    caller: &Arc<Caller>,
    request: Option<&RequestKey>,
    command: &C,
) -> Result<C::Answer, Failure> {
    let mut run = 1;
    loop {
        match run_once(cx, caller, request, command, run > 1).await {
            Err(failure) if failure.is_conflict() && run < MAX_RUNS => {
                cx.metrics().transaction_reruns(cx.name()).inc();
                tokio::time::sleep(backoff(run)).await;
                run += 1;
            }
            // The same request may have been carried out before, and its effect be what is refused
            // now: then the first answer stands.
            Err(failure) => return first_answer::<C>(cx, caller, request, failure).await,
            settled => return settled,
        }
    }
}

/// The first answer to a request that failed now, if there was one; the failure otherwise.
async fn first_answer<C: Command>(
    cx: &Context,
    caller: &Arc<Caller>,
    request: Option<&RequestKey>,
    failure: Failure,
) -> Result<C::Answer, Failure> {
    let recalled = recall::<C>(cx, caller, request);
    let recalled = if failure.is_away() {
        // The database may be what is away: waiting for it once more would outlast the caller.
        match tokio::time::timeout(RECALL_WITHIN, recalled).await {
            Ok(recalled) => recalled,
            Err(_) => return Err(failure),
        }
    } else {
        recalled.await
    };
    match recalled {
        Ok(first) => first.ok_or(failure),
        // Used before with other content: that is what is wrong with it.
        Err(Failure::Problem(reused)) => Err(Failure::Problem(reused)),
        // A refusal would deny what may have been acknowledged: nobody can look now.
        Err(unknown) if matches!(failure, Failure::Problem(_)) => Err(unknown),
        Err(_) => Err(failure),
    }
}

pub(super) fn remembered<'a, C: Command>(
    cx: &'a Context,
    caller: &'a Caller,
    request: &'a RequestKey,
) -> Remembered<'a> {
    Remembered {
        keys: cx.keys(),
        service: cx.name(),
        caller: &caller.subject,
        method: C::NAME,
        request,
    }
}

/// The first answer, if the request was made before.
pub(super) async fn recall<C: Command>(
    cx: &Context,
    caller: &Caller,
    request: Option<&RequestKey>,
) -> Result<Option<C::Answer>, Failure> {
    let Some(request) = request else {
        return Ok(None);
    };
    let remembered = remembered::<C>(cx, caller, request);
    let answer = remembered.recall(cx.db().reader()).await?;
    let decode = |answer: Vec<u8>| C::Answer::decode(answer.as_slice());
    answer.map(decode).transpose().map_err(Failure::internal)
}

async fn run_once<C: Command>(
    cx: &Context,
    caller: &Arc<Caller>,
    request: Option<&RequestKey>,
    command: &C,
    look_first: bool,
) -> Result<C::Answer, Failure> {
    let looks = look_first || command.asking_writes();
    if looks && let Some(answer) = recall::<C>(cx, caller, request).await? {
        return Ok(answer);
    }
    let remembered = request.map(|request| remembered::<C>(cx, caller, request));
    let asked = command.ask(cx, caller).await?;
    let cause = Cause {
        causation_id: request.map(RequestKey::id),
        correlation_id: None,
    };
    let mut uow = UnitOfWork::begin(cx, caller.clone(), cause).await?;
    let outcome = apply_and_flush(&mut uow, remembered.as_ref(), command, &asked).await;
    let outcome = uow.end(outcome).await;
    if outcome.is_ok() {
        failpoint::reach(failpoint::COMMIT_BEFORE_REPLY);
    }
    outcome
}

async fn apply_and_flush<C: Command>(
    uow: &mut UnitOfWork,
    remembered: Option<&Remembered<'_>>,
    command: &C,
    asked: &C::Asked,
) -> Result<C::Answer, Failure> {
    let answer = command.apply(uow, asked).await?;
    if let Some(remembered) = remembered {
        let row = remembered.row(&answer.encode_to_vec(), uow.now());
        uow.write(request::remember(uow.backend(), vec![row]));
    }
    uow.flush().await?;
    Ok(answer)
}
