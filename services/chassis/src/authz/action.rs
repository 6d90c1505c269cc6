//! What an RPC is, who may call it, and what is recorded of it.

use super::caller::{Caller, Role};
use crate::problem::{Kind, Problem};

/// Whether a call leaves an audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audited {
    /// It changes state: one record per changed aggregate, in its transaction.
    Change,
    /// It shows personal data: one record per look.
    Look,
    /// It shows no personal data and changes nothing.
    No,
}

/// One RPC: its path, who may call it, what is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// `package.Service/Method`.
    pub method: &'static str,
    /// Roles of which one suffices; empty means everybody who has an identity.
    pub roles: &'static [Role],
    /// What is recorded.
    pub audited: Audited,
}

impl Action {
    /// # Errors
    /// The caller has none of the roles.
    pub fn allow(&self, caller: &Caller) -> Result<(), Problem> {
        if self.roles.is_empty() || self.roles.iter().any(|role| caller.has(*role)) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::PermissionDenied,
            "ROLE_REQUIRED",
            format!("{} needs another role", self.method),
            "您的角色无权进行此操作",
        ))
    }
}
