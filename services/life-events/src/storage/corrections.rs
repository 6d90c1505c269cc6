//! Corrections of a case ↔ the JSON of its column: few, and only ever read with their case.

use minzheng_chassis::civil::micros;
use minzheng_chassis::seam::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use super::column::{instant, named, parsed};
use crate::domain::death::{Cause, Correction, CorrectionCause, Ruling};

#[derive(Deserialize)]
struct Kept {
    at: i64,
    by: String,
    reason: String,
    cause: String,
    before: String,
    died_on: String,
    fact_version: i64,
}

/// The column's text.
pub(super) fn text(corrections: &[Correction]) -> Option<String> {
    if corrections.is_empty() {
        return None;
    }
    let kept: Value = corrections.iter().map(keep).collect();
    Some(kept.to_string())
}

fn keep(correction: &Correction) -> Value {
    json!({
        "at": micros(correction.at),
        "by": correction.ruling.by,
        "reason": correction.ruling.reason,
        "cause": Cause::from(correction.cause).name(),
        "before": correction.before.to_string(),
        "died_on": correction.died_on.to_string(),
        "fact_version": correction.fact_version,
    })
}

/// What the column's text says.
///
/// # Errors
/// It holds what this program does not know.
pub(super) fn read(text: Option<&str>) -> Result<Vec<Correction>, Failure> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let kept: Vec<Kept> = serde_json::from_str(text).map_err(Failure::internal)?;
    kept.into_iter().map(correction).collect()
}

fn correction(kept: Kept) -> Result<Correction, Failure> {
    let cause = |name: &str| Cause::from_name(name).and_then(CorrectionCause::of);
    Ok(Correction {
        at: instant(kept.at)?,
        cause: named("corrections", &kept.cause, cause)?,
        before: parsed("corrections", &kept.before)?,
        died_on: parsed("corrections", &kept.died_on)?,
        fact_version: kept.fact_version,
        ruling: Ruling {
            by: kept.by,
            reason: kept.reason,
        },
    })
}
