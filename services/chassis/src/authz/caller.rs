//! The caller of a command: a person in an office, or a service acting as itself.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::division::DivisionCode;

/// A role (product §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// County clerk (县区经办).
    CountyClerk,
    /// Township worker (乡镇干部).
    TownshipWorker,
    /// Whoever reports deaths: a hospital, the police, a facility, a village.
    Reporter,
    /// Provincial operator (省级运维).
    ProvincialOperator,
    /// Auditor (审计): reads, changes nothing.
    Auditor,
    /// Another service of the platform, acting as itself.
    Service,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 6] = [
        Role::CountyClerk,
        Role::TownshipWorker,
        Role::Reporter,
        Role::ProvincialOperator,
        Role::Auditor,
        Role::Service,
    ];

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Role::CountyClerk => "county_clerk",
            Role::TownshipWorker => "township_worker",
            Role::Reporter => "reporter",
            Role::ProvincialOperator => "provincial_operator",
            Role::Auditor => "auditor",
            Role::Service => "service",
        }
    }

    /// Name for people.
    pub fn chinese(self) -> &'static str {
        match self {
            Role::CountyClerk => "县区经办",
            Role::TownshipWorker => "乡镇干部",
            Role::Reporter => "报告单位",
            Role::ProvincialOperator => "省级运维",
            Role::Auditor => "审计",
            Role::Service => "系统",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No role has that name.
#[derive(Debug, thiserror::Error)]
#[error("unknown role {0}")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Role::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Stable id of the person or service; no personal data.
    pub subject: String,
    /// Roles.
    pub roles: BTreeSet<Role>,
    /// Divisions whose subtrees the caller sees. Empty sees nothing.
    pub divisions: Vec<DivisionCode>,
    /// The department or organisation the caller belongs to.
    pub department: String,
    /// Where a service calls: the subject on whose behalf it does, if it is not its own.
    pub on_behalf_of: Option<String>,
}

impl Caller {
    /// A service acting as itself, in every division.
    pub fn service(name: &str) -> Self {
        Self {
            subject: format!("service:{name}"),
            roles: BTreeSet::from([Role::Service]),
            divisions: vec![DivisionCode::GUIZHOU],
            department: name.to_owned(),
            on_behalf_of: None,
        }
    }

    /// Whether the caller has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether a division lies in the caller's subtrees.
    pub fn sees(&self, division: DivisionCode) -> bool {
        self.divisions.iter().any(|own| own.contains(division))
    }

    /// First and last 12-digit code of each subtree that the caller sees, for scoped finders.
    pub fn scope(&self) -> Vec<(String, String)> {
        self.divisions.iter().map(|code| code.bounds()).collect()
    }
}
