//! `dead-letters` and `outbox-age`: what waits for a person, or for too long.

use std::time::Duration;

use crate::context::Context;
use crate::seam::Failure;

/// An outbox row older than this is stuck.
const OUTBOX_STUCK_AFTER: Duration = Duration::from_secs(60);

/// Events that could not be handled, or that the bus refused.
pub(super) async fn dead_letters(cx: &Context) -> Result<Vec<String>, Failure> {
    let counted = crate::inbox::held::count_held(cx.db().reader()).await?;
    let mut findings: Vec<String> = counted
        .iter()
        .map(|(subscription, state, n)| format!("{subscription}: {n} {state}"))
        .collect();
    let refused = crate::outbox::status(cx.db().reader()).await?.refused;
    if refused > 0 {
        findings.push(format!("outbox: {refused} refused by the bus"));
    }
    Ok(findings)
}

/// Events that do not leave the outbox.
pub(super) async fn outbox_age(cx: &Context) -> Result<Vec<String>, Failure> {
    let status = crate::outbox::status(cx.db().reader()).await?;
    let Some(oldest) = status.oldest else {
        return Ok(Vec::new());
    };
    let age = cx.now().duration_since(oldest);
    if age.unsigned_abs() < OUTBOX_STUCK_AFTER {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "{} events wait, the oldest for {} s",
        status.rows,
        age.as_secs()
    )])
}
