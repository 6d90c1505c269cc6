//! Commands of one kind that share transactions: those that arrive while one runs wait for its end, and
//! are carried out in the next. Nobody waits for company: who arrives while none runs begins at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::request;
use super::run::{Called, Turn, remembered};
use super::{Cause, Failure, SetCommand, UnitOfWork};
use crate::context::Context;
use crate::failpoint;

/// Most commands of a transaction; the statements of so many stay far below what the databases take.
const MOST: usize = 64;

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
        let Ok(heard) = called.command.hear(cx, &called.caller).await else {
            return Turn::ByItself;
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
        came.await.unwrap_or(Turn::ByItself)
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
            let carried_out = cx.tasks().spawn(carry_out(cx.clone(), set));
            if let Err(error) = carried_out.await {
                tracing::error!(%error, command = C::NAME, "a shared transaction broke off");
            }
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
        if self.waiting.is_empty() {
            self.running -= 1;
        }
        let count = self.waiting.len().min(MOST);
        self.waiting.drain(..count).collect()
    }
}

/// One transaction; everybody learns how it ended for them.
async fn carry_out<C: SetCommand>(cx: Context, set: Vec<Waiting<C>>) {
    let outcome = transact(&cx, &set).await;
    failpoint::reach(failpoint::COMMIT_BEFORE_REPLY);
    match outcome {
        Ok(answers) => {
            for (waiting, answer) in set.into_iter().zip(answers) {
                waiting.end(answer.map_or(Turn::ByItself, Turn::Done));
            }
        }
        Err(Failure::Away(away)) => {
            for waiting in set {
                waiting.end(Turn::Away(away.clone()));
            }
        }
        Err(failure) => {
            tracing::debug!(%failure, command = C::NAME, commands = set.len(), "not together");
            for waiting in set {
                waiting.end(Turn::ByItself);
            }
        }
    }
}

impl<C: SetCommand> Waiting<C> {
    fn end(self, turn: Turn<C::Answer>) {
        // Who asked is gone: the process is stopping.
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
            requests.push(remembered.row(&answer.encode_to_vec(), uow.now()));
        }
        answers.push(answer);
    }
    C::save(uow, loaded).await?;
    if !requests.is_empty() {
        uow.write(request::remember(uow.backend(), requests));
    }
    uow.flush().await?;
    Ok(answers)
}
