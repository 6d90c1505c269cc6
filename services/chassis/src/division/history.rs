//! What county-level codes were and became.
//!
//! The shipped history knows years, so a change counts from 1 January of its year, and it knows
//! counties and prefectures only: townships and villages are those of the shipped data.

use jiff::civil::Date;

use super::{DivisionCode, Divisions, Level, shipped::lines};

const TIMELINE: &str = include_str!("../../data/guizhou_adcode_timeline.csv");
const SUCCESSORS: &str = include_str!("../../data/guizhou_adcode_successors.csv");

/// The division that answers to a code on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Exactly this one.
    Exact(DivisionCode),
    /// One that lies in this county: its code changed, and no history below counties is shipped.
    Within(DivisionCode),
}

impl Resolution {
    /// The division, or the county it lies in.
    pub fn code(self) -> DivisionCode {
        match self {
            Self::Exact(code) | Self::Within(code) => code,
        }
    }
}

/// Why no division answers to a code on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The code never was a division of Guizhou.
    #[error("the code never was a division of Guizhou")]
    Unknown,
    /// The division is known, but neither it nor one it came from existed on that day.
    #[error("the division did not exist on {0}")]
    NotInForce(Date),
}

/// One name of one code for a run of years, both ends included.
#[derive(Debug, Clone, Copy)]
struct Period {
    code: DivisionCode,
    name: &'static str,
    first: i16,
    last: i16,
}

impl Period {
    fn holds(&self, year: i16) -> bool {
        (self.first..=self.last).contains(&year)
    }
}

#[derive(Debug, Clone, Copy)]
struct Change {
    predecessor: DivisionCode,
    successor: DivisionCode,
    year: i16,
}

/// The periods of all county-level and coarser codes, and the changes from one code to another.
#[derive(Debug)]
pub(super) struct History {
    periods: Vec<Period>,
    changes: Vec<Change>,
}

impl History {
    pub(super) fn read() -> Self {
        let mut periods: Vec<Period> = lines(TIMELINE).filter_map(period).collect();
        periods.sort_unstable_by_key(|period| (period.code, period.first));
        Self {
            periods,
            changes: lines(SUCCESSORS).filter_map(change).collect(),
        }
    }

    fn periods_of(&self, code: DivisionCode) -> &[Period] {
        let from = self.periods.partition_point(|period| period.code < code);
        let to = self.periods.partition_point(|period| period.code <= code);
        self.periods.get(from..to).unwrap_or_default()
    }

    fn in_force(&self, code: DivisionCode, year: i16) -> bool {
        self.periods_of(code)
            .iter()
            .any(|period| period.holds(year))
    }

    /// The code that stands for this one in a year: forward along what it became, back along what
    /// it came from.
    fn follow(&self, code: DivisionCode, year: i16) -> Option<DivisionCode> {
        let mut current = code;
        // Each step goes to another period of the finite history; the bound guards the data.
        for _ in 0..self.changes.len() {
            if self.in_force(current, year) {
                return Some(current);
            }
            current = self.step(current, year)?;
        }
        None
    }

    fn step(&self, code: DivisionCode, year: i16) -> Option<DivisionCode> {
        let ended = self
            .periods_of(code)
            .iter()
            .all(|period| period.last < year);
        if ended {
            return self
                .changes
                .iter()
                .find(|change| change.predecessor == code)
                .map(|change| change.successor);
        }
        let mut origins = self
            .changes
            .iter()
            .filter(|change| change.successor == code && change.year > year);
        match (origins.next(), origins.next()) {
            (Some(origin), None) => Some(origin.predecessor),
            // Nothing before it, or several: which one cannot be told.
            (None, _) | (Some(_), Some(_)) => None,
        }
    }
}

impl Divisions {
    /// Whether a province, prefecture or county code was ever in force in Guizhou: the six-digit
    /// prefixes resident numbers can have, those no longer in force included.
    pub fn ever_in_force(&self, code: DivisionCode) -> bool {
        !self.history.periods_of(code).is_empty()
    }

    /// The name a province, prefecture or county code had on a day.
    pub fn name_on(&self, code: DivisionCode, as_of: Date) -> Option<&'static str> {
        let mut periods = self.history.periods_of(code).iter();
        periods
            .find(|period| period.holds(as_of.year()))
            .map(|period| period.name)
    }

    /// The division a code of any time stands for on a day: 520522 is 520581 since 2021, and
    /// 520581 was 520522 before.
    pub fn resolve(&self, code: DivisionCode, as_of: Date) -> Result<Resolution, ResolveError> {
        if code.level() <= Level::County {
            return self.resolve_county(code, as_of).map(Resolution::Exact);
        }
        let county = code.ancestor(Level::County).ok_or(ResolveError::Unknown)?;
        let county_then = self.resolve_county(county, as_of)?;
        if self.exists(code) {
            let unchanged = county_then == county;
            return Ok(if unchanged {
                Resolution::Exact(code)
            } else {
                Resolution::Within(county_then)
            });
        }
        // A county still in force has all its townships and villages in the shipped data.
        if self.exists(county) {
            return Err(ResolveError::Unknown);
        }
        Ok(Resolution::Within(county_then))
    }

    fn resolve_county(
        &self,
        code: DivisionCode,
        as_of: Date,
    ) -> Result<DivisionCode, ResolveError> {
        if !self.ever_in_force(code) {
            return Err(ResolveError::Unknown);
        }
        self.history
            .follow(code, as_of.year())
            .ok_or(ResolveError::NotInForce(as_of))
    }
}

/// `code,name,start_year,end_year`; an empty year is open.
fn period((digits, rest): (u64, &'static str)) -> Option<Period> {
    let mut cells = rest.split(',');
    let (name, first, last) = (cells.next()?, cells.next()?, cells.next()?);
    let year = |cell: &str, open: i16| match cell {
        "" => Some(open),
        year => year.parse().ok(),
    };
    Some(Period {
        code: DivisionCode::trusted(digits * Level::County.span()),
        name,
        first: year(first, i16::MIN)?,
        last: year(last, i16::MAX)?,
    })
}

/// `predecessor,successor,year`: since that year the successor stands for the predecessor.
fn change((digits, rest): (u64, &'static str)) -> Option<Change> {
    let (successor, year) = rest.split_once(',')?;
    let successor: u64 = successor.parse().ok()?;
    Some(Change {
        predecessor: DivisionCode::trusted(digits * Level::County.span()),
        successor: DivisionCode::trusted(successor * Level::County.span()),
        year: year.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_history_is_whole() {
        let history = &Divisions::guizhou().history;
        assert_eq!(history.periods.len(), TIMELINE.lines().count() - 1);
        assert_eq!(history.changes.len(), SUCCESSORS.lines().count() - 1);
    }

    #[test]
    fn every_code_that_ended_became_one_in_force() {
        let divisions = Divisions::guizhou();
        let history = &divisions.history;
        for period in &history.periods {
            let now = history.follow(period.code, 2023).unwrap();
            assert!(divisions.exists(now), "{} became {now}", period.code);
        }
    }

    #[test]
    fn changes_join_the_periods_without_a_gap() {
        let history = &Divisions::guizhou().history;
        for change in &history.changes {
            let before = history.periods_of(change.predecessor).last().unwrap();
            assert_eq!(before.last + 1, change.year, "{}", change.predecessor);
            assert!(history.in_force(change.successor, change.year));
        }
    }

    #[test]
    fn the_shipped_counties_are_those_in_force() {
        let divisions = Divisions::guizhou();
        for level in [Level::Province, Level::Prefecture, Level::County] {
            for (code, name) in divisions.within(DivisionCode::GUIZHOU, level) {
                assert_eq!(
                    divisions.name_on(code, jiff::civil::date(2023, 6, 30)),
                    Some(name)
                );
            }
        }
        for period in divisions
            .history
            .periods
            .iter()
            .filter(|period| period.holds(2023))
        {
            assert!(divisions.exists(period.code), "{}", period.code);
        }
    }
}
