//! `minzheng migrate`

use std::process::ExitCode;

use minzheng_chassis::clock;
use minzheng_chassis::db::migrate::Migrator;
use minzheng_chassis::node::{apply_migrations, open_database};
use serde::Serialize;

use crate::cli::{MigrateCommand, SettingsArgs};
use crate::modules;
use crate::output::{Printer, table};

#[derive(Serialize)]
struct Line {
    service: &'static str,
    migration: String,
    state: &'static str,
}

/// Applies or lists migrations, service by service.
pub(super) async fn run(
    args: &SettingsArgs,
    command: &MigrateCommand,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let settings = args.load()?;
    let clock = clock::from_settings(&settings);
    let (MigrateCommand::Up(targets) | MigrateCommand::Status(targets)) = command;
    let mut lines = Vec::new();
    for module in modules::of_targets(&targets.target)? {
        let db = open_database(&settings, module.name).await?;
        if matches!(command, MigrateCommand::Up(_)) {
            apply_migrations(&db, &module, &clock).await?;
        }
        let status = Migrator::new(module.declared_migrations())
            .status_of_each(&db)
            .await?;
        lines.extend(status.into_iter().map(|(migration, applied)| Line {
            service: module.name,
            migration,
            state: if applied { "applied" } else { "pending" },
        }));
        db.close().await;
    }
    printer.print(&lines, |lines| {
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                vec![
                    line.service.to_owned(),
                    line.migration.clone(),
                    line.state.to_owned(),
                ]
            })
            .collect();
        table(&["SERVICE", "MIGRATION", "STATE"], &rows)
    })?;
    Ok(ExitCode::SUCCESS)
}
