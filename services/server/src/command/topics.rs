//! `minzheng topics`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use minzheng_chassis::bus::{Bus, BusError, TopicSpec};
use minzheng_chassis::clock;
use minzheng_chassis::config::{BusKind, Settings};
use minzheng_chassis::node::open_bus;
use minzheng_proto::topics;
use serde::Serialize;

use crate::cli::{SettingsArgs, TopicsCommand};
use crate::output::{Printer, progress, table};

/// How long closing the bus may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Line {
    topic: &'static str,
    partitions: i32,
    exists: bool,
    kept_days: Option<u64>,
    key: &'static str,
    owner: &'static str,
}

/// Creates what is missing of the declared topics; the names created.
pub(crate) async fn apply(bus: &dyn Bus) -> Result<Vec<String>, BusError> {
    let specs: Vec<TopicSpec> = topics::ALL
        .iter()
        .map(|topic| TopicSpec::from(**topic))
        .collect();
    bus.apply_topics(&specs).await
}

/// Creates or lists the topics.
pub(super) async fn run(
    args: &SettingsArgs,
    command: &TopicsCommand,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let settings = args.load()?;
    let existing = match command {
        // Whoever only looks makes nothing.
        TopicsCommand::List if is_not_made(&settings) => BTreeMap::new(),
        TopicsCommand::List | TopicsCommand::Apply => {
            let bus = open_bus(&settings, &clock::from_settings(&settings))?;
            if matches!(command, TopicsCommand::Apply) {
                for name in apply(bus.as_ref()).await? {
                    progress(format!("created {name}"));
                }
            }
            let existing = bus.list_topics().await?;
            bus.close(CLOSE_WITHIN).await;
            existing
        }
    };
    let lines: Vec<Line> = topics::ALL
        .iter()
        .map(|topic| Line {
            topic: topic.name,
            partitions: topic.partitions,
            exists: existing.contains_key(topic.name),
            kept_days: topic.retention.map(|kept| kept.as_secs() / 86_400),
            key: topic.key,
            owner: topic.owner,
        })
        .collect();
    printer.print(&lines, |lines| {
        let rows: Vec<Vec<String>> = lines.iter().map(cells).collect();
        table(
            &["TOPIC", "PARTITIONS", "EXISTS", "KEPT", "KEY", "OWNER"],
            &rows,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn is_not_made(settings: &Settings) -> bool {
    settings.bus.kind == BusKind::Embedded && !settings.data_dir.join("bus.db").exists()
}

fn cells(line: &Line) -> Vec<String> {
    let kept = line
        .kept_days
        .map_or("for ever".to_owned(), |days| format!("{days} days"));
    vec![
        line.topic.to_owned(),
        line.partitions.to_string(),
        if line.exists { "yes" } else { "no" }.to_owned(),
        kept,
        line.key.to_owned(),
        line.owner.to_owned(),
    ]
}
