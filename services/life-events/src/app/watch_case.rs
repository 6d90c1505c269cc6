//! Watching one case: its current state at once, then every change, whichever replica makes it.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::grpc::feed::{Feed, stopping};
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Away, Failure};
use minzheng_proto::life_events::v1 as pb;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::lookout::{Lookout, Versions};
use super::{get_case, show};
use crate::storage::cases::StoredCase;

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
    /// Which all watchers of this process share.
    pub lookout: Lookout,
    /// Who watches.
    pub caller: Caller,
    /// The case.
    pub case_id: Uuid,
    /// What was seen before a broken stream.
    pub seen: Option<Seen>,
}

type State = pb::WatchCaseResponse;

impl Watch {
    /// Begins, once it is certain that the caller may see the case.
    ///
    /// # Errors
    /// NOT_FOUND, or the database's.
    pub async fn begin(mut self) -> Result<ReceiverStream<Result<State, Status>>, Failure> {
        let (feed, stream) = Feed::new(BUFFERED);
        // Before the first look, so that no change falls between the two.
        let versions = self.lookout.versions(self.case_id);
        self.look(&feed).await?;
        tokio::spawn(self.run(feed, versions));
        Ok(stream)
    }

    async fn run(mut self, feed: Feed<State>, mut versions: Versions) {
        let stop = self.cx.stopping().clone();
        loop {
            tokio::select! {
                () = feed.closed() => return,
                () = stop.cancelled() => return feed.end(stopping()),
                changed = self.await_change(&mut versions) => {
                    if let Err(away) = changed {
                        return feed.end(Failure::Away(away));
                    }
                }
            }
            if let Err(failure) = self.look(&feed).await {
                return feed.end(failure);
            }
        }
    }

    /// Waits until the case may be at another version than was seen: whatever could change what the caller may see
    /// changes the version.
    async fn await_change(&self, versions: &mut Versions) -> Result<(), Away> {
        // What a merged case became is watched in its place.
        let shown = self.seen.map_or(self.case_id, |seen| seen.case_id);
        while versions.case_id() == shown {
            let Some(version) = versions.next().await else {
                break;
            };
            let version = version?;
            if self.seen.is_none_or(|seen| seen.version != version) {
                return Ok(());
            }
        }
        // Watched from now on: what was missed until now, or why nobody looked, one's own look shows.
        *versions = self.lookout.versions(shown);
        Ok(())
    }

    /// Finds the case among those that the caller may see, whatever a token says, and shows it if it is
    /// another than was seen.
    async fn look(&mut self, feed: &Feed<State>) -> Result<(), Failure> {
        let stored = get_case::find(&self.cx, &self.caller, self.case_id).await?;
        let now = Seen::of(&stored);
        if self.seen == Some(now) {
            return Ok(());
        }
        self.seen = Some(now);
        feed.show(State {
            case: Some(show::whole(&stored, &self.caller)),
            resume_token: now.token(),
        })?;
        Ok(())
    }
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
