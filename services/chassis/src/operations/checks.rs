//! Names of what `Verify` checks: they are part of its answer, and others go by them.

/// Every number that was given is on its topic.
pub const STREAM_SEQUENCE: &str = "stream-sequence";
/// Numbers of a key rise by one.
pub const STREAM_ORDER: &str = "stream-order";
/// No gap that a consumer noted is left.
pub const STREAM_GAP: &str = "stream-gap";
/// What is on a topic is in the inbox of who listens.
pub const TOPIC_AGAINST_INBOX: &str = "topic-against-inbox";
/// What is said of a person's death has a higher version each time.
pub const FACT_ORDER: &str = "fact-order";
/// Of whom a fact was heard, what it says or a later one is known.
pub const FACT_KNOWN: &str = "fact-known";
/// No event made a department answer a question twice.
pub const ANSWER_ONCE: &str = "answer-once";
/// No event changed one thing in one way twice.
pub const EFFECT_ONCE: &str = "effect-once";
/// Audit records are as they were written.
pub const AUDIT_MAC: &str = "audit-mac";
/// Nothing is parked, stopped or refused.
pub const DEAD_LETTERS: &str = "dead-letters";
/// Nothing has waited in the outbox for long.
pub const OUTBOX_AGE: &str = "outbox-age";
/// Nothing on a topic has waited for a subscription for long.
pub const SUBSCRIPTION_LAG: &str = "subscription-lag";
/// Every answer that was taken is a receipt of the department that was asked.
pub const ANSWER_RECEIPT: &str = "answer-receipt";
/// What the service itself says must hold.
pub const SERVICE: &str = "service";

/// All of them, in the order in which they run.
pub const ALL: [&str; 14] = [
    STREAM_SEQUENCE,
    STREAM_ORDER,
    STREAM_GAP,
    TOPIC_AGAINST_INBOX,
    FACT_ORDER,
    FACT_KNOWN,
    ANSWER_ONCE,
    EFFECT_ONCE,
    AUDIT_MAC,
    DEAD_LETTERS,
    OUTBOX_AGE,
    SUBSCRIPTION_LAG,
    ANSWER_RECEIPT,
    SERVICE,
];
