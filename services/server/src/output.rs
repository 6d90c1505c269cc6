//! Results go to stdout, as a table for people or as JSON for programs; progress goes to stderr.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::cli::Format;

/// Prints results.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    format: Format,
}

impl Printer {
    /// In a format.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether programs read it.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a value: as JSON, or as the lines of `table`.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn print<T: Serialize>(
        &self,
        value: &T,
        table: impl FnOnce(&T) -> Vec<String>,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, value)?;
                writeln!(out)
            }
            Format::Table => table(value)
                .iter()
                .try_for_each(|line| writeln!(out, "{line}")),
        }
    }

    /// Prints one of a stream of values: JSON on one line, or the lines of `table`; at once.
    ///
    /// # Errors
    /// stdout is closed.
    pub fn print_line<T: Serialize>(
        &self,
        value: &T,
        table: impl FnOnce(&T) -> Vec<String>,
    ) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut out, value)?;
                writeln!(out)?;
            }
            Format::Table => table(value)
                .iter()
                .try_for_each(|line| writeln!(out, "{line}"))?,
        }
        out.flush()
    }
}

/// Whether what goes to stderr may be coloured and redrawn: a person looks at it and has not asked
/// for plain text.
pub fn is_drawn() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !plain
}

/// Says something to the person who waits.
pub fn progress(text: impl std::fmt::Display) {
    // A closed stderr is nothing to fail for.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Lines of a table: a header and rows, columns aligned by the width of what is shown (Chinese
/// characters take two places).
pub fn table(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut widths: Vec<usize> = header.iter().map(|cell| width(cell)).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(width(cell));
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, full)| format!("{cell}{}", " ".repeat(full.saturating_sub(width(cell)))))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(
        rows.iter()
            .map(|row| line(row.iter().map(String::as_str).collect())),
    );
    lines
}

/// Places that a text takes in a terminal.
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{2e80}'..='\u{ffef}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}
