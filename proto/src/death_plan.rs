//! The codes that the death plan and its departments share: which action is asked of whom.
//!
//! The plan itself (which fact asks which actions, deadlines, escalation) is in `life-events`; a
//! department answers with the code of the action it was asked for.

/// Code of an action that a fact asks of a department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action {
    /// The department: the service's name.
    pub department: &'static str,
    /// Stable code, unique within the department.
    pub code: &'static str,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $department:literal $code:literal;)*) => {
        $($(#[$doc])* pub const $name: Action = Action { department: $department, code: $code };)*

        /// All actions.
        pub const ALL: &[Action] = &[$($name),*];
    };
}

actions! {
    /// Row 23: stop automated contact while a death is only suspected.
    PAUSE_CONTACT = "residents" "pause-contact";
    /// Row 23: contact again, the suspicion is over.
    RESUME_CONTACT = "residents" "resume-contact";
    /// Row 23: mark deceased.
    MARK_DECEASED = "residents" "mark-deceased";
    /// Row 23: record the corrected date.
    CORRECT_DATE = "residents" "correct-date";
    /// Row 23: mark alive again.
    MARK_ALIVE = "residents" "mark-alive";
    /// Row 04: hold the bed.
    HOLD_BED = "elderly-care" "hold-bed";
    /// Row 04: the stay stands again.
    RESTORE_STAY = "elderly-care" "restore-stay";
    /// Row 04: end the stay the day after the death.
    END_STAY = "elderly-care" "end-stay";
    /// Row 04: free the bed where nothing is owed, and offer it.
    RELEASE_BED = "elderly-care" "release-bed";
    /// Row 04: count the days anew.
    RECOUNT_DAYS = "elderly-care" "recount-days";
    /// Row 11: the dead is a child; close its file.
    CLOSE_CHILD_FILE = "child-welfare" "close-child-file";
    /// Row 11: the child lives; open its file again.
    REOPEN_CHILD_FILE = "child-welfare" "reopen-child-file";
    /// Row 11: the child's date of death changed.
    CORRECT_CHILD_FILE = "child-welfare" "correct-child-file";
    /// Row 12: the dead is a parent, guardian or other kin of children; who is left?
    ASSESS_DEPENDANTS = "child-welfare" "assess-dependants";
}
