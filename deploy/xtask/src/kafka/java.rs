//! Finds a Java that can run the broker.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::paths;

/// What Kafka's broker asks for since 4.0.
const LOWEST_VERSION: u32 = 17;

/// The `java` command of version 17 or newer: `JAVA_HOME`'s, else `PATH`'s, else an installed one.
pub fn find() -> Option<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    home.into_iter()
        .chain(paths::on_path("java"))
        .chain(installed())
        .find(|java| version(java).is_some_and(|version| version >= LOWEST_VERSION))
}

fn installed() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/lib/jvm") else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.path().join("bin/java"))
        .filter(|java| java.is_file())
        .collect()
}

fn version(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stderr))
}

/// Reads the major version from `openjdk version "17.0.15" 2025-04-15`.
fn parse_version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    quoted
        .split(|character: char| !character.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn reads_the_major_version() {
        let cases = [
            ("openjdk version \"17.0.15\" 2025-04-15", Some(17)),
            ("openjdk version \"25\" 2025-09-16 LTS", Some(25)),
            ("openjdk version \"26-ea\"", Some(26)),
            ("java version \"1.8.0_402\"", Some(1)),
            ("Picked up JAVA_TOOL_OPTIONS", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }
}
