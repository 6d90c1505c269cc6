//! `minzheng dead-letter`

use std::collections::BTreeMap;
use std::process::ExitCode;

use minzheng_proto::operations::v1 as pb;
use serde::Serialize;

use super::connect::Platform;
use super::dates::{self, Instant};
use super::error::ClientError;
use super::words;
use crate::cli::{DeadLetterCommand, LetterArgs, LettersArgs};
use crate::output::{Printer, progress, table};

/// Exit code where only some of several could be done.
const PARTLY_DONE: u8 = 3;

/// The most that the platform lists at once.
const PAGE: u32 = 200;

/// One event that was not applied or not sent.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterView {
    /// The service.
    pub service: String,
    /// The subscription; empty for a refused outbox row.
    pub subscription: String,
    /// Event id.
    pub event_id: String,
    /// Parked, stopped or refused.
    pub state: String,
    /// Topic.
    pub topic: String,
    /// Partition; -1 for a refused outbox row.
    pub partition: i32,
    /// Offset; -1 for a refused outbox row.
    pub offset: i64,
    /// Key, opaque.
    pub key: String,
    /// Type string.
    pub event_type: String,
    /// Tries so far.
    pub tries: i32,
    /// First try.
    pub first_try_at: Option<Instant>,
    /// Next try.
    pub next_try_at: Option<Instant>,
    /// Why it failed last.
    pub reason: String,
    /// It waits only because an older one of its key does.
    pub behind_another: bool,
    /// Its headers; only where one is shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// All dead letters that were listed.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetters {
    /// How many there are in all.
    pub total: i64,
    /// The oldest of them.
    pub dead_letters: Vec<DeadLetterView>,
}

/// What became of one letter.
#[derive(Serialize)]
struct Outcome {
    event_id: String,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ClientError>,
}

/// What is done to letters.
#[derive(Clone, Copy)]
enum Deed {
    Replay,
    Discard,
}

/// Lists dead letters, shows one, tries some again or ends them.
///
/// # Errors
/// What the platform refused, or stdout is closed.
pub async fn run(command: DeadLetterCommand, printer: Printer) -> anyhow::Result<ExitCode> {
    match command {
        DeadLetterCommand::List {
            service,
            limit,
            server,
        } => {
            let letters = list(&Platform::of(&server), &service, limit).await?;
            printer.print(&letters, listed)?;
            Ok(ExitCode::SUCCESS)
        }
        DeadLetterCommand::Show { letter, server } => {
            let letter = show(&Platform::of(&server), &letter).await?;
            printer.print(&letter, shown)?;
            Ok(ExitCode::SUCCESS)
        }
        DeadLetterCommand::Replay { letters, server } => {
            each(&Platform::of(&server), &letters, Deed::Replay, printer).await
        }
        DeadLetterCommand::Discard { letters, server } => {
            each(&Platform::of(&server), &letters, Deed::Discard, printer).await
        }
    }
}

/// At most `limit` dead letters of one service, or of all, and how many there are.
///
/// # Errors
/// What the platform refused.
pub async fn list(
    platform: &Platform,
    service: &str,
    limit: u32,
) -> Result<DeadLetters, ClientError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut letters = DeadLetters {
        total: 0,
        dead_letters: Vec::new(),
    };
    for mut operations in platform.operations(service)? {
        let mut request = pb::ListDeadLettersRequest {
            service: service.to_owned(),
            ..Default::default()
        };
        loop {
            // At least one: the total is asked for, too.
            let left = limit.saturating_sub(letters.dead_letters.len()).max(1);
            let wanted = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
            request.page_size = i32::try_from(wanted).unwrap_or_default();
            let page = operations
                .list_dead_letters(request.clone())
                .await
                .map_err(|status| platform.refused(&status))?
                .into_inner();
            if request.page_token.is_empty() {
                letters.total += page.total;
            }
            let views = page.dead_letters.iter().map(DeadLetterView::of);
            letters.dead_letters.extend(views);
            if page.next_page_token.is_empty() || letters.dead_letters.len() >= limit {
                break;
            }
            request.page_token = page.next_page_token;
        }
    }
    letters.dead_letters.truncate(limit);
    Ok(letters)
}

async fn show(platform: &Platform, letter: &LetterArgs) -> Result<DeadLetterView, ClientError> {
    let request = pb::GetDeadLetterRequest {
        service: letter.service.clone(),
        subscription: letter.subscription.clone(),
        event_id: letter.event_id.clone(),
    };
    let answer = platform
        .operations_of(&letter.service)?
        .get_dead_letter(request)
        .await;
    let answer = answer
        .map_err(|status| platform.refused(&status))?
        .into_inner();
    let found = answer.dead_letter.ok_or_else(|| {
        ClientError::new(
            "NOT_FOUND",
            "no such dead letter",
            "`minzheng dead-letter list` names them",
        )
    })?;
    Ok(DeadLetterView {
        headers: answer.headers,
        ..DeadLetterView::of(&found)
    })
}

/// Does it to one after the other, in the order given; one that fails does not keep the next.
async fn each(
    platform: &Platform,
    letters: &LettersArgs,
    deed: Deed,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let mut outcomes = Vec::with_capacity(letters.event_ids.len());
    for event_id in &letters.event_ids {
        let error = one(platform, letters, event_id, deed).await.err();
        if let Some(error) = &error
            && !printer.is_json()
        {
            error.lines().into_iter().for_each(progress);
        }
        outcomes.push(Outcome {
            event_id: event_id.clone(),
            done: error.is_none(),
            error,
        });
    }
    printer.print(&outcomes, |outcomes| {
        let done = match deed {
            Deed::Replay => "due now",
            Deed::Discard => "discarded",
        };
        let word = |outcome: &Outcome| if outcome.done { done } else { "failed" };
        outcomes
            .iter()
            .map(|outcome| format!("{}  {}", outcome.event_id, word(outcome)))
            .collect()
    })?;
    let failed = outcomes.iter().filter(|outcome| !outcome.done).count();
    Ok(ExitCode::from(exit_code(failed, outcomes.len())))
}

/// 0 where all were done, 1 where none was, 3 in between.
fn exit_code(failed: usize, all: usize) -> u8 {
    match failed {
        0 => 0,
        failed if failed == all => 1,
        _ => PARTLY_DONE,
    }
}

async fn one(
    platform: &Platform,
    letters: &LettersArgs,
    event_id: &str,
    deed: Deed,
) -> Result<(), ClientError> {
    let mut operations = platform.operations_of(&letters.service)?;
    let (service, subscription) = (letters.service.clone(), letters.subscription.clone());
    let (event_id, reason) = (event_id.to_owned(), letters.reason.clone());
    let done = match deed {
        Deed::Replay => {
            let request = pb::ReplayDeadLetterRequest {
                service,
                subscription,
                event_id,
                reason,
            };
            operations.replay_dead_letter(request).await.map(drop)
        }
        Deed::Discard => {
            let request = pb::DiscardDeadLetterRequest {
                service,
                subscription,
                event_id,
                reason,
            };
            operations.discard_dead_letter(request).await.map(drop)
        }
    };
    done.map_err(|status| platform.refused(&status))
}

impl DeadLetterView {
    fn of(letter: &pb::DeadLetter) -> Self {
        Self {
            service: letter.service.clone(),
            subscription: letter.subscription.clone(),
            event_id: letter.event_id.clone(),
            state: words::word(letter.state().as_str_name(), "DEAD_LETTER_STATE_"),
            topic: letter.topic.clone(),
            partition: letter.partition,
            offset: letter.offset,
            key: letter.key.clone(),
            event_type: letter.event_type.clone(),
            tries: letter.tries,
            first_try_at: Instant::from_wire(letter.first_try_at.as_ref()),
            next_try_at: Instant::from_wire(letter.next_try_at.as_ref()),
            reason: letter.reason.clone(),
            behind_another: letter.behind_another,
            headers: BTreeMap::new(),
        }
    }
}

fn listed(letters: &DeadLetters) -> Vec<String> {
    if letters.dead_letters.is_empty() {
        return vec!["no dead letters".to_owned()];
    }
    let row = |letter: &DeadLetterView| {
        let reason = if letter.behind_another {
            "waits behind an older one of its key"
        } else {
            letter.reason.as_str()
        };
        vec![
            letter.event_id.clone(),
            letter.state.clone(),
            letter.service.clone(),
            letter.subscription.clone(),
            letter.event_type.clone(),
            letter.tries.to_string(),
            dates::local(letter.next_try_at),
            reason.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = letters.dead_letters.iter().map(row).collect();
    let mut lines = table(
        &[
            "EVENT",
            "STATE",
            "SERVICE",
            "SUBSCRIPTION",
            "TYPE",
            "TRIES",
            "NEXT TRY",
            "REASON",
        ],
        &rows,
    );
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if shown < letters.total {
        lines.push(format!(
            "{} more; --limit shows them",
            letters.total - shown
        ));
    }
    lines
}

fn shown(letter: &DeadLetterView) -> Vec<String> {
    let mut lines = vec![
        format!("Event         {}", letter.event_id),
        format!("State         {}", letter.state),
        format!("Service       {}", letter.service),
        format!("Subscription  {}", letter.subscription),
        format!("Type          {}", letter.event_type),
        format!("Key           {}", letter.key),
        format!(
            "Topic         {} partition {} offset {}",
            letter.topic, letter.partition, letter.offset
        ),
        format!(
            "Tries         {}, the first at {}",
            letter.tries,
            dates::local(letter.first_try_at)
        ),
        format!("Next try      {}", dates::local(letter.next_try_at)),
        format!("Reason        {}", letter.reason),
        "Headers".to_owned(),
    ];
    lines.extend(
        letter
            .headers
            .iter()
            .map(|(name, value)| format!("  {name}: {value}")),
    );
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_all_none_and_some() {
        assert_eq!(
            [
                exit_code(0, 2),
                exit_code(1, 2),
                exit_code(2, 2),
                exit_code(1, 1)
            ],
            [0, 3, 1, 1]
        );
    }
}
