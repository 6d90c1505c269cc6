//! Runs other programs.

use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result};
use xtask::paths;
use xtask::report::progress;

/// Cargo, in the repository's root, the same one that runs this tool.
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(paths::root());
    command
}

/// Runs a command to its end and tells how it ended.
pub fn run(command: &mut Command) -> Result<ExitStatus> {
    let program = PathBuf::from(command.get_program());
    let name = program
        .file_stem()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let words = command.get_args().map(|word| word.to_string_lossy());
    progress(
        std::iter::once(name)
            .chain(words)
            .collect::<Vec<_>>()
            .join(" "),
    );
    command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {}", program.display()))
}

/// The same exit code as the child's; a child that a signal ended counts as failed.
pub fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => ExitCode::from(code),
        Some(Err(_)) | None => ExitCode::FAILURE,
    }
}
