//! Watching one case: its current state at once, then every change, whichever replica makes it.

use std::time::Duration;

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::problem::{Kind, Problem};
use minzheng_chassis::seam::Failure;
use minzheng_proto::life_events::v1 as pb;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::{get_case, show};
use crate::storage::cases::{Cases, StoredCase};

/// Another replica's change shows after this long at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A busy process commits all the time: between two looks there is at least this much.
const REST: Duration = Duration::from_millis(5);

/// States that may wait for a slow reader before it is dropped.
const BUFFERED: usize = 16;

/// What a watcher has seen last: a case (the survivor's of a merged one) at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    case_id: Uuid,
    version: i64,
}

impl Seen {
    fn of(stored: &StoredCase) -> Self {
        Self {
            case_id: stored.case.id,
            version: stored.version,
        }
    }

    fn token(self) -> String {
        format!("{}.{}", self.case_id.simple(), self.version)
    }

    /// # Errors
    /// RESUME_TOKEN_INVALID.
    pub fn of_token(token: &str) -> Result<Self, Problem> {
        let parts = token.split_once('.');
        let read = parts.and_then(|(case_id, version)| {
            Some(Self {
                case_id: Uuid::parse_str(case_id).ok()?,
                version: version.parse().ok()?,
            })
        });
        read.ok_or_else(|| {
            Problem::field(
                "resume_token",
                "RESUME_TOKEN_INVALID",
                "is not a token of this stream",
                "续传标识无效",
            )
        })
    }
}

/// One watcher.
pub struct Watch {
    /// Where.
    pub cx: Context,
    /// Who watches.
    pub caller: Caller,
    /// The case.
    pub case_id: Uuid,
    /// What was seen before a broken stream.
    pub seen: Option<Seen>,
}

type States = mpsc::Sender<Result<pb::WatchCaseResponse, Status>>;

impl Watch {
    /// Begins, once it is certain that the caller may see the case.
    ///
    /// # Errors
    /// NOT_FOUND, or the database's.
    pub async fn begin(
        mut self,
    ) -> Result<ReceiverStream<Result<pb::WatchCaseResponse, Status>>, Failure> {
        let (sender, receiver) = mpsc::channel(BUFFERED);
        // Before the first look, so that no change falls between the two.
        let changes = self.cx.changes();
        self.look(&sender).await?;
        tokio::spawn(self.run(sender, changes));
        Ok(ReceiverStream::new(receiver))
    }

    async fn run(mut self, sender: States, mut changes: watch::Receiver<u64>) {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                _ = changes.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(failure) = self.look(&sender).await {
                // The reader may be gone already; then nobody is left to be told.
                let _ = sender.try_send(Err(failure.into()));
                return;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Shows the case if it is another than was seen.
    async fn look(&mut self, sender: &States) -> Result<(), Failure> {
        if let Some(seen) = self.seen
            && Cases::reading(&self.cx)
                .version_anywhere(seen.case_id)
                .await?
                == Some(seen.version)
        {
            return Ok(());
        }
        let stored = get_case::find(&self.cx, &self.caller, self.case_id).await?;
        let now = Seen::of(&stored);
        if self.seen == Some(now) {
            return Ok(());
        }
        self.seen = Some(now);
        let state = pb::WatchCaseResponse {
            case: Some(show::whole(&stored, &self.caller)),
            resume_token: now.token(),
        };
        sender.try_send(Ok(state)).map_err(|_| slow_reader().into())
    }
}

/// Whoever reads too slowly reads again from where they are, rather than fill the memory.
fn slow_reader() -> Problem {
    Problem::new(
        Kind::ResourceExhausted,
        "SLOW_READER",
        "the reader is too slow; watch again",
        "接收过慢，请重新订阅",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_and_rubbish_does_not() {
        let seen = Seen {
            case_id: Uuid::from_u128(7),
            version: 3,
        };
        assert_eq!(Seen::of_token(&seen.token()), Ok(seen));
        for rubbish in ["", ".", "x.1", "00000000000000000000000000000007", "7.x"] {
            assert_eq!(
                Seen::of_token(rubbish).map_err(|problem| problem.reason),
                Err("RESUME_TOKEN_INVALID")
            );
        }
    }
}
