//! 8 and 12: what stands at the end. Who was reported dead in error stands as if nothing had been
//! reported; and families that lived through the same stand alike, whatever their servers' clocks
//! showed. A family whose story broke off cannot be compared; at least half of them must be.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Found, Harm};
use crate::chaos::observe::{Observed, Print};
use crate::chaos::workload::{SCRIPTS, Script, Shape};

/// Differing lines that are told.
const TOLD: usize = 6;

fn of(observed: &Observed, script: Script) -> Vec<&Print> {
    let name = script.name();
    let prints = observed.api.prints.iter();
    prints.filter(|print| print.script == name).collect()
}

/// What most of them show.
fn usual<'a>(prints: &[&'a Print]) -> Option<&'a [String]> {
    let mut counted: BTreeMap<&[String], usize> = BTreeMap::new();
    for print in prints {
        *counted.entry(&print.lines).or_default() += 1;
    }
    let most = counted.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(lines, _)| lines)
}

/// The families that began one of these scripts.
fn begun(observed: &Observed, scripts: impl Iterator<Item = Script>) -> BTreeSet<u64> {
    let names: BTreeSet<String> = scripts.map(Script::name).collect();
    let stories = observed.ops.iter().filter(|op| op.does() == "story");
    let number = |family: &Value| {
        let script = family["script"].as_str()?;
        names.contains(script).then(|| family["number"].as_u64())?
    };
    stories
        .filter_map(|op| number(&op.deed.what["family"]))
        .collect()
}

/// That fewer than half of the families that began these scripts lived to the end of them.
fn too_few(observed: &Observed, scripts: impl Iterator<Item = Script>) -> Option<(Harm, String)> {
    let begun = begun(observed, scripts);
    let prints = observed.api.prints.iter();
    let lived = prints.filter(|print| begun.contains(&print.family)).count();
    let begun = begun.len();
    let text = format!("only {lived} of {begun} families lived to the end of what they began");
    (2 * lived < begun).then_some((Harm::Wrong, text))
}

pub(super) fn restored(observed: &Observed) -> Found {
    let undone = SCRIPTS
        .into_iter()
        .filter(|script| script.ends_as_control() && !matches!(script, Script::Control(_)));
    let mut found = Vec::from_iter(too_few(observed, undone));
    for shape in [Shape::Single, Shape::Home] {
        let controls = of(observed, Script::Control(shape));
        let Some(expected) = usual(&controls) else {
            found.push((
                Harm::Wrong,
                format!("no family shows how a {shape:?} looks untouched"),
            ));
            continue;
        };
        let undone = SCRIPTS
            .into_iter()
            .filter(|script| script.shape() == shape && script.ends_as_control());
        for print in undone.flat_map(|script| of(observed, script)) {
            if print.lines != expected {
                found.push((Harm::Wrong, differs(print, expected, "is not as before")));
            }
        }
    }
    found
}

pub(super) fn alike(observed: &Observed) -> Found {
    let mut found = Vec::from_iter(too_few(observed, SCRIPTS.into_iter()));
    for script in SCRIPTS {
        let prints = of(observed, script);
        let Some(expected) = usual(&prints) else {
            continue;
        };
        for print in prints.iter().filter(|print| print.lines != expected) {
            found.push((
                Harm::Wrong,
                differs(print, expected, "differs from its like"),
            ));
        }
    }
    found
}

fn differs(print: &Print, expected: &[String], how: &str) -> String {
    let missing = expected.iter().filter(|line| !print.lines.contains(line));
    let surplus = print.lines.iter().filter(|line| !expected.contains(line));
    let lines: Vec<String> = missing
        .map(|line| format!("-[{line}]"))
        .chain(surplus.map(|line| format!("+[{line}]")))
        .take(TOLD)
        .collect();
    format!(
        "family {} ({}) {how}: {}",
        print.family,
        print.script,
        lines.join(" ")
    )
}
