//! `minzheng verify`

use std::process::ExitCode;

use minzheng_proto::operations::v1 as pb;
use serde::Serialize;

use super::connect::Platform;
use super::error::ClientError;
use crate::cli::VerifyArgs;
use crate::output::{Printer, table};

/// What was checked and what was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Checks that ran, in every service.
    pub checks: Vec<String>,
    /// What does not hold; empty if all does.
    pub findings: Vec<Finding>,
}

/// One thing that does not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The service.
    pub service: String,
    /// Which check found it.
    pub check: String,
    /// What is wrong.
    pub detail: String,
}

/// Checks what must always hold; fails where something does not.
///
/// # Errors
/// What the platform refused, or stdout is closed.
pub async fn run(args: &VerifyArgs, printer: Printer) -> anyhow::Result<ExitCode> {
    let verified = ask(&Platform::of(&args.server), &args.service).await?;
    printer.print(&verified, lines)?;
    Ok(if verified.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Asks every process.
///
/// # Errors
/// What the platform refused.
pub async fn ask(platform: &Platform, service: &str) -> Result<Verified, ClientError> {
    let mut verified = Verified::default();
    for mut operations in platform.operations(service)? {
        let request = pb::VerifyRequest {
            service: service.to_owned(),
        };
        let answer = operations
            .verify(request)
            .await
            .map_err(|status| platform.refused(&status))?
            .into_inner();
        for check in answer.checks {
            if !verified.checks.contains(&check) {
                verified.checks.push(check);
            }
        }
        verified
            .findings
            .extend(answer.findings.into_iter().map(|finding| Finding {
                service: finding.service,
                check: finding.check,
                detail: finding.detail,
            }));
    }
    Ok(verified)
}

fn lines(verified: &Verified) -> Vec<String> {
    let found = |check: &str| {
        verified
            .findings
            .iter()
            .filter(|finding| finding.check == check)
            .count()
    };
    let rows: Vec<Vec<String>> = verified
        .checks
        .iter()
        .map(|check| match found(check) {
            0 => vec![check.clone(), "ok".to_owned()],
            count => vec![check.clone(), format!("{count} findings")],
        })
        .collect();
    let mut lines = table(&["CHECK", "RESULT"], &rows);
    if verified.findings.is_empty() {
        return lines;
    }
    let row = |finding: &Finding| {
        vec![
            finding.service.clone(),
            finding.check.clone(),
            finding.detail.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = verified.findings.iter().map(row).collect();
    lines.push(String::new());
    lines.extend(table(&["SERVICE", "CHECK", "FINDING"], &rows));
    lines
}
