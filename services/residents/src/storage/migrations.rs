//! The tables of residents. Names, numbers and telephones are encrypted columns; what must be found
//! by them is found by a keyed hash (`…_index`).

use minzheng_chassis::db::migrate::Migration;

/// All of them, in order.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "residents_0001_persons",
    sql: "
CREATE TABLE person (
    id uuid PRIMARY KEY,
    state text NOT NULL,
    merged_into uuid,
    id_type text NOT NULL,
    id_number {bytes},
    name {bytes},
    phone {bytes},
    birth_date text NOT NULL,
    sex text,
    domicile text NOT NULL,
    residence text NOT NULL,
    life_status text NOT NULL,
    died_on text NOT NULL,
    case_id uuid,
    fact_version bigint NOT NULL,
    corrections bigint NOT NULL,
    registered_at bigint NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX person_newest ON person (registered_at, id);
CREATE INDEX person_domicile ON person (domicile);
CREATE INDEX person_residence ON person (residence);
CREATE TABLE former_identity (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    id_type text NOT NULL,
    id_number {bytes},
    name {bytes},
    replaced_at bigint NOT NULL,
    reason text NOT NULL
);
CREATE INDEX former_identity_person ON former_identity (person_id, id);
CREATE TABLE person_number (
    number_index {bytes} NOT NULL,
    person_id uuid NOT NULL,
    PRIMARY KEY (number_index, person_id)
);
CREATE INDEX person_number_person ON person_number (person_id);
CREATE TABLE number_lock (
    number_index {bytes} PRIMARY KEY,
    locked_at bigint NOT NULL
);
CREATE TABLE provision (
    reference_index {bytes} PRIMARY KEY,
    identity_index {bytes} NOT NULL,
    person_id uuid NOT NULL,
    due_rule_id uuid,
    recorded_at bigint NOT NULL
);
CREATE INDEX provision_person ON provision (person_id);
CREATE TABLE kinship (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    relative_id uuid NOT NULL,
    bond text NOT NULL,
    recorded_at bigint NOT NULL,
    ended_at bigint,
    end_reason text,
    version bigint NOT NULL
);
CREATE UNIQUE INDEX kinship_one_stands ON kinship (person_id, relative_id, bond) WHERE ended_at IS NULL;
CREATE INDEX kinship_relative ON kinship (relative_id) WHERE ended_at IS NULL;
CREATE TABLE kin_circle (
    person_id uuid PRIMARY KEY,
    version bigint NOT NULL
);
CREATE TABLE household (
    id uuid PRIMARY KEY,
    head_id uuid NOT NULL,
    division text NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE household_member (
    person_id uuid PRIMARY KEY,
    household_id uuid NOT NULL
);
CREATE INDEX household_member_household ON household_member (household_id);
",
}];
