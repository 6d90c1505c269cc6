//! `minzheng`: see `minzheng --help`.

use std::process::ExitCode;

use clap::Parser;
use minzheng_server::cli::Cli;
use minzheng_server::command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    command::run(cli)
}
