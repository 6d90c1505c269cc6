//! Which date counts (民法典 Art. 15): the death certificate's; lacking it, or lacking its day or
//! month, the household registration's; then the cremation certificate's. Only where none of
//! these states a date do weaker reports count, among themselves by rank. A data hint states no
//! date of death: it dates a case that has nothing else, and contradicts nobody.
//!
//! A coarser date that contains the finer one corroborates, and the finer stands. The result does
//! not depend on the order of the reports, with one exception that a person must decide: of two
//! that contradict each other at the same rank, the date that already stands goes on standing, so
//! that a conflict never takes back a fact.

use std::ops::RangeInclusive;

use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;

use super::evidence::{Evidence, Standing};

const CONFIRMING: RangeInclusive<u8> = 1..=3;
const SUSPECTING: RangeInclusive<u8> = 4..=5;
const HINTING: RangeInclusive<u8> = 6..=6;

/// The date of death by the evidence as it stands; `standing` is the date that stood before.
pub fn died_on(evidence: &[Evidence], standing: PartialDate) -> PartialDate {
    dated_by(CONFIRMING, evidence, standing)
        .or_else(|| dated_by(SUSPECTING, evidence, standing))
        .or_else(|| dated_by(HINTING, evidence, standing))
        .unwrap_or(PartialDate::UNKNOWN)
}

/// The day of a court's declaration of death, where one is proven; the earliest of several.
pub fn declared_on(evidence: &[Evidence]) -> Option<PartialDate> {
    evidence
        .iter()
        .filter(|item| item.proves())
        .filter_map(|item| item.statement.declared_on)
        .min_by_key(|date| (date.earliest(), date.latest()))
}

/// The place of death by the strongest evidence that names one; of equals the one received first.
pub fn place(evidence: &[Evidence]) -> Option<DivisionCode> {
    evidence
        .iter()
        .filter(|item| item.proves() && item.statement.place.is_some())
        .min_by_key(|item| item.rank())
        .and_then(|item| item.statement.place)
}

/// Whether a person must decide: two dates contradict each other, or one of them the date that a
/// person ruled. Another month, or another day at equal precision, contradicts.
pub fn contradicts(evidence: &[Evidence], ruled_on: Option<PartialDate>) -> bool {
    let dates: Vec<PartialDate> = current(evidence)
        .filter(|item| !HINTING.contains(&item.rank()))
        .map(|item| item.statement.died_on)
        .collect();
    match ruled_on {
        Some(ruled) => dates.iter().any(|date| !ruled.compatible(*date)),
        None => dates.iter().enumerate().any(|(index, date)| {
            dates[index + 1..]
                .iter()
                .any(|other| !date.compatible(*other))
        }),
    }
}

/// Walks the ranks from the strongest: the first that states a date gives it, weaker ones fill in
/// what it leaves open.
fn dated_by(
    ranks: RangeInclusive<u8>,
    evidence: &[Evidence],
    standing: PartialDate,
) -> Option<PartialDate> {
    ranks
        .filter_map(|rank| dated_by_rank(rank, evidence, standing))
        .reduce(refined)
}

/// The finest date of one rank. Where its dates contradict each other, those that agree with the
/// standing date are refined, else those that agree with the first.
fn dated_by_rank(rank: u8, evidence: &[Evidence], standing: PartialDate) -> Option<PartialDate> {
    let dates: Vec<PartialDate> = current(evidence)
        .filter(|item| item.rank() == rank)
        .map(|item| item.statement.died_on)
        .filter(|date| *date != PartialDate::UNKNOWN)
        .collect();
    let stands = dates.iter().find(|date| **date == standing);
    let agrees = || dates.iter().find(|date| date.compatible(standing));
    let anchor = stands.or_else(agrees).or(dates.first())?;
    Some(dates.iter().copied().fold(*anchor, refined))
}

/// The finer of two dates that agree; the first where they do not.
fn refined(date: PartialDate, other: PartialDate) -> PartialDate {
    date.finer(other).unwrap_or(date)
}

fn current(evidence: &[Evidence]) -> impl Iterator<Item = &Evidence> {
    evidence
        .iter()
        .filter(|item| item.standing == Standing::Current)
}

#[cfg(test)]
#[path = "tests/dating.rs"]
mod tests;
