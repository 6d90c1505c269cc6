//! The rules of residents: who somebody is, whose kin they are, where they live, whether they
//! live. Pure: no clock, no database, no network; ids and today's date come in as arguments.
//!
//! Names, numbers, telephone numbers and dates of birth are personal data: nothing here prints
//! them, neither through `Debug` nor in an error.

pub mod document;
pub mod effect;
pub mod errors;
pub mod household;
pub mod identity;
pub mod kinship;
pub mod life;
pub mod masking;
pub mod matching;
pub mod merge;
pub mod person;
pub mod phone;
pub mod place;
pub mod provision;
pub mod registration;
pub mod text;

#[cfg(test)]
mod samples;
