//! Children's files, guardianship, orphans and de facto unsupported children

pub mod domain;
