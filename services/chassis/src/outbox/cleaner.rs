//! Deletes what only guards against repetition once it is old enough: inbox rows that were applied
//! and remembered requests. Small steps, so that nothing waits for them.

use sea_orm::DbErr;

use crate::civil::micros;
use crate::context::Context;
use crate::db::{Sql, val};

/// Rows deleted at a time.
const STEP: i64 = 1000;

/// Deletes one step of each; whether there is more.
pub(crate) async fn clean(cx: &Context) -> Result<bool, DbErr> {
    let retention = &cx.settings().retention;
    let before = |kept: std::time::Duration| {
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        micros(cx.now()).saturating_sub(kept)
    };
    let inbox = "DELETE FROM inbox WHERE (subscription, event_id) IN (SELECT subscription, event_id FROM inbox \
                 WHERE state = 'applied' AND received_at < $1 LIMIT $2)";
    let request = "DELETE FROM request WHERE (caller, method, request_id) IN (SELECT caller, method, request_id \
                   FROM request WHERE created_at < $1 LIMIT $2)";
    let full = u64::try_from(STEP).unwrap_or(u64::MAX);
    let inbox = cx
        .db()
        .writer()
        .run(inbox, [val(before(retention.inbox)), val(STEP)])
        .await?;
    let request = cx
        .db()
        .writer()
        .run(request, [val(before(retention.request)), val(STEP)])
        .await?;
    Ok(inbox >= full || request >= full)
}
