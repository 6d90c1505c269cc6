//! The provinces of GB/T 2260.

/// The two-digit codes of GB/T 2260 with their runs of numbers, Taiwan (71), Hong Kong (81) and
/// Macao (82) included.
const PROVINCES: [std::ops::RangeInclusive<u8>; 9] = [
    11..=15,
    21..=23,
    31..=37,
    41..=46,
    50..=54,
    61..=65,
    71..=71,
    81..=81,
    82..=82,
];

/// Whether a two-digit number is the code of a province in GB/T 2260.
pub fn is_province(code: u8) -> bool {
    PROVINCES.iter().any(|run| run.contains(&code))
}
