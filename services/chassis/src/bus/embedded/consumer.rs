//! A reader of the embedded log: all partitions of its topics, from the positions it was given.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::{BusError, Consumer, Positions, Record, TopicPartition};
use super::registry::{Bell, Registry, Stream};
use super::{record, store};

/// Bytes of records in one poll.
const POLL_BYTES: usize = 1 << 20;

/// Where the consumer stands in one partition.
struct Cursor {
    stream: Arc<Stream>,
    position: i64,
    paused: bool,
    /// Out of the log's range, and said so.
    stopped: bool,
}

pub(super) struct EmbeddedConsumer {
    connection: Connection,
    cursors: Vec<Cursor>,
    complaints: VecDeque<BusError>,
    bell: Arc<Bell>,
    /// Whose turn it is first, so that a busy partition does not starve the others.
    turn: usize,
}

impl EmbeddedConsumer {
    pub fn open(
        path: &Path,
        registry: &Registry,
        topics: &[String],
        positions: &Positions,
    ) -> Result<Self, BusError> {
        let topics = topics
            .iter()
            .map(|name| registry.get(name))
            .collect::<Result<Vec<_>, _>>()?;
        let bell = Arc::new(Bell::default());
        for topic in &topics {
            topic.subscribe(&bell);
        }
        let streams: Vec<_> = topics
            .iter()
            .flat_map(|topic| topic.streams.iter().cloned())
            .collect();
        let cursors = begin(streams, positions)?;
        let connection = store::open_reader(path)?;
        Ok(Self {
            connection,
            cursors,
            complaints: VecDeque::new(),
            bell,
            turn: 0,
        })
    }

    /// What is there now, at most `limit` records.
    fn take(&mut self, limit: usize) -> Result<Vec<Record>, BusError> {
        let mut records: Vec<Record> = Vec::new();
        let mut ends = Vec::new();
        let mut bytes = 0;
        let count = self.cursors.len();
        for step in 0..count {
            if records.len() >= limit || bytes >= POLL_BYTES {
                break;
            }
            let index = (self.turn + step) % count;
            let before = records.len();
            let limits = (limit - before, POLL_BYTES - bytes);
            for stored in self.read(index, limits)? {
                bytes += stored.key.len() + stored.headers.len() + stored.value.len();
                records.push(record(&self.cursors[index].stream.at, stored));
            }
            if records.len() > before {
                ends.extend(records.last().map(|last| (index, last.offset + 1)));
            }
        }
        // Positions move only once everything was read: an error above loses nothing.
        for (index, end) in ends {
            self.cursors[index].position = end;
        }
        self.turn = (self.turn + 1) % count.max(1);
        Ok(records)
    }

    fn read(
        &mut self,
        index: usize,
        limits: (usize, usize),
    ) -> Result<Vec<store::StoredRecord>, BusError> {
        let cursor = &mut self.cursors[index];
        let watermarks = cursor.stream.watermarks();
        if cursor.paused || cursor.stopped || cursor.position == watermarks.high {
            return Ok(Vec::new());
        }
        let mut complaint =
            BusError::check_position(&cursor.stream.at, cursor.position, watermarks).err();
        if complaint.is_none() {
            let records = store::read(&self.connection, cursor.stream.id, cursor.position, limits)?;
            if records
                .first()
                .is_none_or(|first| first.offset == cursor.position)
            {
                return Ok(records);
            }
            // Retention passed between the look and the reading.
            let watermarks = cursor.stream.watermarks();
            complaint =
                BusError::check_position(&cursor.stream.at, cursor.position, watermarks).err();
        }
        if let Some(complaint) = complaint {
            cursor.stopped = true;
            self.complaints.push_back(complaint);
        }
        Ok(Vec::new())
    }

    fn each(&mut self, partitions: &[TopicPartition], change: impl Fn(&mut Cursor)) {
        for cursor in self
            .cursors
            .iter_mut()
            .filter(|cursor| partitions.contains(&cursor.stream.at))
        {
            change(cursor);
        }
    }
}

fn begin(streams: Vec<Arc<Stream>>, positions: &Positions) -> Result<Vec<Cursor>, BusError> {
    let partitions: Vec<_> = streams.iter().map(|stream| stream.at.clone()).collect();
    let starts = positions(&partitions)?;
    streams
        .into_iter()
        .map(|stream| {
            let position = *starts
                .get(&stream.at)
                .ok_or_else(|| BusError::Positions(format!("none was given for {}", stream.at)))?;
            Ok(Cursor {
                stream,
                position,
                paused: false,
                stopped: false,
            })
        })
        .collect()
}

impl Consumer for EmbeddedConsumer {
    fn poll(&mut self, wait: Duration, limit: usize) -> Result<Vec<Record>, BusError> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(complaint) = self.complaints.pop_front() {
                return Err(complaint);
            }
            let records = self.take(limit)?;
            if !records.is_empty() {
                return Ok(records);
            }
            if !self.complaints.is_empty() {
                continue;
            }
            if Instant::now() >= deadline {
                return Ok(records);
            }
            self.bell.wait(deadline);
        }
    }

    fn assignment(&mut self) -> Vec<TopicPartition> {
        self.cursors
            .iter()
            .map(|cursor| cursor.stream.at.clone())
            .collect()
    }

    fn seek(&mut self, at: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.each(std::slice::from_ref(at), |cursor| {
            cursor.position = offset;
            cursor.stopped = false;
        });
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        self.each(partitions, |cursor| cursor.paused = true);
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), BusError> {
        self.each(partitions, |cursor| cursor.paused = false);
        Ok(())
    }

    fn report(&mut self, _next: &BTreeMap<TopicPartition, i64>) {
        // No lag tool looks here: the positions in the subscriptions' databases are all there is.
    }

    fn close(self: Box<Self>, _limit: Duration) {}
}
