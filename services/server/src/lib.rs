//! The binary `minzheng`: one table of services, and the commands over it.

pub mod cli;
pub mod client;
pub mod command;
pub mod demo;
pub mod modules;
pub mod output;
