//! Clients of neighbours: the same tonic clients whether a neighbour shares the process or not.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::authz::{Caller, development};
use crate::telemetry;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// How long a call to a neighbour may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);

/// How long a health check may take.
const HEALTH_WITHIN: Duration = Duration::from_secs(1);

/// Metadata that names the caller on whose behalf a service asks.
pub(super) const ON_BEHALF_OF: &str = "minzheng-on-behalf-of";

/// Another service of the platform. The connection is made when first needed.
#[derive(Clone, Debug)]
pub struct Neighbour {
    channel: Channel,
}

/// A channel on which every call carries identity and trace.
pub type NeighbourChannel = InterceptedService<Channel, Identify>;

impl Neighbour {
    /// At an address; a call may take a few seconds.
    pub fn at(address: Uri) -> Self {
        Self::within(address, CALL_WITHIN)
    }

    /// At an address; a call may take this long. For operators, whose calls may read whole topics.
    pub fn within(address: Uri, call_within: Duration) -> Self {
        let endpoint = Endpoint::from(address)
            .connect_timeout(CONNECT_WITHIN)
            .timeout(call_within)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true);
        Self {
            channel: endpoint.connect_lazy(),
        }
    }

    /// A channel for a service, and for the caller on whose behalf it asks.
    pub fn channel(&self, service: &Caller, on_behalf_of: Option<&Caller>) -> NeighbourChannel {
        let header = |caller: &Caller| development::token(caller).parse().ok();
        let identify = Identify {
            service: header(service),
            on_behalf_of: on_behalf_of.and_then(header),
        };
        InterceptedService::new(self.channel.clone(), identify)
    }

    /// A channel on which calls carry nothing.
    pub fn bare_channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Whether its health check says that a service of it serves.
    pub async fn is_serving(&self, service: &str) -> bool {
        let mut client = HealthClient::new(self.channel.clone());
        let check = client.check(HealthCheckRequest {
            service: service.to_owned(),
        });
        match tokio::time::timeout(HEALTH_WITHIN, check).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// Puts identity and trace on every call.
#[derive(Clone, Debug)]
pub struct Identify {
    service: Option<MetadataValue<Ascii>>,
    on_behalf_of: Option<MetadataValue<Ascii>>,
}

impl Interceptor for Identify {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let metadata = request.metadata_mut();
        if let Some(service) = &self.service {
            metadata.insert("authorization", service.clone());
        }
        if let Some(caller) = &self.on_behalf_of {
            metadata.insert(ON_BEHALF_OF, caller.clone());
        }
        if let Some(traceparent) =
            telemetry::current_traceparent().and_then(|text| text.parse().ok())
        {
            metadata.insert("traceparent", traceparent);
        }
        Ok(request)
    }
}
