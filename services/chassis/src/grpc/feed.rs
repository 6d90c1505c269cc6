//! What a watcher is sent. One place of the channel is kept for the reason of the end, so that whoever
//! reads too slowly learns why the stream ended.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::problem::{Kind, Problem};

/// How long a reader may let changes wait that are sent with [`Feed::show_in_time`].
const READ_WITHIN: Duration = Duration::from_secs(10);

/// The sending half of one watcher's stream.
#[derive(Debug)]
pub struct Feed<T> {
    sender: mpsc::Sender<Result<T, Status>>,
    patience: Duration,
}

impl<T> Feed<T> {
    /// A feed and its stream, in which so many changes may wait.
    pub fn new(changes: usize) -> (Self, ReceiverStream<Result<T, Status>>) {
        let (sender, receiver) = mpsc::channel(changes + 1);
        let feed = Self {
            sender,
            patience: READ_WITHIN,
        };
        (feed, ReceiverStream::new(receiver))
    }

    /// Sends a change if there is room for it.
    ///
    /// # Errors
    /// SLOW_READER: too many changes wait already, or nobody reads any more.
    pub fn show(&self, change: T) -> Result<(), Problem> {
        // Nobody else sends: what is free now is free in the next line.
        if self.sender.capacity() <= 1 {
            return Err(slow_reader());
        }
        self.sender.try_send(Ok(change)).map_err(|_| slow_reader())
    }

    /// Sends a change once there is room for it: for more at once than may wait.
    ///
    /// # Errors
    /// SLOW_READER: nothing was read for 10 s, or nobody reads any more.
    pub async fn show_in_time(&self, change: T) -> Result<(), Problem> {
        let room = tokio::time::timeout(self.patience, self.sender.reserve_many(2)).await;
        let Ok(Ok(mut places)) = room else {
            return Err(slow_reader());
        };
        if let Some(place) = places.next() {
            place.send(Ok(change));
        }
        Ok(())
    }

    /// Ends the stream with a reason.
    pub fn end(self, reason: impl Into<Status>) {
        // There is a place for it; if it is not sent, the reader is gone and nobody is left to be told.
        let _ = self.sender.try_send(Err(reason.into()));
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
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

/// Why a stream ends when its process does.
pub fn stopping() -> Problem {
    Problem::new(
        Kind::Unavailable,
        "STOPPING",
        "this process stops; watch again",
        "服务正在重启，请重新订阅",
    )
}

#[cfg(test)]
mod tests {
    use tokio_stream::StreamExt;
    use tonic_types::StatusExt;

    use super::*;

    async fn reasons(stream: ReceiverStream<Result<u8, Status>>) -> Vec<Result<u8, String>> {
        let read = stream.map(|item| {
            item.map_err(|status| {
                let details = status.get_error_details();
                details
                    .error_info()
                    .map_or_else(String::new, |info| info.reason.clone())
            })
        });
        read.collect().await
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_so_after_what_waited() {
        let (feed, stream) = Feed::new(2);
        assert_eq!(feed.show(1), Ok(()));
        assert_eq!(feed.show(2), Ok(()));
        let slow = feed.show(3).unwrap_err();
        assert_eq!(slow.reason, "SLOW_READER");
        feed.end(slow);
        let read = reasons(stream).await;
        assert_eq!(read, [Ok(1), Ok(2), Err("SLOW_READER".to_owned())]);
    }

    #[tokio::test]
    async fn more_than_may_wait_is_sent_to_who_reads() {
        let (feed, stream) = Feed::new(2);
        let sending = tokio::spawn(async move {
            for change in 0..100 {
                feed.show_in_time(change).await.expect("it is read");
            }
            feed.end(stopping());
        });
        let read = reasons(stream).await;
        sending.await.expect("sent");
        let mut expected: Vec<_> = (0..100).map(Ok).collect();
        expected.push(Err("STOPPING".to_owned()));
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn nobody_reads() {
        let (feed, stream) = Feed::new(2);
        drop(stream);
        feed.closed().await;
        assert!(feed.show(1).is_err());
        assert!(feed.show_in_time(1).await.is_err());
        feed.end(stopping());
    }

    #[tokio::test]
    async fn who_reads_nothing_in_time_is_slow() {
        let (mut feed, stream) = Feed::new(1);
        feed.patience = Duration::from_millis(10);
        assert_eq!(feed.show_in_time(1).await, Ok(()));
        let slow = feed.show_in_time(2).await.unwrap_err();
        feed.end(slow);
        let read = reasons(stream).await;
        assert_eq!(read, [Ok(1), Err("SLOW_READER".to_owned())]);
    }
}
