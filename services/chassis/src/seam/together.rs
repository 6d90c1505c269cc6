//! Commands of one kind that share transactions: those that arrive while one runs wait for its end, and
//! are carried out in the next. Nobody waits for company: who arrives while none runs begins at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::request;
use super::run::{Called, Turn, recall, remembered};
use super::{Away, Cause, Failure, SetCommand, UnitOfWork};
use crate::context::Context;
use crate::failpoint;

/// Most commands of a transaction; the statements of so many stay far below what the databases take.
const MOST: usize = 64;

/// How long a command waits for its turn to end; below the time that a neighbour's call may take.
const TURN_WITHIN: Duration = Duration::from_secs(4);

/// Transactions at once: one writes while the next gathers.
const AT_ONCE: usize = 1;

/// Where commands of one kind meet. One for each kind and service.
pub struct Together<C: SetCommand>(Arc<Mutex<Queue<C>>>);

struct Queue<C: SetCommand> {
    waiting: Vec<Waiting<C>>,
    running: usize,
}

/// A command whose neighbours have answered.
struct Waiting<C: SetCommand> {
    called: Arc<Called<C>>,
    heard: C::Heard,
    span: Span,
    turn: oneshot::Sender<Turn<C::Answer>>,
}

impl<C: SetCommand> Clone for Together<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: SetCommand> Default for Together<C> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue {
            waiting: Vec::new(),
            running: 0,
        })))
    }
}

impl<C: SetCommand> Together<C> {
    /// How many wait for the next transaction.
    pub fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Asks the neighbours, then waits for a transaction and says how it ended. Whatever goes wrong for
    /// this command alone goes wrong again when it is run by itself, which says what.
    pub(super) async fn take_turn(&self, cx: &Context, called: &Arc<Called<C>>) -> Turn<C::Answer> {
        let heard = match hear(cx, called).await {
            Ok(heard) => heard,
            // Asked again, it would only be waited for twice.
            Err(Failure::Away(away)) => return Turn::Away(away),
            Err(failure) => {
                tracing::debug!(%failure, command = C::NAME, "asked again by itself");
                return Turn::ByItself;
            }
        };
        let (turn, came) = oneshot::channel();
        let waiting = Waiting {
            called: called.clone(),
            heard,
            span: Span::current(),
            turn,
        };
        if self.queue().join(waiting) {
            cx.tasks().spawn(self.clone().run_all(cx.clone()));
        }
        match tokio::time::timeout(TURN_WITHIN, came).await {
            Ok(turn) => turn.unwrap_or(Turn::ByItself),
            Err(_) => Turn::Away(Away {
                who: "database".to_owned(),
                detail: "no turn came".to_owned(),
            }),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs transactions until nobody waits.
    async fn run_all(self, cx: Context) {
        loop {
            let set = self.queue().next();
            if set.is_empty() {
                return;
            }
            match cx.tasks().spawn(carry_out(cx.clone(), set)).await {
                Ok(Ok(())) => {}
                Ok(Err(away)) => self.tell_all(&away),
                Err(error) => {
                    tracing::error!(%error, command = C::NAME, "a shared transaction broke off");
                }
            }
        }
    }

    /// What has just been found away is not waited for once more for everybody who waits.
    fn tell_all(&self, away: &Away) {
        let waiting = std::mem::take(&mut self.queue().waiting);
        for waiting in waiting {
            waiting.end(Turn::Away(away.clone()));
        }
    }
}

impl<C: SetCommand> Queue<C> {
    /// Whether somebody must begin to run transactions for it.
    fn join(&mut self, waiting: Waiting<C>) -> bool {
        self.waiting.push(waiting);
        let begins = self.running < AT_ONCE;
        self.running += usize::from(begins);
        begins
    }

    /// Those of the next transaction, who came first first; whoever is given none runs no more.
    fn next(&mut self) -> Vec<Waiting<C>> {
        // Nobody waits for these any more.
        self.waiting.retain(|waiting| !waiting.turn.is_closed());
        if self.waiting.is_empty() {
            self.running -= 1;
        }
        let count = self.waiting.len().min(MOST);
        self.waiting.drain(..count).collect()
    }
}

/// What neighbours answer to a request that was not made before.
async fn hear<C: SetCommand>(cx: &Context, called: &Called<C>) -> Result<C::Heard, Failure> {
    let Called {
        caller,
        request,
        command,
    } = called;
    if command.asking_writes() && recall::<C>(cx, caller, Some(request)).await?.is_some() {
        return Err(Failure::Conflict("made before".to_owned()));
    }
    command.hear(cx, caller).await
}

/// One transaction; everybody learns how it ended for them.
///
/// # Errors
/// Something needed is away.
async fn carry_out<C: SetCommand>(cx: Context, set: Vec<Waiting<C>>) -> Result<(), Away> {
    let outcome = transact(&cx, &set).await;
    match outcome {
        Ok(answers) => {
            failpoint::reach(failpoint::COMMIT_BEFORE_REPLY);
            for (waiting, answer) in set.into_iter().zip(answers) {
                waiting.end(answer.map_or(Turn::ByItself, Turn::Done));
            }
        }
        Err(Failure::Away(away)) => {
            for waiting in set {
                waiting.end(Turn::Away(away.clone()));
            }
            return Err(away);
        }
        Err(failure) => {
            tracing::debug!(%failure, command = C::NAME, commands = set.len(), "not together");
            for waiting in set {
                waiting.end(Turn::ByItself);
            }
        }
    }
    Ok(())
}

impl<C: SetCommand> Waiting<C> {
    fn end(self, turn: Turn<C::Answer>) {
        // Who asked has waited too long, or the process is stopping.
        let _: Result<(), Turn<C::Answer>> = self.turn.send(turn);
    }

    fn cause(&self) -> Cause {
        Cause {
            causation_id: Some(self.called.request.id()),
            correlation_id: None,
        }
    }
}

/// What each is answered, once it is committed; nothing for those who are to be run by themselves.
async fn transact<C: SetCommand>(
    cx: &Context,
    set: &[Waiting<C>],
) -> Result<Vec<Option<C::Answer>>, Failure> {
    let Some(first) = set.first() else {
        return Ok(Vec::new());
    };
    let caller = first.called.caller.clone();
    let mut uow = UnitOfWork::begin(cx, caller, first.cause()).await?;
    let outcome = apply_and_flush(cx, &mut uow, set).await;
    uow.end(outcome).await
}

async fn apply_and_flush<C: SetCommand>(
    cx: &Context,
    uow: &mut UnitOfWork,
    set: &[Waiting<C>],
) -> Result<Vec<Option<C::Answer>>, Failure> {
    let commands: Vec<(&C, &C::Heard)> = set
        .iter()
        .map(|waiting| (&waiting.called.command, &waiting.heard))
        .collect();
    let mut loaded = C::load(uow, &commands).await?;
    let (mut answers, mut requests) = (Vec::with_capacity(set.len()), Vec::new());
    for waiting in set {
        let called = &waiting.called;
        uow.act_for(called.caller.clone(), waiting.cause());
        let applied = called.command.apply_in(uow, &waiting.heard, &mut loaded);
        let answer = match applied.instrument(waiting.span.clone()).await {
            // Run by itself, it is refused again, unless it was carried out before.
            Err(Failure::Problem(_)) => None,
            applied => applied?,
        };
        if let Some(answer) = &answer {
            let remembered = remembered::<C>(cx, &called.caller, &called.request);
            let row = remembered.row(&answer.encode_to_vec(), uow.now());
            requests.push((called.request.id(), row));
        }
        answers.push(answer);
    }
    if requests.is_empty() {
        // Not even a lock is to stay.
        return Err(Failure::Conflict("none fits".to_owned()));
    }
    C::save(uow, loaded).await?;
    // Sorted, so that two units cannot wait for each other crosswise.
    requests.sort_by_key(|(id, _)| *id);
    let requests = requests.into_iter().map(|(_, row)| row).collect();
    uow.write(request::remember(uow.backend(), requests));
    uow.flush().await?;
    Ok(answers)
}
