//! A running platform as its clients see it: addresses, identities, calls that are tried again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::clock::FakeClock;
use minzheng_chassis::grpc::client::{Neighbour, NeighbourChannel};
use minzheng_chassis::testing::{PATIENCE, TestNode, clerk, operator, reporter, worker};
use minzheng_proto::child_welfare::v1::child_welfare_service_client::ChildWelfareServiceClient;
use minzheng_proto::elderly_care::v1::elderly_care_service_client::ElderlyCareServiceClient;
use minzheng_proto::life_events::v1::death_case_service_client::DeathCaseServiceClient;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::{Code, Status};

/// The services that there are.
pub const SERVICES: [&str; 4] = ["residents", "life-events", "elderly-care", "child-welfare"];

/// How a test moves time.
#[derive(Clone, Debug)]
pub enum ClockControl {
    /// Nodes in this process share a fake clock.
    Fake(FakeClock),
    /// Processes read an offset in seconds from a file.
    File(PathBuf),
}

impl ClockControl {
    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        match self {
            ClockControl::Fake(clock) => clock.advance(by),
            ClockControl::File(path) => {
                let before: i64 = std::fs::read_to_string(path)
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or_default();
                let seconds = before + i64::try_from(by.as_secs()).expect("a short time");
                let next = path.with_extension("next");
                std::fs::write(&next, seconds.to_string()).expect("the offset is written");
                std::fs::rename(next, path).expect("the offset is in place");
            }
        }
    }

    /// Now, as the platform sees it.
    pub fn now(&self) -> jiff::Timestamp {
        use minzheng_chassis::clock::Clock;
        match self {
            ClockControl::Fake(clock) => clock.now(),
            ClockControl::File(path) => {
                let offset: i64 = std::fs::read_to_string(path)
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .unwrap_or_default();
                jiff::Timestamp::now() + Duration::from_secs(offset.unsigned_abs())
            }
        }
    }
}

/// Where each service is reached; several addresses are replicas.
pub struct Platform {
    addresses: BTreeMap<&'static str, Vec<Neighbour>>,
    /// The same, for calls that may read whole topics.
    patient: BTreeMap<&'static str, Neighbour>,
    turn: AtomicUsize,
    /// How time is moved.
    pub clock: ClockControl,
}

impl Platform {
    /// From addresses `http://host:port` of each service.
    pub fn new(addresses: BTreeMap<&'static str, Vec<String>>, clock: ClockControl) -> Self {
        let at = |address: &String| Neighbour::at(address.parse().expect("an address"));
        let patient = |address: &String| {
            Neighbour::within(address.parse().expect("an address"), PATIENCE * 4)
        };
        let patient = addresses
            .iter()
            .map(|(name, replicas)| (*name, patient(&replicas[0])))
            .collect();
        let addresses = addresses
            .into_iter()
            .map(|(name, replicas)| (name, replicas.iter().map(at).collect()))
            .collect();
        Self {
            addresses,
            patient,
            turn: AtomicUsize::new(0),
            clock,
        }
    }

    /// One node that runs all services.
    pub fn of_node(node: &TestNode, clock: &FakeClock) -> Self {
        let address = format!("http://{}", node.node().grpc_address());
        let addresses = SERVICES
            .iter()
            .map(|name| (*name, vec![address.clone()]))
            .collect();
        Self::new(addresses, ClockControl::Fake(clock.clone()))
    }

    /// A channel to a service without identity.
    pub fn bare_channel(&self, service: &str) -> tonic::transport::Channel {
        self.addresses[service][0].bare_channel()
    }

    /// The same platform, with one address for a service.
    pub fn with_address(&self, service: &'static str, address: &str) -> Self {
        let address = || address.parse().expect("an address");
        let mut addresses = self.addresses.clone();
        addresses.insert(service, vec![Neighbour::at(address())]);
        let mut patient = self.patient.clone();
        patient.insert(service, Neighbour::within(address(), PATIENCE * 4));
        Self {
            addresses,
            patient,
            turn: AtomicUsize::new(0),
            clock: self.clock.clone(),
        }
    }

    /// The same platform, reached through this replica of every service; a service with fewer shares
    /// what it has.
    pub fn through_replica(&self, replica: usize) -> Self {
        let only = |replicas: &Vec<Neighbour>| vec![replicas[replica % replicas.len()].clone()];
        let addresses = self.addresses.iter();
        Self {
            addresses: addresses.map(|(name, all)| (*name, only(all))).collect(),
            patient: self.patient.clone(),
            turn: AtomicUsize::new(0),
            clock: self.clock.clone(),
        }
    }

    fn channel(&self, service: &str, caller: &Caller) -> NeighbourChannel {
        let replicas = &self.addresses[service];
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        replicas[turn % replicas.len()].channel(caller, None)
    }

    /// Client of `residents`.
    pub fn residents(&self, caller: &Caller) -> ResidentsServiceClient<NeighbourChannel> {
        ResidentsServiceClient::new(self.channel("residents", caller))
    }

    /// Client of `life-events`.
    pub fn life_events(&self, caller: &Caller) -> DeathCaseServiceClient<NeighbourChannel> {
        DeathCaseServiceClient::new(self.channel("life-events", caller))
    }

    /// Client of `elderly-care`.
    pub fn elderly_care(&self, caller: &Caller) -> ElderlyCareServiceClient<NeighbourChannel> {
        ElderlyCareServiceClient::new(self.channel("elderly-care", caller))
    }

    /// Client of `child-welfare`.
    pub fn child_welfare(&self, caller: &Caller) -> ChildWelfareServiceClient<NeighbourChannel> {
        ChildWelfareServiceClient::new(self.channel("child-welfare", caller))
    }

    /// Client of a service's work items.
    pub fn work(&self, service: &str, caller: &Caller) -> WorkServiceClient<NeighbourChannel> {
        WorkServiceClient::new(self.channel(service, caller))
    }

    /// Client of a service's operations.
    pub fn operations(&self, service: &str) -> OperationsServiceClient<NeighbourChannel> {
        OperationsServiceClient::new(
            self.patient[service].channel(&operator("test.operator"), None),
        )
    }
}

/// Makes a call until the platform answers: what is away or contended is tried again with the same
/// request, as a county system would.
pub async fn until_answered<T, F>(mut call: impl FnMut() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<tonic::Response<T>, Status>>,
{
    let started = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if is_passing(&status) && started.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(status) => return Err(status),
        }
    }
}

fn is_passing(status: &Status) -> bool {
    // A connection that was cut shows as one of these.
    let cut = matches!(
        status.code(),
        Code::Unknown | Code::Cancelled | Code::DeadlineExceeded | Code::Internal
    ) && status.details().is_empty();
    cut || status.code() == Code::Unavailable
        || matches!(
            minzheng_reason(status).as_deref(),
            Some("CONTENDED" | "OVERLOADED")
        )
}

/// The stable reason of an error.
pub fn minzheng_reason(status: &Status) -> Option<String> {
    use tonic_types::StatusExt;
    status
        .get_error_details()
        .error_info()
        .map(|info| info.reason.clone())
}

/// Callers of a county: those the story needs.
pub struct Callers {
    /// County clerk.
    pub clerk: Caller,
    /// Another one, for four eyes.
    pub second_clerk: Caller,
    /// A township worker.
    pub worker: Caller,
    /// Whoever reports deaths.
    pub reporter: Caller,
}

impl Callers {
    /// Of a county.
    pub fn of(county: &str) -> Self {
        Self {
            clerk: clerk("test.clerk", county),
            second_clerk: clerk("test.second-clerk", county),
            worker: worker("test.worker", county),
            reporter: reporter("test.hospital", county),
        }
    }
}
