//! `minzheng migrate`

use std::process::ExitCode;

use minzheng_chassis::clock;
use minzheng_chassis::config::Settings;
use minzheng_chassis::db::migrate::Migrator;
use minzheng_chassis::module::Module;
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
        let migrator = Migrator::new(module.declared_migrations());
        let status = match command {
            // Whoever only looks makes nothing.
            MigrateCommand::Status(_) if is_not_made(&settings, &module) => {
                let declared = migrator.declared().into_iter();
                declared.map(|name| (name, false)).collect()
            }
            MigrateCommand::Status(_) => status(&settings, &module, &migrator).await?,
            MigrateCommand::Up(_) => {
                let db = open_database(&settings, module.name).await?;
                apply_migrations(&db, &module, &clock).await?;
                db.close().await;
                status(&settings, &module, &migrator).await?
            }
        };
        lines.extend(status.into_iter().map(|(migration, applied)| Line {
            service: module.name,
            migration,
            state: if applied { "applied" } else { "pending" },
        }));
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

fn is_not_made(settings: &Settings, module: &Module) -> bool {
    let file = format!("{}.db", module.name);
    settings.database.url_template.is_none() && !settings.data_dir.join(file).exists()
}

async fn status(
    settings: &Settings,
    module: &Module,
    migrator: &Migrator,
) -> anyhow::Result<Vec<(String, bool)>> {
    let db = open_database(settings, module.name).await?;
    let status = migrator.status_of_each(&db).await;
    db.close().await;
    Ok(status?)
}
