//! What must hold after every run (reliability §1), each as a function over the clients' log and
//! what the platform holds.

mod audit;
mod conservation;
mod effects;
mod requests;
mod settled;
mod standing;
mod streams;

pub use self::settled::QUIET_WITHIN;
pub(super) use self::settled::says_settled;

use super::observe::Observed;

/// How a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Something acknowledged is not there.
    Lost,
    /// Something is there twice.
    Doubled,
    /// Something else does not hold.
    Wrong,
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Number of the checker.
    pub checker: u8,
    /// How it counts.
    pub harm: Harm,
    /// What is wrong.
    pub text: String,
}

/// What a checker finds.
pub(crate) type Found = Vec<(Harm, String)>;

/// How a checker looks.
#[derive(Clone, Copy)]
pub enum Check {
    /// It looks at this.
    Looks(fn(&Observed) -> Vec<(Harm, String)>),
    /// What it is about does not exist yet.
    NotYet(&'static str),
}

/// One of the thirteen.
#[derive(Clone, Copy)]
pub struct Checker {
    /// Its number in the specification.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// How it looks.
    pub check: Check,
}

/// Number of the checker that asks whether everything goes on.
const LIVENESS: u8 = 13;

const PAYMENTS: Check = Check::NotYet("there are no payments yet");

/// The thirteen.
pub const CHECKERS: [Checker; 13] = [
    named(1, "no benefit after death without recovery", PAYMENTS),
    named(2, "conservation", Check::Looks(conservation::check)),
    named(3, "no event lost", Check::Looks(streams::none_lost)),
    named(4, "effect once", Check::Looks(effects::once)),
    named(5, "order per key", Check::Looks(streams::in_order)),
    named(6, "the ledger balances", PAYMENTS),
    named(7, "one payment", PAYMENTS),
    named(8, "reversal restores", Check::Looks(standing::restored)),
    named(9, "settled when answered", Check::Looks(settled::answered)),
    named(
        10,
        "same request, same answer",
        Check::Looks(requests::same),
    ),
    named(
        11,
        "one audit record per change",
        Check::Looks(audit::one_each),
    ),
    named(12, "clock independence", Check::Looks(standing::alike)),
    named(LIVENESS, "liveness", Check::Looks(settled::nothing_open)),
];

const fn named(number: u8, name: &'static str, check: Check) -> Checker {
    Checker {
        number,
        name,
        check,
    }
}

/// Runs all of them.
pub fn run(observed: &Observed) -> Vec<Violation> {
    let found = CHECKERS.iter().map(|checker| of(checker, observed));
    found.flatten().collect()
}

/// Runs one, by its number.
pub fn run_one(number: u8, observed: &Observed) -> Vec<Violation> {
    let wanted = CHECKERS.iter().filter(|checker| checker.number == number);
    wanted.flat_map(|checker| of(checker, observed)).collect()
}

fn of(checker: &Checker, observed: &Observed) -> Vec<Violation> {
    let Check::Looks(look) = checker.check else {
        return Vec::new();
    };
    let violation = |(harm, text)| Violation {
        checker: checker.number,
        harm,
        text,
    };
    look(observed).into_iter().map(violation).collect()
}

/// The findings of `Verify` under one name.
fn verified(observed: &Observed, check: &str, harm: Harm) -> Found {
    let named = observed
        .api
        .findings
        .iter()
        .filter(|finding| finding.check == check);
    named
        .map(|finding| {
            (
                harm,
                format!("verify {}: {}", finding.service, finding.detail),
            )
        })
        .collect()
}
