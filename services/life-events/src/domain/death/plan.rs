//! The death plan: which fact asks which actions of which department (product §4.2).
//!
//! Adding a department is one entry. A plan that cases have begun with is never edited: a changed
//! plan gets the next version, and the older one stays in `PLANS`.

use minzheng_chassis::authz::Role;
use minzheng_chassis::person::FactKind::{self, Confirmed, Corrected, Lifted, Reversed, Suspected};
use minzheng_proto::death_plan::{
    self, ASSESS_DEPENDANTS, Action, CLOSE_CHILD_FILE, CORRECT_CHILD_FILE, CORRECT_DATE, END_STAY,
    HOLD_BED, MARK_ALIVE, MARK_DECEASED, PAUSE_CONTACT, RECOUNT_DAYS, RELEASE_BED,
    REOPEN_CHILD_FILE, RESTORE_STAY, RESUME_CONTACT,
};

use super::question::Undo;

/// The plan that new cases begin with.
pub static PLAN: Plan = Plan {
    version: 1,
    steps: &[
        // Row 23.
        Step {
            department: "residents",
            chinese: "居民基础库",
            undo: Undo::Machine,
            answer_within: WorkingDays(1),
            if_late: Role::CountyClerk,
            on: &[
                (Suspected, &[PAUSE_CONTACT]),
                (Lifted, &[RESUME_CONTACT]),
                (Confirmed, &[MARK_DECEASED]),
                (Corrected, &[CORRECT_DATE]),
                (Reversed, &[MARK_ALIVE]),
            ],
        },
        // Row 04.
        Step {
            department: "elderly-care",
            chinese: "养老服务",
            undo: Undo::Machine,
            answer_within: WorkingDays(1),
            if_late: Role::CountyClerk,
            on: &[
                (Suspected, &[HOLD_BED]),
                (Lifted, &[RESTORE_STAY]),
                (Confirmed, &[END_STAY, RELEASE_BED]),
                (Corrected, &[RECOUNT_DAYS]),
                (Reversed, &[RESTORE_STAY]),
            ],
        },
        // Rows 11 and 12. A suspicion changes nothing for a child: nobody is called an orphan on
        // hearsay.
        Step {
            department: "child-welfare",
            chinese: "儿童福利",
            undo: Undo::Machine,
            answer_within: WorkingDays(1),
            if_late: Role::CountyClerk,
            on: &[
                (Confirmed, &[CLOSE_CHILD_FILE, ASSESS_DEPENDANTS]),
                (Corrected, &[CORRECT_CHILD_FILE, ASSESS_DEPENDANTS]),
                (Reversed, &[REOPEN_CHILD_FILE, ASSESS_DEPENDANTS]),
            ],
        },
    ],
};

/// Every plan that a case may have begun with.
static PLANS: &[&Plan] = &[&PLAN];

/// A number of working days by the State Council's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkingDays(pub u32);

/// Whom a death reaches.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Version; a case stores the one it began with.
    pub version: i32,
    /// The departments.
    pub steps: &'static [Step],
}

/// One department of the plan.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The department: the service's name.
    pub department: &'static str,
    /// Its name for people.
    pub chinese: &'static str,
    /// Who undoes what it does when a death is reversed.
    pub undo: Undo,
    /// How soon it must answer.
    pub answer_within: WorkingDays,
    /// Whom a late answer is escalated to.
    pub if_late: Role,
    /// What each fact asks of it; a fact that is not listed asks nothing.
    pub on: &'static [(FactKind, &'static [Action])],
}

impl Plan {
    /// The plan of a version; none if this program does not know it.
    pub fn of_version(version: i32) -> Option<&'static Plan> {
        PLANS.iter().copied().find(|plan| plan.version == version)
    }

    /// What a fact asks, department by department.
    pub fn asks(&self, kind: FactKind) -> impl Iterator<Item = (&'static Step, Action)> {
        self.steps
            .iter()
            .flat_map(move |step| step.actions(kind).map(move |action| (step, action)))
    }

    /// The step of a department.
    pub fn step(&self, department: &str) -> Option<&'static Step> {
        self.steps.iter().find(|step| step.department == department)
    }
}

impl Step {
    fn actions(&'static self, kind: FactKind) -> impl Iterator<Item = Action> {
        self.on
            .iter()
            .filter(move |(fact, _)| *fact == kind)
            .flat_map(|(_, actions)| actions.iter().copied())
    }
}

/// The action of a department's code; none if there is no such action.
pub fn action(department: &str, code: &str) -> Option<Action> {
    death_plan::ALL
        .iter()
        .copied()
        .find(|action| action.department == department && action.code == code)
}

#[cfg(test)]
#[path = "tests/plan.rs"]
mod tests;
