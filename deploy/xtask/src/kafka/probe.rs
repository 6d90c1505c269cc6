//! Asks a broker whether it answers at all: a paused one still accepts connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

/// ApiVersions (key 18), version 0, correlation id 1, no client id, empty body; the first four
/// bytes are the length of the rest. Every broker answers it, without authentication.
const API_VERSIONS_REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];

/// Whether the broker on this port of 127.0.0.1 answers a request.
pub(super) fn answers(port: u16) -> bool {
    ask(port).is_ok_and(|correlation_id| correlation_id == 1)
}

fn ask(port: u16) -> std::io::Result<u32> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(&API_VERSIONS_REQUEST)?;
    let mut answer = [0; 8];
    stream.read_exact(&mut answer)?;
    let [_, _, _, _, correlation_id @ ..] = answer;
    Ok(u32::from_be_bytes(correlation_id))
}
