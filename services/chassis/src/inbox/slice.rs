//! What a poll brought for one subscription, partition by partition, and which part of it a
//! transaction takes.

use super::batch::{Batch, QUICK_TRIES, Step};
use super::prepare::{Prepared, prepare};
use crate::bus::{Envelope, TopicPartition};
use crate::seam::{Away, Failure, backoff};

/// One event to be handled.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) offset: i64,
    pub(super) envelope: Envelope,
}

/// Events of one partition, in order.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) at: TopicPartition,
    /// What the position's row says.
    pub(super) read: i64,
    /// Not empty.
    pub(super) events: Vec<Incoming>,
    /// Where the position is when all are handled.
    pub(super) next: i64,
}

/// What one transaction takes of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) at: &'a TopicPartition,
    pub(super) read: i64,
    pub(super) events: &'a [Incoming],
    pub(super) next: i64,
}

/// What became of a slice.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// Applied (or parked) up to here.
    MovedTo(i64),
    /// Somebody else has moved the position: reread it.
    PositionLost,
    /// Enough for one poll: reread the position, and go on from there.
    Interrupted,
    /// Nobody's fault: wait, then reread.
    Away(Away),
}

/// How far a slice is.
#[derive(Clone)]
struct Progress<'a> {
    slice: &'a Slice,
    read: i64,
    done: usize,
    ended: Option<Outcome>,
}

impl<'a> Progress<'a> {
    fn of(slice: &'a Slice) -> Self {
        Self {
            slice,
            read: slice.read,
            done: 0,
            ended: None,
        }
    }

    /// The next `limit` events, if any are left.
    fn part(&self, limit: usize) -> Option<Part<'a>> {
        let left = self.slice.events.get(self.done..)?;
        if self.ended.is_some() || left.is_empty() || limit == 0 {
            return None;
        }
        let (events, behind) = left.split_at(left.len().min(limit));
        Some(Part {
            at: &self.slice.at,
            read: self.read,
            events,
            next: behind.first().map_or(self.slice.next, |event| event.offset),
        })
    }

    fn advance(&mut self, part: &Part<'_>) {
        self.read = part.next;
        self.done += part.events.len();
    }

    fn outcome(self) -> (TopicPartition, Outcome) {
        let outcome = self.ended.unwrap_or(Outcome::MovedTo(self.read));
        (self.slice.at.clone(), outcome)
    }
}

/// What one transaction takes: of some slices, by index, a part.
type Chosen<'a> = Vec<(usize, Part<'a>)>;

/// The next `limit` events at most.
fn choose<'a>(slices: &[Progress<'a>], limit: usize) -> Chosen<'a> {
    let mut room = limit;
    let mut chosen = Vec::new();
    for (index, progress) in slices.iter().enumerate() {
        if let Some(part) = progress.part(room) {
            room -= part.events.len();
            chosen.push((index, part));
        }
    }
    chosen
}

fn parts_of<'a>(chosen: &Chosen<'a>) -> Vec<Part<'a>> {
    chosen.iter().map(|(_, part)| *part).collect()
}

/// A transaction's events, decoded and asked about while the one before it was written.
struct Ahead<'a> {
    chosen: Chosen<'a>,
    prepared: Vec<Prepared<'a>>,
}

impl Batch<'_> {
    /// Handles slices: all partitions in one transaction if it goes well, else one by one, else one
    /// event by one.
    pub(super) async fn handle(&self, slices: &[Slice]) -> Vec<(TopicPartition, Outcome)> {
        let mut progress: Vec<Progress<'_>> = slices.iter().map(Progress::of).collect();
        let mut ahead = None;
        let mut begun = false;
        loop {
            let (chosen, prepared) = match ahead.take() {
                Some(Ahead { chosen, prepared }) => (chosen, Some(prepared)),
                None => (choose(&progress, self.pace.events()), None),
            };
            if chosen.is_empty() {
                return progress.into_iter().map(Progress::outcome).collect();
            }
            if self.stretch.is_over(begun) {
                end_all(&mut progress, &Outcome::Interrupted);
                continue;
            }
            begun = true;
            let parts = parts_of(&chosen);
            let (outcome, next) = tokio::join!(
                self.together(&parts, prepared),
                self.look_ahead_until_stopped(&progress, &chosen)
            );
            match outcome {
                Ok(step) => {
                    if let Step::Done = step {
                        // After a transaction that took too long the next one is to be smaller.
                        ahead = next.filter(|next| next.prepared.len() <= self.pace.events());
                    }
                    note(&mut progress, &chosen, step);
                }
                Err(Failure::Away(away)) => end_all(&mut progress, &Outcome::Away(away)),
                Err(failure) => {
                    tracing::debug!(subscription = self.subscription.name(), %failure, "one partition at a time");
                    for (tried, (index, part)) in chosen.iter().enumerate() {
                        if self.stretch.is_over(tried > 0) {
                            break;
                        }
                        self.apart(&mut progress[*index], part).await;
                    }
                }
            }
        }
    }

    async fn look_ahead_until_stopped<'a>(
        &self,
        progress: &[Progress<'a>],
        chosen: &Chosen<'a>,
    ) -> Option<Ahead<'a>> {
        tokio::select! {
            ahead = self.look_ahead(progress, chosen) => ahead,
            () = self.stretch.stopped() => None,
        }
    }

    /// Prepares what comes next if `chosen` goes well. Where that fails it is prepared again when its turn
    /// comes, which tells what to do about it.
    async fn look_ahead<'a>(
        &self,
        progress: &[Progress<'a>],
        chosen: &Chosen<'a>,
    ) -> Option<Ahead<'a>> {
        let mut then: Vec<Progress<'a>> = progress.to_vec();
        for (index, part) in chosen {
            then[*index].advance(part);
        }
        let chosen = choose(&then, self.pace.events());
        if chosen.is_empty() {
            return None;
        }
        match prepare(self.cx, self.subscription, &parts_of(&chosen)).await {
            Ok(prepared) => Some(Ahead { chosen, prepared }),
            Err(failure) => {
                tracing::debug!(subscription = self.subscription.name(), %failure, "not prepared ahead");
                None
            }
        }
    }

    /// One partition by itself.
    async fn apart(&self, progress: &mut Progress<'_>, part: &Part<'_>) {
        let step = match self.together(std::slice::from_ref(part), None).await {
            Err(failure) if !matches!(failure, Failure::Away(_)) => {
                return self.one_by_one(progress, part, failure).await;
            }
            step => step,
        };
        end(progress, part, step);
    }

    /// Each event in a transaction of its own; one that fails on is parked.
    async fn one_by_one(&self, progress: &mut Progress<'_>, part: &Part<'_>, failure: Failure) {
        let mut first_failure = (part.events.len() == 1).then_some(failure);
        for tried in 0..part.events.len() {
            let Some(single) = progress.part(1) else {
                return;
            };
            if self.stretch.is_over(tried > 0) {
                progress.ended = Some(Outcome::Interrupted);
                return;
            }
            let step = match first_failure.take() {
                Some(failure) => self.insist(&single, failure).await,
                None => match self.together(std::slice::from_ref(&single), None).await {
                    Err(failure) if !matches!(failure, Failure::Away(_)) => {
                        self.insist(&single, failure).await
                    }
                    step => step,
                },
            };
            end(progress, &single, step);
        }
    }

    /// A few more tries of one event, then it is parked.
    async fn insist(&self, single: &Part<'_>, mut failure: Failure) -> Result<Step, Failure> {
        for run in 1..QUICK_TRIES {
            tokio::time::sleep(backoff(run)).await;
            match self.together(std::slice::from_ref(single), None).await {
                Err(again) if !matches!(again, Failure::Away(_)) => failure = again,
                step => return step,
            }
        }
        self.park(single, &failure).await
    }
}

/// Whatever is left ends like this.
fn end_all(progress: &mut [Progress<'_>], outcome: &Outcome) {
    for one in progress.iter_mut().filter(|one| one.part(1).is_some()) {
        one.ended = Some(outcome.clone());
    }
}

/// Writes down how a transaction over several parts ended.
fn note(progress: &mut [Progress<'_>], chosen: &[(usize, Part<'_>)], step: Step) {
    match step {
        Step::Done => {
            for (index, part) in chosen {
                progress[*index].advance(part);
            }
        }
        Step::PositionsLost(lost) => {
            for (index, part) in chosen {
                if lost.contains(part.at) {
                    progress[*index].ended = Some(Outcome::PositionLost);
                }
            }
        }
    }
}

/// Writes down how a transaction over one part ended.
fn end(progress: &mut Progress<'_>, part: &Part<'_>, step: Result<Step, Failure>) {
    match step {
        Ok(Step::Done) => progress.advance(part),
        Ok(Step::PositionsLost(_)) => progress.ended = Some(Outcome::PositionLost),
        Err(Failure::Away(away)) => progress.ended = Some(Outcome::Away(away)),
        // Not even parking it succeeded.
        Err(failure) => {
            progress.ended = Some(Outcome::Away(Away {
                who: "database".to_owned(),
                detail: failure.to_string(),
            }));
        }
    }
}
