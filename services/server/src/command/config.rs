//! `minzheng config`

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::{ConfigCommand, SettingsArgs};
use crate::output::{Printer, table};

#[derive(Serialize)]
struct Setting {
    key: &'static str,
    value: String,
    source: String,
}

/// Shows or checks the settings.
pub(super) fn run(
    args: &SettingsArgs,
    command: &ConfigCommand,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let settings = args.load()?;
    let shown: Vec<Setting> = settings
        .show()
        .into_iter()
        .map(|shown| Setting {
            key: shown.key,
            value: shown.value,
            source: shown.source.to_string(),
        })
        .collect();
    match command {
        ConfigCommand::Check => printer.print(&shown.len(), |count| {
            vec![format!("{count} settings are valid")]
        })?,
        ConfigCommand::Show => printer.print(&shown, |shown| {
            let rows: Vec<Vec<String>> = shown
                .iter()
                .map(|one| vec![one.key.to_owned(), one.value.clone(), one.source.clone()])
                .collect();
            table(&["KEY", "VALUE", "SOURCE"], &rows)
        })?,
    }
    Ok(ExitCode::SUCCESS)
}
