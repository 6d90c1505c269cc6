//! libFuzzer with one target, which the environment names; started by `cargo xtask fuzz`.

#![no_main]

use std::sync::LazyLock;

use minzheng_fuzz::{Target, find};

/// Names the environment variable with the target.
const VARIABLE: &str = "MINZHENG_FUZZ_TARGET";

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    find(&name).unwrap_or_else(|| panic!("{VARIABLE}={name} is no target"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
