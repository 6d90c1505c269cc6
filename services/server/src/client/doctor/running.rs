//! The running platform: whether it answers, is ready, and what waits in it.

use std::time::Duration;

use jiff::Timestamp;
use minzheng_chassis::config::Settings;
use minzheng_proto::work::v1 as work;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::Check;
use crate::cli::Addresses;
use crate::client::connect::Platform;
use crate::client::dates::Instant;
use crate::client::dead_letter;
use crate::client::error::ClientError;
use crate::modules;

/// How long a probe may take.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// Looks at all of it; what needs a server is left out where none answers.
pub(super) async fn look(platform: &Platform, settings: Option<&Settings>) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut serving = true;
    for (address, channel) in platform.processes() {
        let check = server(address, channel).await;
        serving &= check.state == super::State::Ok;
        checks.push(check);
    }
    if let Some(settings) = settings {
        checks.extend(readiness(platform.addresses(), settings).await);
    }
    if serving {
        checks.push(dead_letters(platform).await);
        checks.push(overdue(platform).await);
    }
    checks
}

async fn server(address: &str, channel: Channel) -> Check {
    let name = "server";
    let mut client = HealthClient::new(channel);
    let health = client.check(HealthCheckRequest::default());
    let mend =
        "start it with `minzheng dev` or `minzheng serve`, or name its address with --server";
    match tokio::time::timeout(PROBE_WITHIN, health).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => {
            Check::ok(name, format!("{address} serves"))
        }
        Ok(Ok(_)) => Check::failed(
            name,
            format!("{address} is starting or stopping"),
            "wait, then look at its log",
        ),
        Ok(Err(_)) | Err(_) => Check::failed(name, format!("nobody answers at {address}"), mend),
    }
}

/// The readiness page of the node that these settings describe, if that is the one asked about.
async fn readiness(addresses: &Addresses, settings: &Settings) -> Option<Check> {
    let name = "readiness";
    let Addresses::One(uri) = addresses else {
        return None;
    };
    let page = settings.http.listen?;
    if uri.port_u16() != Some(settings.grpc.listen.port()) {
        return None;
    }
    let mend = "the log says why; mend the database or the bus that is named";
    let check = match tokio::time::timeout(PROBE_WITHIN, read_page(&page.to_string())).await {
        Ok(Ok((200, _))) => Check::ok(name, format!("http://{page}/readyz says yes")),
        Ok(Ok((_, body))) => {
            let failing: Vec<&str> = body
                .lines()
                .filter(|line| !line.ends_with(": ok"))
                .collect();
            let full = failing.iter().any(|line| line.ends_with(" writes: failed"));
            let mend = if full {
                "is its disk full? make room: it goes on by itself; the log says what was refused"
            } else {
                mend
            };
            Check::failed(name, failing.join("; "), mend)
        }
        Ok(Err(_)) | Err(_) => {
            Check::skipped(name, format!("nobody answers at http://{page}/readyz"))
        }
    };
    Some(check)
}

async fn read_page(address: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default();
    Ok((status, body))
}

async fn dead_letters(platform: &Platform) -> Check {
    let name = "dead letters";
    match dead_letter::list(platform, "", 1).await {
        Ok(letters) if letters.total == 0 => Check::ok(name, "none"),
        Ok(letters) => {
            let mend = "`minzheng dead-letter list` says why; mend that, then `minzheng dead-letter replay`";
            Check::warning(name, format!("{} wait", letters.total), mend)
        }
        Err(error) => Check::failed(name, &error, error.next_step.clone()),
    }
}

async fn overdue(platform: &Platform) -> Check {
    let name = "deadlines";
    match late_items(platform).await {
        Ok(late) if late.is_empty() => Check::ok(name, "nothing is overdue"),
        Ok(late) => {
            let shown: Vec<String> = late.iter().take(3).map(describe).collect();
            let rest = late.len().saturating_sub(shown.len());
            let more = if rest == 0 {
                String::new()
            } else {
                format!(", and {rest} more")
            };
            let mend = "`minzheng case show CASE` says on whom it waits and what to do";
            Check::warning(
                name,
                format!("{} overdue: {}{more}", late.len(), shown.join(", ")),
                mend,
            )
        }
        Err(error) => Check::failed(name, &error, error.next_step.clone()),
    }
}

fn describe(item: &work::WorkItem) -> String {
    format!("{} {} {}", item.service, item.kind, item.subject_id)
}

/// Open work items whose day has passed; they are listed by due date, so one page of each service
/// holds the latest ones.
async fn late_items(platform: &Platform) -> Result<Vec<work::WorkItem>, ClientError> {
    let now = Instant(Timestamp::now());
    let mut late = Vec::new();
    for service in modules::names() {
        let request = work::ListWorkItemsRequest {
            service: service.to_owned(),
            page_size: 200,
            ..Default::default()
        };
        let answer = platform.work(service).list_work_items(request).await;
        let answer = answer
            .map_err(|status| platform.refused(&status))?
            .into_inner();
        late.extend(answer.items.into_iter().filter(|item| {
            Instant::from_wire(item.due_at.as_ref()).is_some_and(|due_at| due_at < now)
        }));
    }
    Ok(late)
}
