//! The divisions of Guizhou, from the statistical codes of 2023-06-30 that are part of the binary.

use std::sync::OnceLock;

use super::{DivisionCode, Level, history::History};

const PREFECTURES: &str = include_str!("../../data/guizhou_prefectures.csv");
const COUNTIES: &str = include_str!("../../data/guizhou_counties.csv");
const TOWNSHIPS: &str = include_str!("../../data/guizhou_townships.csv");
const VILLAGES: &str = include_str!("../../data/guizhou_villages.csv");

/// A division's code and its Chinese name, which points into the binary.
#[derive(Debug, Clone, Copy)]
struct Row {
    code: DivisionCode,
    name: &'static str,
}

/// Every division of Guizhou: one sorted vector per level, about half a MiB in all.
#[derive(Debug)]
pub struct Divisions {
    levels: [Vec<Row>; 5],
    pub(super) history: History,
}

impl Divisions {
    /// The shipped divisions, read at first use and kept.
    pub fn guizhou() -> &'static Self {
        static SHIPPED: OnceLock<Divisions> = OnceLock::new();
        SHIPPED.get_or_init(|| Self {
            levels: [
                vec![Row {
                    code: DivisionCode::GUIZHOU,
                    name: "贵州省",
                }],
                read(PREFECTURES, Level::Prefecture),
                read(COUNTIES, Level::County),
                read(TOWNSHIPS, Level::Township),
                read(VILLAGES, Level::Village),
            ],
            history: History::read(),
        })
    }

    /// Whether the division is one of those in force in the shipped data.
    pub fn exists(&self, code: DivisionCode) -> bool {
        self.name(code).is_some()
    }

    /// The Chinese name of a division in force: `南明区`.
    pub fn name(&self, code: DivisionCode) -> Option<&'static str> {
        let rows = self.rows(code.level());
        let index = rows.binary_search_by_key(&code, |row| row.code).ok()?;
        rows.get(index).map(|row| row.name)
    }

    /// The names of the division and of all it lies in, the coarsest first, joined:
    /// `贵州省贵阳市南明区新华路街道纪念塔社区`.
    pub fn full_name(&self, code: DivisionCode) -> Option<String> {
        let mut names = vec![self.name(code)?];
        let mut next = code.parent();
        while let Some(outer) = next {
            names.push(self.name(outer)?);
            next = outer.parent();
        }
        names.reverse();
        Some(names.concat())
    }

    /// The division it lies in, where both are in force.
    pub fn parent(&self, code: DivisionCode) -> Option<DivisionCode> {
        let parent = code.parent()?;
        (self.exists(code) && self.exists(parent)).then_some(parent)
    }

    /// The divisions of the next level in a division, sorted by code; none in a village.
    pub fn children(
        &self,
        code: DivisionCode,
    ) -> impl ExactSizeIterator<Item = (DivisionCode, &'static str)> {
        let rows = match code.level().finer() {
            Some(level) => self.slice(code, level),
            None => &[],
        };
        rows.iter().map(|row| (row.code, row.name))
    }

    /// The divisions of a level in a division (itself included at its own level), sorted by code.
    pub fn within(
        &self,
        code: DivisionCode,
        level: Level,
    ) -> impl ExactSizeIterator<Item = (DivisionCode, &'static str)> {
        self.slice(code, level)
            .iter()
            .map(|row| (row.code, row.name))
    }

    /// How many divisions of a level are in force.
    pub fn count(&self, level: Level) -> usize {
        self.rows(level).len()
    }

    fn rows(&self, level: Level) -> &[Row] {
        let [provinces, prefectures, counties, townships, villages] = &self.levels;
        match level {
            Level::Province => provinces,
            Level::Prefecture => prefectures,
            Level::County => counties,
            Level::Township => townships,
            Level::Village => villages,
        }
    }

    /// Codes sort with what they contain, so the contained ones are one run.
    fn slice(&self, code: DivisionCode, level: Level) -> &[Row] {
        let rows = self.rows(level);
        let from = rows.partition_point(|row| row.code < code);
        let length = rows.get(from..).map_or(0, |rest| {
            rest.partition_point(|row| code.contains(row.code))
        });
        rows.get(from..from + length).unwrap_or_default()
    }
}

/// Reads `code,name,…` lines under a heading. Names hold neither commas nor quotes, and a test
/// counts the rows, so that a line that cannot be read does not go unnoticed.
fn read(csv: &'static str, level: Level) -> Vec<Row> {
    let mut rows: Vec<Row> = lines(csv)
        .filter_map(|(digits, rest)| {
            let (name, _) = rest.split_once(',')?;
            let code = DivisionCode::trusted(digits * level.span());
            Some(Row { code, name })
        })
        .collect();
    rows.sort_unstable_by_key(|row| row.code);
    rows.shrink_to_fit();
    rows
}

/// The lines below the heading: the number before the first comma, and what follows it.
pub(super) fn lines(csv: &'static str) -> impl Iterator<Item = (u64, &'static str)> {
    csv.lines().skip(1).filter_map(|line| {
        let (digits, rest) = line.split_once(',')?;
        Some((digits.parse().ok()?, rest))
    })
}
