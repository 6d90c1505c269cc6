//! Places where a process may die at the worst moment, for the fault harness (feature `failpoints`;
//! without it every call is empty).
//!
//! A process started with the environment variable `FAILPOINT=name:n` aborts the `n`-th time it
//! reaches the place of that name, as kill -9 would end it: nothing is flushed, nobody is told.

/// Between the commit of a command and the reply to its caller.
pub const COMMIT_BEFORE_REPLY: &str = "commit-before-reply";

/// Between the delivery reports of the bus and the deletion of the outbox rows.
pub const SEND_BEFORE_DELETE: &str = "send-before-delete";

/// Between the commit of a reaction's effects and the report of the offset.
pub const EFFECT_BEFORE_OFFSET: &str = "effect-before-offset";

/// Within a transaction over several events, after one of them was applied.
pub const MIDDLE_OF_BATCH: &str = "middle-of-batch";

/// While partitions are being taken: the group waits for an answer.
pub const REBALANCE: &str = "rebalance";

/// All of them.
pub const ALL: [&str; 5] = [
    COMMIT_BEFORE_REPLY,
    SEND_BEFORE_DELETE,
    EFFECT_BEFORE_OFFSET,
    MIDDLE_OF_BATCH,
    REBALANCE,
];

/// The environment variable that arms one.
pub const VARIABLE: &str = "FAILPOINT";

#[cfg(feature = "failpoints")]
pub(crate) use armed::reach;

/// Does nothing: the feature `failpoints` is off.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn reach(_name: &str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the environment asked for. One for the process, since it is the process that dies.
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

    struct Armed {
        name: String,
        left: AtomicU64,
    }

    impl Armed {
        fn from_environment() -> Option<Self> {
            let text = std::env::var(super::VARIABLE).ok()?;
            let Some(armed) = Self::parse(&text) else {
                tracing::error!(%text, "not a failpoint: name:n is");
                return None;
            };
            tracing::warn!(failpoint = %armed.name, "this process will end itself");
            Some(armed)
        }

        fn parse(text: &str) -> Option<Self> {
            let (name, times) = text.split_once(':')?;
            let times: u64 = times.parse().ok().filter(|times| *times > 0)?;
            super::ALL.contains(&name).then(|| Self {
                name: name.to_owned(),
                left: AtomicU64::new(times),
            })
        }

        /// Whether this time is the one.
        fn is_due(&self, name: &str) -> bool {
            self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
        }
    }

    /// Ends the process here if this place is armed and its turn has come.
    pub(crate) fn reach(name: &str) {
        let armed = ARMED.get_or_init(Armed::from_environment);
        if armed.as_ref().is_some_and(|armed| armed.is_due(name)) {
            tracing::warn!(failpoint = name, "ending this process");
            std::process::abort();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_the_named_place_counts_and_only_its_turn_ends() {
            let armed = Armed::parse("rebalance:2").expect("armed");
            assert!(!armed.is_due(super::super::SEND_BEFORE_DELETE));
            assert!(!armed.is_due(super::super::REBALANCE));
            assert!(armed.is_due(super::super::REBALANCE));
            assert!(!armed.is_due(super::super::REBALANCE), "once");
            for wrong in ["", "rebalance", "rebalance:0", "elsewhere:1"] {
                assert!(Armed::parse(wrong).is_none(), "{wrong}");
            }
        }
    }
}
