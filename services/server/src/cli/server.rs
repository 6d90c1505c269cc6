//! How a client command finds the platform, and as whom it calls.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use clap::Args;
use minzheng_chassis::authz::{Caller, Role};
use minzheng_chassis::division::DivisionCode;
use tonic::transport::Uri;

use crate::modules;

/// Environment variables of client commands; they are no settings of a node.
pub(super) const VARIABLES: [&str; 4] = [
    "MINZHENG_SERVER",
    "MINZHENG_SUBJECT",
    "MINZHENG_ROLES",
    "MINZHENG_DIVISIONS",
];

/// How a client command finds the platform, and as whom it calls.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server and identity")]
pub struct ServerArgs {
    /// Address of the gRPC API, or one per service: `residents=URL,life-events=URL,…`.
    #[arg(
        long,
        env = "MINZHENG_SERVER",
        default_value = "http://127.0.0.1:50051",
        value_name = "URL"
    )]
    pub server: Addresses,
    /// Subject of the development identity.
    #[arg(
        long = "as",
        env = "MINZHENG_SUBJECT",
        default_value = "demo.clerk",
        value_name = "SUBJECT"
    )]
    pub subject: String,
    /// Roles of the development identity, separated by commas.
    #[arg(
        long,
        env = "MINZHENG_ROLES",
        value_delimiter = ',',
        default_value = "county_clerk,reporter,township_worker,provincial_operator"
    )]
    pub roles: Vec<Role>,
    /// Divisions of the development identity, separated by commas.
    #[arg(
        long,
        env = "MINZHENG_DIVISIONS",
        value_delimiter = ',',
        default_value = "52"
    )]
    pub divisions: Vec<DivisionCode>,
}

impl ServerArgs {
    /// The caller that these name.
    pub fn caller(&self) -> Caller {
        Caller {
            subject: self.subject.clone(),
            roles: self.roles.iter().copied().collect(),
            divisions: self.divisions.clone(),
            department: "civil-affairs".to_owned(),
            on_behalf_of: None,
        }
    }
}

/// Where the services are: all behind one address, or each at its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// One process, or a gateway.
    One(Uri),
    /// By service; every service is named.
    Each(BTreeMap<&'static str, Uri>),
}

/// A text that is no address.
#[derive(Debug, thiserror::Error)]
pub enum BadAddress {
    /// No URL of a host.
    #[error("{0} is no URL such as http://127.0.0.1:50051")]
    Url(String),
    /// TLS, which is not built in yet: the identity would travel in the clear.
    #[error(
        "{0}: https is not supported yet (docs/gaps.md); use http, on a network that you trust"
    )]
    Https(String),
    /// No service has that name.
    #[error("no service is called {0}")]
    Service(String),
    /// A service is left out.
    #[error("no address for {0}")]
    Missing(&'static str),
}

impl Addresses {
    /// At one address.
    pub fn one(uri: Uri) -> Self {
        Self::One(uri)
    }

    /// The address of a service.
    pub fn of(&self, service: &str) -> Option<&Uri> {
        match self {
            Self::One(uri) => Some(uri),
            Self::Each(by_service) => by_service.get(service),
        }
    }

    /// Every address once, in a fixed order.
    pub fn distinct(&self) -> Vec<&Uri> {
        match self {
            Self::One(uri) => vec![uri],
            Self::Each(by_service) => {
                let mut distinct: Vec<&Uri> = Vec::new();
                for uri in by_service.values() {
                    if !distinct.contains(&uri) {
                        distinct.push(uri);
                    }
                }
                distinct
            }
        }
    }
}

impl FromStr for Addresses {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.contains('=') {
            return url(text).map(Self::One);
        }
        let mut by_service = BTreeMap::new();
        for pair in text.split(',') {
            let (service, address) = pair
                .split_once('=')
                .ok_or_else(|| BadAddress::Url(pair.to_owned()))?;
            let known = modules::names()
                .into_iter()
                .find(|name| *name == service.trim());
            let known = known.ok_or_else(|| BadAddress::Service(service.to_owned()))?;
            by_service.insert(known, url(address.trim())?);
        }
        match modules::names()
            .into_iter()
            .find(|name| !by_service.contains_key(name))
        {
            Some(missing) => Err(BadAddress::Missing(missing)),
            None => Ok(Self::Each(by_service)),
        }
    }
}

fn url(text: &str) -> Result<Uri, BadAddress> {
    let bad = || BadAddress::Url(text.to_owned());
    let uri: Uri = text.parse().map_err(|_| bad())?;
    match uri.scheme_str() {
        Some("http") if uri.authority().is_some() => Ok(uri),
        Some("https") => Err(BadAddress::Https(text.to_owned())),
        Some(_) | None => Err(bad()),
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(uri) => write!(f, "{uri}"),
            Self::Each(by_service) => {
                let pairs: Vec<String> = by_service
                    .iter()
                    .map(|(name, uri)| format!("{name}={uri}"))
                    .collect();
                f.write_str(&pairs.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_serves_every_service() {
        let one: Addresses = "http://127.0.0.1:50051".parse().unwrap();
        assert_eq!(one.of("residents").unwrap().port_u16(), Some(50051));
        assert_eq!(one.distinct().len(), 1);
    }

    #[test]
    fn each_service_may_have_its_own() {
        let text = "residents=http://a:1,life-events=http://b:1,elderly-care=http://a:1,child-welfare=http://c:1";
        let each: Addresses = text.parse().unwrap();
        assert_eq!(each.of("life-events").unwrap().host(), Some("b"));
        assert_eq!(each.distinct().len(), 3);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "127.0.0.1:50051",
            "ftp://a:1",
            "residents=http://a:1",
            "kings=http://a:1",
            "http://",
        ] {
            assert!(text.parse::<Addresses>().is_err(), "{text}");
        }
    }
}
