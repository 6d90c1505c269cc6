//! Etags (AIP-154): the version of an aggregate, opaque to the caller.

use crate::problem::Problem;

/// The etag of a version.
pub fn of(version: i64) -> String {
    format!("v{version}")
}

/// # Errors
/// ABORTED, if the caller's etag is not that of the version; INVALID_ARGUMENT, if it gives none.
pub fn expect(etag: &str, version: i64) -> Result<(), Problem> {
    if etag.is_empty() {
        return Err(Problem::field(
            "etag",
            "REQUIRED",
            "is required",
            "缺少版本标识 etag",
        ));
    }
    if etag == of(version) {
        Ok(())
    } else {
        Err(Problem::etag_mismatch())
    }
}
