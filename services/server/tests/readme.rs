//! The READMEs are true: what they say to type works, and what they show is what is printed.
//!
//! A fenced block is tested where a comment before it says so: `<!-- test: … -->`.

mod common;

use std::path::{Path, PathBuf};

use clap::Parser;
use common::{Dev, minzheng};
use minzheng_server::cli::Cli;
use serde_json::Value;

/// Files with commands for people, from the root of the repository.
const FILES: [&str; 2] = ["README.md", "README.zh-CN.md"];

/// What stands in a README for the ids of a running platform, in both languages.
const WAITING: [&str; 2] = ["CASE", "案件"];
const PERSON: [&str; 2] = ["PERSON", "人员"];
const SUSPECTED: [&str; 2] = ["SUSPECTED", "疑似案件"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The lines of the fenced block after a mark.
fn marked<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    let mark = format!("<!-- test: {mark} -->\n```");
    let (_, after) = text
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no block is marked {mark}"));
    let lines = after.lines().skip(1);
    lines.take_while(|line| !line.starts_with("```")).collect()
}

/// The words of a command line, without the comment behind it.
fn words(line: &str) -> Vec<&str> {
    let command = line.split(" #").next().unwrap_or_default();
    command.split_whitespace().collect()
}

/// Whether a printed word is what a shown one stands for: any number is as good as another, and `…` is
/// whatever was left out.
fn is_like(shown: &str, printed: &str) -> bool {
    if shown.contains('…') {
        let ends: Vec<&str> = shown.split('…').collect();
        return printed.starts_with(ends[0]) && printed.ends_with(ends[ends.len() - 1]);
    }
    let shape = |word: &str| {
        let mut shape: String = word.replace(|c: char| c.is_ascii_digit(), "0");
        while shape.contains("00") {
            shape = shape.replace("00", "0");
        }
        shape
    };
    shape(shown) == shape(printed)
}

/// On other ports than the usual ones commands name the server: the tests' only difference.
fn line_is_like(shown: &str, printed: &str) -> bool {
    let printed = printed.split(" --server ").next().unwrap_or_default();
    let (shown, printed): (Vec<&str>, Vec<&str>) = (
        shown.split_whitespace().collect(),
        printed.split_whitespace().collect(),
    );
    shown.len() == printed.len() && shown.iter().zip(&printed).all(|(a, b)| is_like(a, b))
}

/// Every shown line is printed, one after the other; a line `…` stands for any number of lines.
fn assert_printed(shown: &[&str], printed: &str) {
    let mut printed_lines = printed.lines();
    let mut skips = false;
    for line in shown {
        if line.trim() == "…" {
            skips = true;
            continue;
        }
        let found = if std::mem::take(&mut skips) {
            printed_lines.any(|printed| line_is_like(line, printed))
        } else {
            printed_lines
                .next()
                .is_some_and(|printed| line_is_like(line, printed))
        };
        assert!(found, "not printed so: {line:?}\n{printed}");
    }
}

#[test]
fn every_command_of_the_documents_is_understood() {
    let mut files: Vec<String> = FILES.map(str::to_owned).to_vec();
    for directory in ["docs/operations", "docs/guides"] {
        for entry in std::fs::read_dir(root().join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.push(format!("{directory}/{name}"));
        }
    }
    let mut understood = 0;
    for file in &files {
        let text = read(file);
        let mut fenced = false;
        for line in text.lines() {
            if line.starts_with("```") {
                fenced = !fenced && line.starts_with("```sh");
                continue;
            }
            if !fenced || line.ends_with('\\') || line.contains(['\'', '"', '|']) {
                continue;
            }
            for command in line.split("&&") {
                let words = match words(command) {
                    words if words.starts_with(&["minzheng"]) => words,
                    words if words.starts_with(&["cargo", "run", "--"]) => words[2..].to_vec(),
                    _ => continue,
                };
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{file}: {line}: {}", parsed.unwrap_err());
                understood += 1;
            }
        }
    }
    assert!(understood > 25, "{understood}");
}

/// Runs the commands of one README, and compares what is printed with what it shows.
fn holds(file: &str) {
    let text = read(file);
    let directory = tempfile::tempdir().unwrap();
    let dev = Dev::start_as_shown(directory.path());
    assert_printed(&marked(&text, "printed by dev"), &dev.printed);

    let cases = dev.ask(&["case", "list"]);
    let of_phase = |phase: &str| -> Value {
        let cases = cases.as_array().unwrap().iter();
        let mut found = cases.filter(|case| case["phase"] == phase);
        found
            .next()
            .unwrap_or_else(|| panic!("{phase}: {cases:?}", cases = dev.printed))
            .clone()
    };
    let waiting = of_phase("in_review")["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let suspected = of_phase("suspected")["case_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let person = dev
        .printed
        .split_once("--person ")
        .and_then(|(_, after)| after.split_whitespace().next())
        .unwrap()
        .to_owned();
    let commands = marked(&text, "run against dev");
    assert!(commands.len() > 8, "{commands:?}");
    for line in commands {
        let words = words(line);
        assert_eq!(words[0], "minzheng", "{line}");
        let filled: Vec<&str> = words[1..]
            .iter()
            .map(|word| match *word {
                word if WAITING.contains(&word) => waiting.as_str(),
                word if SUSPECTED.contains(&word) => suspected.as_str(),
                word if PERSON.contains(&word) => person.as_str(),
                word => word,
            })
            .collect();
        // Settings are not asked of a server; the doctor looks at this machine, too.
        let run = match filled[0] {
            "config" => minzheng(&filled),
            "doctor" => {
                let data = format!("data_dir={}", directory.path().join("data").display());
                dev.client(&[&filled[..], &["--set", &data]].concat())
            }
            _ => dev.client(&filled),
        };
        assert_eq!(run.code, 0, "{line}: {}{}", run.stdout, run.stderr);
        assert!(!run.stdout.trim().is_empty(), "{line}");
        if filled.starts_with(&["demo", "death-case"]) && text.contains("test: drawn by demo") {
            assert_drawn(&marked(&text, "drawn by demo"), &run.stderr);
        }
    }
}

/// Which department answers first differs from run to run, and what stood in between, too.
fn assert_drawn(shown: &[&str], drawn: &str) {
    const STATES: [&str; 4] = ["open", "done", "needs_human", "nothing_to_do"];
    let timeless = |line: &str| -> Vec<String> {
        let words = line.split_whitespace();
        let word = |word: &str| match word {
            word if word.chars().all(|c| c.is_ascii_digit()) => "0".to_owned(),
            word if STATES.contains(&word) => "state".to_owned(),
            word => word.to_owned(),
        };
        words.map(word).collect()
    };
    let drawn_lines: Vec<Vec<String>> = drawn.lines().map(timeless).collect();
    for line in shown.iter().filter(|line| line.trim() != "…") {
        assert!(
            drawn_lines.contains(&timeless(line)),
            "{line:?} in\n{drawn}"
        );
    }
}

#[test]
fn the_english_readme_is_true() {
    holds("README.md");
}

#[test]
fn the_chinese_readme_is_true() {
    holds("README.zh-CN.md");
}
