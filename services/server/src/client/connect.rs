//! The way to the platform: channels, the development identity, and one trace per command.

use std::collections::BTreeMap;
use std::time::Duration;

use minzheng_chassis::authz::{Caller, development};
use minzheng_proto::child_welfare::v1::child_welfare_service_client::ChildWelfareServiceClient;
use minzheng_proto::elderly_care::v1::elderly_care_service_client::ElderlyCareServiceClient;
use minzheng_proto::life_events::v1::death_case_service_client::DeathCaseServiceClient;
use minzheng_proto::operations::v1::operations_service_client::OperationsServiceClient;
use minzheng_proto::residents::v1::residents_service_client::ResidentsServiceClient;
use minzheng_proto::work::v1::work_service_client::WorkServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};
use uuid::Uuid;

use super::error::ClientError;
use crate::cli::{Addresses, ServerArgs};
use crate::modules;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long a call may take until its answer begins; `verify` reads whole topics.
const CALL_WITHIN: Duration = Duration::from_secs(60);

/// A channel on which every call says who calls, and within which trace.
pub type Wire = InterceptedService<Channel, Identify>;

/// A running platform, as one caller sees it. Connections are made when first needed. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Platform {
    addresses: Addresses,
    channels: BTreeMap<String, Channel>,
    caller: Caller,
    trace_id: String,
}

impl Platform {
    /// As the arguments say. Must be called on a runtime.
    pub fn of(args: &ServerArgs) -> Self {
        Self::at(args.server.clone(), args.caller())
    }

    /// At some addresses, for a caller. Must be called on a runtime.
    pub fn at(addresses: Addresses, caller: Caller) -> Self {
        let channels = addresses
            .distinct()
            .into_iter()
            .map(|uri| (uri.to_string(), channel(uri)))
            .collect();
        Self {
            addresses,
            channels,
            caller,
            trace_id: new_trace_id(),
        }
    }

    /// The same platform, seen by another person of the same office.
    #[must_use]
    pub fn acting_as(&self, subject: &str) -> Self {
        let caller = Caller {
            subject: subject.to_owned(),
            ..self.caller.clone()
        };
        Self {
            caller,
            ..self.clone()
        }
    }

    /// The same platform; what follows is a trace of its own.
    #[must_use]
    pub fn in_a_new_trace(&self) -> Self {
        Self {
            trace_id: new_trace_id(),
            ..self.clone()
        }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Id of the trace that every call belongs to, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Where the services are.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The API of residents.
    pub fn residents(&self) -> ResidentsServiceClient<Wire> {
        ResidentsServiceClient::new(self.wire("residents"))
    }

    /// The API of life-events.
    pub fn cases(&self) -> DeathCaseServiceClient<Wire> {
        DeathCaseServiceClient::new(self.wire("life-events"))
    }

    /// The API of elderly-care.
    pub fn elderly_care(&self) -> ElderlyCareServiceClient<Wire> {
        ElderlyCareServiceClient::new(self.wire("elderly-care"))
    }

    /// The API of child-welfare.
    pub fn child_welfare(&self) -> ChildWelfareServiceClient<Wire> {
        ChildWelfareServiceClient::new(self.wire("child-welfare"))
    }

    /// Work items of the process in which a service is.
    pub fn work(&self, service: &str) -> WorkServiceClient<Wire> {
        WorkServiceClient::new(self.wire(service))
    }

    /// What operators ask, in the process of one service.
    ///
    /// # Errors
    /// No service has that name.
    pub fn operations_of(
        &self,
        service: &str,
    ) -> Result<OperationsServiceClient<Wire>, ClientError> {
        if !modules::names().contains(&service) {
            return Err(ClientError::unknown_service(service));
        }
        Ok(OperationsServiceClient::new(self.wire(service)))
    }

    /// What operators ask, in every process; in one where a service is named.
    ///
    /// # Errors
    /// No service has that name.
    pub fn operations(
        &self,
        service: &str,
    ) -> Result<Vec<OperationsServiceClient<Wire>>, ClientError> {
        if service.is_empty() {
            return Ok(self
                .channels
                .values()
                .map(|channel| OperationsServiceClient::new(self.through(channel)))
                .collect());
        }
        Ok(vec![self.operations_of(service)?])
    }

    /// Every process: its address and a plain channel to it.
    pub fn processes(&self) -> impl Iterator<Item = (&str, Channel)> {
        self.channels
            .iter()
            .map(|(address, channel)| (address.as_str(), channel.clone()))
    }

    /// What a call that failed means.
    pub fn refused(&self, status: &Status) -> ClientError {
        ClientError::from_status(status, &self.trace_id, &self.addresses.to_string())
    }

    fn wire(&self, service: &str) -> Wire {
        let address = self
            .addresses
            .of(service)
            .or_else(|| self.addresses.distinct().first().copied());
        let channel = address.and_then(|uri| self.channels.get(&uri.to_string()));
        match channel {
            Some(channel) => self.through(channel),
            // Addresses are never empty and every one of them has a channel.
            None => self.through(&channel_nowhere()),
        }
    }

    fn through(&self, channel: &Channel) -> Wire {
        InterceptedService::new(channel.clone(), Identify::new(&self.caller, &self.trace_id))
    }
}

fn channel(uri: &Uri) -> Channel {
    Endpoint::from(uri.clone())
        .connect_timeout(CONNECT_WITHIN)
        .timeout(CALL_WITHIN)
        .tcp_nodelay(true)
        .connect_lazy()
}

fn channel_nowhere() -> Channel {
    Endpoint::from_static("http://127.0.0.1:0").connect_lazy()
}

/// A fresh id of a mutating call.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

fn new_trace_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Puts identity and trace on every call.
#[derive(Clone, Debug)]
pub struct Identify {
    token: Option<MetadataValue<Ascii>>,
    trace_id: String,
}

impl Identify {
    fn new(caller: &Caller, trace_id: &str) -> Self {
        Self {
            token: development::token(caller).parse().ok(),
            trace_id: trace_id.to_owned(),
        }
    }
}

impl Interceptor for Identify {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.token.clone();
        let token = token.ok_or_else(|| {
            Status::unauthenticated("the subject cannot be sent: use plain ASCII")
        })?;
        request.metadata_mut().insert("authorization", token);
        let span = &Uuid::new_v4().simple().to_string()[..16];
        // Asked for by a person: always sampled.
        if let Ok(traceparent) = format!("00-{}-{span}-01", self.trace_id).parse() {
            request.metadata_mut().insert("traceparent", traceparent);
        }
        Ok(request)
    }
}
