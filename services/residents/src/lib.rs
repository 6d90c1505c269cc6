//! The only place with names and ID numbers: identity, matching, kinship, residence, life status

pub mod domain;
pub mod storage;
