//! The tables of life-events. No name and no number of a person: an organisation's reference, which
//! may be an ID number, is an encrypted column found by a keyed hash (`…_index`).

use minzheng_chassis::db::migrate::Migration;

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "life_events_0001_cases",
    sql: "
CREATE TABLE death_case (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    episode integer NOT NULL,
    phase text NOT NULL,
    plan_version integer NOT NULL,
    fact_version bigint NOT NULL,
    died_on text NOT NULL,
    declared_on text,
    revoked_on text,
    ruled_on text,
    reversed_on text,
    division text NOT NULL,
    domicile text,
    residence text,
    place text,
    review_since bigint,
    review_due_at bigint,
    review_rule_id uuid,
    verification_since bigint,
    verification_due_at bigint,
    verification_rule_id uuid,
    verification_escalated boolean NOT NULL,
    conflict_since bigint,
    conflict_due_at bigint,
    conflict_rule_id uuid,
    reversal_id uuid,
    reversal_prepared_by text,
    reversal_reason text,
    reversal_revoked_on text,
    reversal_since bigint,
    reversal_due_at bigint,
    reversal_rule_id uuid,
    merged_into uuid,
    opened_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    told_until bigint,
    due_at bigint,
    decision_due_at bigint,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX death_case_episode ON death_case (person_id, episode);
CREATE INDEX death_case_newest ON death_case (opened_at, id);
CREATE INDEX death_case_division ON death_case (division);
CREATE INDEX death_case_due ON death_case (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX death_case_decision_due ON death_case (decision_due_at) WHERE decision_due_at IS NOT NULL;
CREATE TABLE evidence (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    position integer NOT NULL,
    organisation text NOT NULL,
    reference {bytes} NOT NULL,
    document_index {bytes} NOT NULL,
    revision integer NOT NULL,
    source text NOT NULL,
    died_on text NOT NULL,
    declared_on text,
    place text,
    document_date text,
    document_hash {bytes},
    reporter text NOT NULL,
    received_at bigint NOT NULL,
    standing text NOT NULL
);
CREATE UNIQUE INDEX evidence_document ON evidence (document_index, revision);
CREATE INDEX evidence_case ON evidence (case_id, position);
CREATE INDEX evidence_reporter ON evidence (reporter, case_id);
CREATE INDEX evidence_organisation ON evidence (organisation, case_id);
CREATE TABLE question (
    case_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    department text NOT NULL,
    action text NOT NULL,
    state text NOT NULL,
    asked_at bigint NOT NULL,
    due_at bigint NOT NULL,
    escalated boolean NOT NULL,
    outcome text,
    legal_basis text,
    undo text,
    work_item_id uuid,
    reason text,
    receipt_event_id uuid,
    answered_at bigint,
    PRIMARY KEY (case_id, fact_version, department, action)
);
CREATE INDEX question_due ON question (due_at) WHERE state = 'open' AND NOT escalated;
CREATE TABLE decided_record (
    person_id uuid PRIMARY KEY,
    verdict text NOT NULL,
    domicile text,
    residence text,
    decided_at bigint NOT NULL
);
CREATE TABLE clearance (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    asked_by text NOT NULL,
    issued_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    rule_id uuid NOT NULL
);
CREATE INDEX clearance_case ON clearance (case_id, issued_at);
",
},
Migration {
    name: "life_events_0002_provisional_deadlines",
    sql: "
ALTER TABLE death_case ADD COLUMN review_due_provisional boolean NOT NULL DEFAULT FALSE;
ALTER TABLE death_case ADD COLUMN verification_due_provisional boolean NOT NULL DEFAULT FALSE;
ALTER TABLE death_case ADD COLUMN conflict_due_provisional boolean NOT NULL DEFAULT FALSE;
ALTER TABLE death_case ADD COLUMN reversal_due_provisional boolean NOT NULL DEFAULT FALSE;
ALTER TABLE question ADD COLUMN due_provisional boolean NOT NULL DEFAULT FALSE;
",
},
Migration {
    name: "life_events_0003_corrections",
    sql: "ALTER TABLE death_case ADD COLUMN corrections text;",
}];
