//! Obtains the real services: existing ones, those that `up` left running, or new ones.

use std::net::{TcpStream, ToSocketAddrs};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use xtask::install::{self, Tool};
use xtask::kafka::Kafka;
use xtask::postgres::Postgres;
use xtask::report::{progress, result};
use xtask::{KAFKA_VARIABLE, POSTGRES_VARIABLE, paths};

use crate::state::{Started, State};

/// The lock under which services are started and ended for the record.
const LOCK: &str = "services";

/// The real services for one run; those that were started for it end when this is dropped.
pub struct Services {
    postgres_url: String,
    kafka: String,
    started: (Option<Postgres>, Option<Kafka>),
}

impl Services {
    /// Finds or starts both services.
    pub fn obtain() -> Result<Self> {
        let state = State::load()?;
        let postgres = given(POSTGRES_VARIABLE)?.or(state.healthy_postgres()?);
        let kafka = given(KAFKA_VARIABLE)?.or(state.healthy_kafka());
        install_for(postgres.is_none(), kafka.is_none())?;
        let (postgres_url, postgres) = match postgres {
            Some(url) => (url, None),
            None => {
                progress("starting PostgreSQL");
                let started = Postgres::start()?;
                (started.url().to_owned(), Some(started))
            }
        };
        let (kafka, broker) = match kafka {
            Some(bootstrap) => (bootstrap, None),
            None => {
                progress("starting Apache Kafka");
                let started = Kafka::start()?;
                (started.bootstrap().to_owned(), Some(started))
            }
        };
        Ok(Self {
            postgres_url,
            kafka,
            started: (postgres, broker),
        })
    }

    /// Names the services to a child.
    pub fn name_to(&self, command: &mut Command) {
        command
            .env(POSTGRES_VARIABLE, &self.postgres_url)
            .env(KAFKA_VARIABLE, &self.kafka);
    }

    fn print(&self) {
        result(format!("export {POSTGRES_VARIABLE}={}", self.postgres_url));
        result(format!("export {KAFKA_VARIABLE}={}", self.kafka));
    }
}

/// Starts what is missing, records it, and prints the environment.
pub fn up() -> Result<()> {
    let _lock = paths::lock(LOCK)?;
    let mut state = State::load()?;
    if given(POSTGRES_VARIABLE)?.is_none() && state.healthy_postgres()?.is_none() {
        state.end_postgres()?;
    }
    if given(KAFKA_VARIABLE)?.is_none() && state.healthy_kafka().is_none() {
        state.end_kafka()?;
    }
    let mut services = Services::obtain()?;
    if let Some(postgres) = services.started.0.take() {
        let process = postgres.process().context("PostgreSQL ended")?;
        state.postgres = Some(Started {
            description: postgres.description().clone(),
            process,
        });
        // Recorded before it is let go: at no moment is it running and unknown.
        state.save()?;
        postgres.detach()?;
    }
    if let Some(kafka) = services.started.1.take() {
        let process = kafka.process().context("Kafka ended")?;
        state.kafka = Some(Started {
            description: kafka.description().clone(),
            process,
        });
        state.save()?;
        kafka.detach()?;
    }
    services.print();
    Ok(())
}

/// Ends what `up` started, and prints how a shell forgets it.
pub fn down() -> Result<()> {
    let _lock = paths::lock(LOCK)?;
    let mut state = State::load()?;
    for (name, ended) in [
        ("PostgreSQL", state.end_postgres()?),
        ("Kafka", state.end_kafka()?),
    ] {
        progress(if ended {
            format!("{name} ended")
        } else {
            format!("no {name} was started")
        });
    }
    result(format!("unset {POSTGRES_VARIABLE} {KAFKA_VARIABLE}"));
    Ok(())
}

/// An existing service that the environment names, when it can be reached.
fn given(variable: &str) -> Result<Option<String>> {
    let Some(value) = std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
    else {
        return Ok(None);
    };
    if !is_reachable(&value) {
        bail!("{variable} names a service that cannot be reached; unset it to have one started");
    }
    Ok(Some(value))
}

/// Connects to the `host:port` of a URL, or to the first of a list of them.
fn is_reachable(address: &str) -> bool {
    let Ok(addresses) = host_and_port(address).to_socket_addrs() else {
        return false;
    };
    addresses
        .into_iter()
        .any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok())
}

fn host_and_port(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', ',']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

/// Installs all that is missing at once, or says in one line all that is to be installed.
fn install_for(postgres: bool, kafka: bool) -> Result<()> {
    let mut tools = Vec::new();
    if postgres {
        tools.push(Tool::Postgres);
    }
    if kafka {
        tools.extend([Tool::Java, Tool::Maven]);
    }
    install::ensure(&tools)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn finds_host_and_port() {
        let cases = [
            (
                "postgres://minzheng:secret@127.0.0.1:5432/postgres",
                "127.0.0.1:5432",
            ),
            ("postgres://db:5432?sslmode=disable", "db:5432"),
            ("127.0.0.1:9092", "127.0.0.1:9092"),
            ("a:9092,b:9092", "a:9092"),
        ];
        for (address, expected) in cases {
            assert_eq!(host_and_port(address), expected);
        }
    }
}
