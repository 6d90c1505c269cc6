//! Administrative divisions 行政区划: their codes, the divisions of Guizhou, and what a code
//! became when a county was renamed, moved or merged.

mod code;
mod history;
mod provinces;
mod shipped;

pub use code::{DivisionCode, DivisionCodeError, Level};
pub use history::{Resolution, ResolveError};
pub use provinces::is_province;
pub use shipped::Divisions;

#[cfg(test)]
mod tests;
