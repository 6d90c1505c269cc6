//! The tables. Ids and times come from the application; dates, months and codes are text.

use minzheng_chassis::db::migrate::Migration;

/// In order; never edited once released.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "child_welfare_0001_foundation",
    sql: "
CREATE TABLE child (
    id uuid PRIMARY KEY,
    birth_date text NOT NULL,
    division text NOT NULL,
    opened_on text,
    parents_not_found_since text,
    kinship_heard boolean NOT NULL,
    life text NOT NULL,
    died_on text NOT NULL,
    fact_version bigint NOT NULL,
    case_id uuid,
    situation text NOT NULL,
    carer text,
    since text NOT NULL,
    visited text,
    visit_item_id uuid,
    visit_urgency text,
    visit_opened_at bigint,
    visit_due_at bigint,
    month_item_id uuid,
    month_opened_at bigint,
    month_due_at bigint,
    start_month text,
    review_on text,
    separation_rule_id uuid NOT NULL,
    visit_rule_id uuid NOT NULL,
    month_rule_id uuid NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX child_division ON child (division, id);
CREATE INDEX child_situation ON child (situation, division, id);
CREATE INDEX child_review ON child (review_on, id) WHERE review_on IS NOT NULL;
CREATE TABLE child_kin (
    child_id uuid NOT NULL,
    person_id uuid NOT NULL,
    relations text NOT NULL,
    birth_date text NOT NULL,
    life text NOT NULL,
    died_on text NOT NULL,
    fact_version bigint NOT NULL,
    case_id uuid,
    ability text NOT NULL,
    appointment_basis text,
    appointment_since text,
    appointment_until text,
    appointment_legal_basis text,
    PRIMARY KEY (child_id, person_id)
);
CREATE INDEX child_kin_person ON child_kin (person_id);
CREATE TABLE parent_situation (
    child_id uuid NOT NULL,
    person_id uuid NOT NULL,
    ordinal integer NOT NULL,
    kind text NOT NULL,
    since text NOT NULL,
    term_until text,
    ended_on text,
    legal_basis text NOT NULL,
    PRIMARY KEY (child_id, person_id, ordinal)
);
CREATE TABLE death_answer (
    person_id uuid PRIMARY KEY,
    case_id uuid NOT NULL,
    fact_version bigint NOT NULL,
    kind text NOT NULL,
    died_on text NOT NULL,
    tracked boolean NOT NULL,
    shares text NOT NULL,
    given text NOT NULL,
    work_item_id uuid,
    version bigint NOT NULL
);
CREATE INDEX death_answer_item ON death_answer (work_item_id) WHERE work_item_id IS NOT NULL;
",
}];
