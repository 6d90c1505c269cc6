//! `minzheng doctor`: what is wrong, and how to mend it. It changes nothing and makes nothing.

mod local;
mod running;

use std::process::ExitCode;

use serde::Serialize;

use super::connect::Platform;
use crate::cli::{DoctorArgs, SettingsArgs};
use crate::output::{Printer, table};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Could not be looked at, or is not needed here.
    Skipped,
    /// Works, and somebody should look.
    Warning,
    /// Does not work.
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// How to mend it; nothing where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: State::Ok,
            detail: detail.into(),
            mend: None,
        }
    }

    fn skipped(name: &str, detail: impl Into<String>) -> Self {
        Self {
            state: State::Skipped,
            ..Self::ok(name, detail)
        }
    }

    fn warning(name: &str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            mend: Some(mend.into()),
            ..Self::ok(name, detail)
        }
    }

    fn failed(name: &str, detail: impl ToString, mend: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            mend: Some(mend.into()),
            ..Self::ok(name, detail.to_string())
        }
    }
}

/// Looks at everything; fails where something does not work.
///
/// # Errors
/// stdout is closed.
pub async fn run(
    settings: &SettingsArgs,
    args: &DoctorArgs,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let settings = match settings.load() {
        Ok(settings) => Some(settings),
        Err(error) => {
            let mend = "mend the file, variable or flag that is named; `minzheng config show` lists every key";
            checks.push(Check::failed("settings", &error, mend));
            None
        }
    };
    if let Some(settings) = &settings {
        checks.push(Check::ok(
            "settings",
            format!("{} valid", settings.show().len()),
        ));
        checks.extend(local::look(settings).await);
    }
    checks.extend(running::look(&Platform::of(&args.server), settings.as_ref()).await);
    printer.print(&checks, |checks| lines(checks))?;
    let failed = checks.iter().any(|check| check.state == State::Failed);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn lines(checks: &[Check]) -> Vec<String> {
    let word = |state: State| match state {
        State::Ok => "ok",
        State::Skipped => "-",
        State::Warning => "warning",
        State::Failed => "FAILED",
    };
    let row = |check: &Check| {
        vec![
            check.name.clone(),
            word(check.state).to_owned(),
            check.detail.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = checks.iter().map(row).collect();
    let mut lines = table(&["CHECK", "STATE", "SEEN"], &rows);
    for check in checks {
        let Some(mend) = &check.mend else { continue };
        if !lines.iter().any(|line| line == "To mend") {
            lines.extend([String::new(), "To mend".to_owned()]);
        }
        lines.push(format!("  {}: {mend}", check.name));
    }
    lines
}
