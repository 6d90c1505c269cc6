//! Free ports that stay free while their server is down.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

const LOWEST: u16 = 15_000;
const ATTEMPTS: usize = 200;

/// Chooses a TCP port on 127.0.0.1 that nothing listens on.
///
/// It lies below the kernel's ephemeral range: a client that keeps reconnecting to an ephemeral
/// port of a dead server on the same host in the end connects to itself, and the restarted server
/// finds its port taken.
///
/// # Errors
/// No free port was found.
pub fn choose() -> Result<u16> {
    let range = LOWEST..ephemeral_start();
    ensure!(
        range.len() > ATTEMPTS,
        "the ephemeral ports leave no room above {LOWEST}"
    );
    (0..ATTEMPTS)
        .map(|_| random_in(&range))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no free port on 127.0.0.1")
}

fn random_in(range: &Range<u16>) -> u16 {
    let [high, low, ..] = *Uuid::new_v4().as_bytes();
    range.start + u16::from_be_bytes([high, low]) % (range.end - range.start)
}

fn ephemeral_start() -> u16 {
    const LINUX_DEFAULT: u16 = 32_768;
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(LINUX_DEFAULT)
}
