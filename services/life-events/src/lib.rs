//! Death evidence, cases, the plan, deadlines: the process manager

pub mod domain;
