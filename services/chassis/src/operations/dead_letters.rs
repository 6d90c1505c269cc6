//! Parked, stopped and refused events: list, show, replay, discard.

use minzheng_proto::operations::v1 as pb;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::AuditEntry;
use crate::authz::Caller;
use crate::bus::{Envelope, TopicPartition};
use crate::context::Context;
use crate::convert::instant_to_wire;
use crate::grpc::page::{Key, Page, token_invalid};
use crate::inbox::held::{self as inbox, Held};
use crate::outbox::{self, OutboxRow};
use crate::page_of;
use crate::problem::Problem;
use crate::seam::{Command, Failure, UnitOfWork};

/// The place of a dead letter in their list: services in the order of the process, of each first what
/// its subscriptions hold, then what the bus refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    service: String,
    letter: Letter,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Letter {
    Held(String, String, i32, i64),
    Refused(i64),
}

impl Key for Place {
    fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers always have a JSON text.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// A page of the dead letters of some services, with the token of the next, and how many there are.
pub(super) async fn list(
    contexts: &[&Context],
    request: &pb::ListDeadLettersRequest,
) -> Result<pb::ListDeadLettersResponse, Failure> {
    let page: Page<Place> = page_of!(request)?;
    let only = (!request.subscription.is_empty()).then_some(request.subscription.as_str());
    let mut total = 0;
    for cx in contexts {
        total += count(cx, only).await?;
    }
    let begin = match &page.after {
        None => 0,
        Some(place) => contexts
            .iter()
            .position(|cx| cx.name() == place.service)
            .ok_or_else(token_invalid)?,
    };
    let mut letters: Vec<(Place, pb::DeadLetter)> = Vec::new();
    let mut after = page.after.as_ref().map(|place| &place.letter);
    for cx in &contexts[begin..] {
        let room = i64::try_from(page.limit()).unwrap_or(i64::MAX) - count_of(&letters);
        if room <= 0 {
            break;
        }
        letters.extend(list_of(cx, only, after.take(), room).await?);
    }
    let (letters, next_page_token) = page.cut(letters, |(place, _)| place.clone());
    Ok(pb::ListDeadLettersResponse {
        dead_letters: letters.into_iter().map(|(_, letter)| letter).collect(),
        total,
        next_page_token,
    })
}

fn count_of<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

/// At most `room` dead letters of one service, after one of its own.
async fn list_of(
    cx: &Context,
    only: Option<&str>,
    after: Option<&Letter>,
    room: i64,
) -> Result<Vec<(Place, pb::DeadLetter)>, Failure> {
    let db = cx.db().reader();
    let place = |letter| Place {
        service: cx.name().to_owned(),
        letter,
    };
    let mut letters = Vec::new();
    let mut after_seq = i64::MIN;
    match after {
        Some(Letter::Refused(seq)) => after_seq = *seq,
        None => letters = inbox::held(db, only, None, room).await?,
        Some(Letter::Held(subscription, topic, partition, offset)) => {
            let at = TopicPartition::new(topic, *partition);
            letters = inbox::held(db, only, Some((subscription, &at, *offset)), room).await?;
        }
    }
    let mut letters: Vec<(Place, pb::DeadLetter)> = letters
        .iter()
        .map(|held| (place(letter_of(held)), show_held(cx, held)))
        .collect();
    let room = room - count_of(&letters);
    if only.is_none() && room > 0 {
        let refused = outbox::refused(db, cx.name(), after_seq, room).await?;
        let refused = refused.iter();
        letters.extend(refused.map(|row| (place(Letter::Refused(row.seq)), show_refused(cx, row))));
    }
    Ok(letters)
}

fn letter_of(held: &Held) -> Letter {
    Letter::Held(
        held.subscription.clone(),
        held.at.topic.clone(),
        held.at.partition,
        held.offset,
    )
}

async fn count(cx: &Context, only: Option<&str>) -> Result<i64, Failure> {
    let db = cx.db().reader();
    let counted = inbox::count_held(db).await?;
    let held: i64 = counted
        .iter()
        .filter(|(name, ..)| only.is_none_or(|only| only == name))
        .map(|(.., n)| n)
        .sum();
    match only {
        Some(_) => Ok(held),
        None => Ok(held + outbox::status(db).await?.refused),
    }
}

/// One dead letter with its headers.
pub(super) async fn get(
    cx: &Context,
    subscription: &str,
    event_id: Uuid,
) -> Result<pb::GetDeadLetterResponse, Failure> {
    let db = cx.db().reader();
    if subscription.is_empty() {
        let row = outbox::find_refused(db, cx.name(), event_id)
            .await?
            .ok_or_else(no_such)?;
        return Ok(response(show_refused(cx, &row), Some(&row.envelope)));
    }
    let held = inbox::find_held(db, subscription, event_id)
        .await?
        .ok_or_else(no_such)?;
    Ok(response(show_held(cx, &held), held.open().ok().as_ref()))
}

fn response(letter: pb::DeadLetter, envelope: Option<&Envelope>) -> pb::GetDeadLetterResponse {
    let headers = envelope.map(Envelope::headers).unwrap_or_default();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    pb::GetDeadLetterResponse {
        dead_letter: Some(letter),
        headers,
    }
}

fn no_such() -> Problem {
    Problem::not_found("dead letter", "死信")
}

fn show_held(cx: &Context, held: &Held) -> pb::DeadLetter {
    let state = if held.state == inbox::PARKED {
        pb::DeadLetterState::Parked
    } else {
        pb::DeadLetterState::Stopped
    };
    pb::DeadLetter {
        service: cx.name().to_owned(),
        subscription: held.subscription.clone(),
        event_id: held.event_id.to_string(),
        state: state.into(),
        topic: held.at.topic.clone(),
        partition: held.at.partition,
        offset: held.offset,
        key: held.key.clone(),
        event_type: held
            .open()
            .map(|envelope| envelope.event_type)
            .unwrap_or_default(),
        tries: held.tries,
        first_try_at: held.first_try_at.map(instant_to_wire),
        next_try_at: held.next_try_at.map(instant_to_wire),
        reason: held.reason.clone().unwrap_or_default(),
        behind_another: held.state == inbox::PARKED && held.next_try_at.is_none(),
    }
}

fn show_refused(cx: &Context, row: &OutboxRow) -> pb::DeadLetter {
    pb::DeadLetter {
        service: cx.name().to_owned(),
        subscription: String::new(),
        event_id: row.envelope.id.to_string(),
        state: pb::DeadLetterState::Refused.into(),
        topic: row.envelope.topic.clone(),
        partition: -1,
        offset: -1,
        key: row.envelope.key.clone(),
        event_type: row.envelope.event_type.clone(),
        tries: 1,
        first_try_at: Some(instant_to_wire(row.envelope.time)),
        next_try_at: None,
        reason: row.refused_reason.clone().unwrap_or_default(),
        behind_another: false,
    }
}

fn require_reason(reason: &str) -> Result<(), Problem> {
    if (1..=500).contains(&reason.chars().count()) {
        return Ok(());
    }
    Err(Problem::field(
        "reason",
        "REASON_REQUIRED",
        "must have 1 to 500 characters",
        "请填写 1 至 500 字的理由",
    ))
}

/// The record of what an operator decided; a refused row has no other place for the reason.
fn decision(action: &'static str, event_id: Uuid, subscription: &str, reason: &str) -> AuditEntry {
    AuditEntry::new(action, "dead_letter", event_id, None)
        .with("subscription", subscription)
        .with("reason", reason)
}

/// Makes an event due now; a refused one is sent again.
pub(super) struct Replay {
    pub(super) subscription: String,
    pub(super) event_id: Uuid,
    pub(super) reason: String,
}

impl Command for Replay {
    const NAME: &'static str = "OperationsService/ReplayDeadLetter";
    type Asked = ();
    type Answer = pb::ReplayDeadLetterResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        require_reason(&self.reason)?;
        let subject = uow.caller().subject.clone();
        let decided = (subject.as_str(), self.reason.as_str());
        let (db, now) = (uow.connection(), uow.now());
        let found = if self.subscription.is_empty() {
            outbox::send_again(db, self.event_id).await?
        } else {
            inbox::make_due(db, &self.subscription, self.event_id, now, decided).await?
        };
        if !found {
            return Err(no_such().into());
        }
        uow.audit(decision(
            "ReplayDeadLetter",
            self.event_id,
            &self.subscription,
            &self.reason,
        ));
        Ok(pb::ReplayDeadLetterResponse {})
    }
}

/// Ends an event without effect.
pub(super) struct Discard {
    pub(super) subscription: String,
    pub(super) event_id: Uuid,
    pub(super) reason: String,
}

impl Command for Discard {
    const NAME: &'static str = "OperationsService/DiscardDeadLetter";
    type Asked = ();
    type Answer = pb::DiscardDeadLetterResponse;

    async fn ask(&self, _cx: &Context, _caller: &Caller) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, uow: &mut UnitOfWork, _asked: &()) -> Result<Self::Answer, Failure> {
        require_reason(&self.reason)?;
        let db = uow.connection();
        let subject = uow.caller().subject.clone();
        let decided = (subject.as_str(), self.reason.as_str());
        let found = if self.subscription.is_empty() {
            outbox::discard_refused(db, self.event_id).await?
        } else {
            inbox::discard(db, &self.subscription, self.event_id, decided).await?
        };
        if !found {
            return Err(no_such().into());
        }
        inbox::wake_heads(db, uow.now()).await?;
        uow.audit(decision(
            "DiscardDeadLetter",
            self.event_id,
            &self.subscription,
            &self.reason,
        ));
        Ok(pb::DiscardDeadLetterResponse {})
    }
}
