//! What the tool tells a person: progress on standard error, results on standard output.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command-line tool talks through its standard streams, and only here"
)]

/// Tells what is being done, on standard error, so that standard output stays evaluable by a shell.
pub fn progress(message: impl AsRef<str>) {
    eprintln!("xtask: {}", message.as_ref());
}

/// Prints one line of the result on standard output.
pub fn result(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
}
