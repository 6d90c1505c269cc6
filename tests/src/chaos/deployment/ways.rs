//! The proxies on the ways between clients, services and servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Replica;
use crate::chaos::proxy::Proxy;
use crate::platform::SERVICES;
use crate::processes::free_port;

/// The settings of a service that reaches PostgreSQL, Kafka and its neighbours through the proxies;
/// `direct` is the port of the one and the address of the other.
pub(super) fn around(
    settings: &[String],
    proxies: &BTreeMap<String, Proxy>,
    direct: (u16, &str),
    service: &str,
) -> Vec<String> {
    let (postgres_port, bootstrap) = direct;
    let proxied = |before: &str| proxies[&format!("{before}/{service}")].address();
    let (postgres, kafka) = (proxied("postgres"), proxied("kafka"));
    let through = |setting: &String| {
        let setting = setting.replace(
            &format!("@127.0.0.1:{postgres_port}/"),
            &format!("@{postgres}/"),
        );
        setting.replace(
            &format!("bus.kafka.bootstrap={bootstrap}"),
            &format!("bus.kafka.bootstrap={kafka}"),
        )
    };
    let mut around: Vec<String> = settings.iter().map(through).collect();
    // Nobody asks another neighbour.
    let residents = proxies[NEIGHBOUR].address();
    around.push(format!("neighbours.residents=http://{residents}"));
    around
}

/// The way of those who ask `residents`, whichever replica answers.
const NEIGHBOUR: &str = "neighbour/residents";

/// A way in for each replica.
pub(super) async fn clients(replicas: &[Replica]) -> anyhow::Result<BTreeMap<String, Proxy>> {
    let mut proxies = BTreeMap::new();
    for replica in replicas {
        let address = replica.process.address.trim_start_matches("http://");
        let proxy = Proxy::start(0, vec![address.parse()?]).await?;
        proxies.insert(format!("client/{}", replica.name()), proxy);
    }
    Ok(proxies)
}

pub(super) fn here(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(super) async fn to_servers(
    ports: &BTreeMap<&'static str, Vec<u16>>,
    postgres_port: u16,
) -> anyhow::Result<BTreeMap<String, Proxy>> {
    let mut proxies = BTreeMap::new();
    for name in SERVICES {
        let postgres = Proxy::start(free_port(), vec![here(postgres_port)]).await?;
        proxies.insert(format!("postgres/{name}"), postgres);
    }
    let replicas = ports["residents"].iter().map(|port| here(*port));
    let neighbour = Proxy::start(free_port(), replicas.collect()).await?;
    proxies.insert(NEIGHBOUR.to_owned(), neighbour);
    Ok(proxies)
}
