//! `minzheng`: see `minzheng --help`.

use std::process::ExitCode;

use clap::Parser;
use minzheng_server::cli::Cli;
use minzheng_server::command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    command::run(cli)
}
