//! The tables of elderly-care. Of persons they hold ids only.

use minzheng_chassis::db::migrate::Migration;

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "elderly_care_0001_beds",
    sql: "
CREATE TABLE facility (
    id uuid PRIMARY KEY,
    tier text NOT NULL,
    division text NOT NULL,
    name text NOT NULL,
    filing text NOT NULL,
    created_at bigint NOT NULL,
    allocation_version bigint NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX facility_division ON facility (division);
CREATE TABLE bed (
    id uuid PRIMARY KEY,
    facility_id uuid NOT NULL,
    division text NOT NULL,
    label text NOT NULL,
    state text NOT NULL,
    held_for text,
    stay_id uuid,
    vacancy_id uuid,
    changed_at bigint NOT NULL,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX bed_label ON bed (facility_id, label);
CREATE UNIQUE INDEX bed_stay ON bed (stay_id);
CREATE INDEX bed_state ON bed (facility_id, state);
CREATE INDEX bed_division ON bed (division);
CREATE TABLE stay (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    facility_id uuid NOT NULL,
    bed_id uuid NOT NULL,
    division text NOT NULL,
    placed_at bigint NOT NULL,
    first_day text NOT NULL,
    state text NOT NULL,
    end_cause text,
    case_id uuid,
    last_day text,
    last_day_provisional boolean NOT NULL,
    owed_fen bigint NOT NULL,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX stay_standing ON stay (person_id) WHERE state IN ('active', 'held', 'displaced') OR end_cause = 'death';
CREATE UNIQUE INDEX stay_in_bed ON stay (bed_id) WHERE state IN ('active', 'held');
CREATE INDEX stay_person ON stay (person_id);
CREATE INDEX stay_facility ON stay (facility_id, id);
CREATE INDEX stay_division ON stay (division);
CREATE TABLE waiting_entry (
    id uuid PRIMARY KEY,
    facility_id uuid NOT NULL,
    person_id uuid NOT NULL,
    division text NOT NULL,
    rank integer NOT NULL,
    priority boolean NOT NULL,
    since bigint NOT NULL,
    place bigint NOT NULL,
    state text NOT NULL,
    promised_bed_id uuid,
    displaced_stay_id uuid,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX waiting_entry_once ON waiting_entry (facility_id, person_id) WHERE state IN ('waiting', 'suspended', 'offered');
CREATE INDEX waiting_entry_queue ON waiting_entry (facility_id, place, person_id) WHERE state IN ('waiting', 'suspended', 'offered');
CREATE INDEX waiting_entry_person ON waiting_entry (person_id);
CREATE TABLE offer (
    id uuid PRIMARY KEY,
    facility_id uuid NOT NULL,
    bed_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    person_id uuid NOT NULL,
    division text NOT NULL,
    state text NOT NULL,
    made_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    closed_at bigint,
    rule_id uuid NOT NULL,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX offer_of_bed ON offer (bed_id) WHERE state = 'open';
CREATE UNIQUE INDEX offer_to_entry ON offer (entry_id) WHERE state = 'open';
CREATE INDEX offer_open ON offer (facility_id) WHERE state = 'open';
CREATE INDEX offer_due ON offer (expires_at) WHERE state = 'open';
CREATE INDEX offer_facility ON offer (facility_id, id);
CREATE INDEX offer_person ON offer (person_id);
CREATE INDEX offer_division ON offer (division);
CREATE TABLE bed_pass (
    bed_id uuid NOT NULL,
    vacancy_id uuid NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (bed_id, vacancy_id, person_id)
);
",
},
// What was noted before counts as declined.
Migration {
    name: "elderly_care_0002_lapsed_offers",
    sql: "ALTER TABLE bed_pass ADD COLUMN lapses integer NOT NULL DEFAULT 0;",
}];
