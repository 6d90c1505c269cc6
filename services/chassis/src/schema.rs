//! The chassis' tables, in every service's database. Ids are UUIDv7, instants are microseconds
//! since 1970 UTC, dates and months are text, divisions their 12 digits.

use crate::db::migrate::Migration;

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[
    FOUNDATION,
    SECOND_RECEIPTS,
    REFUSED_ROWS,
    PROVISIONAL_DEADLINES,
    WRITE_PROBE,
];

/// Every look of the relay asks which keys a refused row holds: without an index that is a scan of the
/// whole table, dead rows included.
const REFUSED_ROWS: Migration = Migration {
    name: "chassis_0003_refused_rows",
    sql: "
CREATE INDEX outbox_refused ON outbox (topic, key, seq) WHERE refused_reason IS NOT NULL;
",
};

/// What the answer to a question was said to rest on and who can undo it, for the second receipt.
const SECOND_RECEIPTS: Migration = Migration {
    name: "chassis_0002_second_receipts",
    sql: "
ALTER TABLE work_item_question ADD COLUMN legal_basis text;
ALTER TABLE work_item_question ADD COLUMN undo text;
",
};

/// Whether a due date rests on a calendar that is not published.
const PROVISIONAL_DEADLINES: Migration = Migration {
    name: "chassis_0004_provisional_deadlines",
    sql: "ALTER TABLE work_item ADD COLUMN due_provisional boolean NOT NULL DEFAULT FALSE;",
};

/// What readiness writes to see whether the disk has room.
const WRITE_PROBE: Migration = Migration {
    name: "chassis_0005_write_probe",
    sql: "
CREATE TABLE write_probe (
    id uuid PRIMARY KEY,
    content {bytes} NOT NULL
);
",
};

const FOUNDATION: Migration = Migration {
    name: "chassis_0001_foundation",
    sql: "
CREATE TABLE outbox (
    seq {identity},
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    time bigint NOT NULL,
    division text,
    causation_id uuid,
    correlation_id uuid,
    traceparent text,
    value {bytes} NOT NULL,
    refused_reason text
);
CREATE TABLE stream_sequence (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, key)
);
CREATE TABLE position (
    subscription text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (subscription, topic, partition)
);
CREATE TABLE inbox (
    subscription text NOT NULL,
    event_id uuid NOT NULL,
    state text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    key text NOT NULL,
    received_at bigint NOT NULL,
    envelope {bytes},
    tries integer,
    first_try_at bigint,
    next_try_at bigint,
    reason text,
    decided_by text,
    decision_reason text,
    PRIMARY KEY (subscription, event_id)
);
CREATE INDEX inbox_parked ON inbox (subscription, topic, partition, key, record_offset) WHERE state = 'parked';
CREATE INDEX inbox_due ON inbox (next_try_at) WHERE state = 'parked';
CREATE INDEX inbox_stopped ON inbox (subscription, received_at) WHERE state = 'stopped';
CREATE INDEX inbox_applied ON inbox (received_at) WHERE state = 'applied';
CREATE TABLE stream_gap (
    source text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    missing_sequence bigint NOT NULL,
    kind text NOT NULL,
    seen_at bigint NOT NULL,
    PRIMARY KEY (source, topic, key, missing_sequence)
);
CREATE TABLE known_person (
    person_id uuid PRIMARY KEY,
    merged_into uuid,
    fact_version bigint NOT NULL,
    status text NOT NULL,
    died_on text NOT NULL,
    case_id uuid
);
CREATE TABLE request (
    caller text NOT NULL,
    method text NOT NULL,
    request_id uuid NOT NULL,
    content_hmac {bytes} NOT NULL,
    answer {bytes} NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (caller, method, request_id)
);
CREATE INDEX request_created ON request (created_at);
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    at bigint NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    service text NOT NULL,
    aggregate text NOT NULL,
    aggregate_id uuid NOT NULL,
    division text,
    causation_id uuid,
    record text NOT NULL,
    key_id text NOT NULL,
    mac {bytes} NOT NULL
);
CREATE INDEX audit_aggregate ON audit (aggregate_id, at);
CREATE TABLE lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    counter bigint NOT NULL
);
CREATE TABLE work_item (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    division text NOT NULL,
    role text NOT NULL,
    urgency text NOT NULL,
    opened_at bigint NOT NULL,
    due_at bigint NOT NULL,
    state text NOT NULL,
    claimed_by text,
    outcome text,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX work_item_one_open ON work_item (kind, subject_id) WHERE state IN ('open', 'claimed');
CREATE INDEX work_item_queue ON work_item (due_at, id) WHERE state IN ('open', 'claimed');
CREATE INDEX work_item_subject ON work_item (subject_id);
CREATE TABLE work_item_question (
    work_item_id uuid NOT NULL,
    case_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    action text NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (work_item_id, case_id, fact_version, action)
);
CREATE TABLE rule (
    id uuid PRIMARY KEY,
    programme text NOT NULL,
    key text NOT NULL,
    division text NOT NULL,
    value bigint NOT NULL,
    unit text NOT NULL,
    valid_from text NOT NULL,
    valid_to text,
    legal_basis text NOT NULL,
    recorded_at bigint NOT NULL
);
CREATE UNIQUE INDEX rule_of ON rule (programme, key, division, valid_from);
",
};
