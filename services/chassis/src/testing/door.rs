//! The gRPC services of a node, and nothing of it that runs by itself: no relay, no consumer, no
//! timer. One call after another has the same effect every time, and is as fast as it can be.

use std::sync::Arc;

use bytes::{Buf, BufMut};
use futures::FutureExt;
use http::uri::PathAndQuery;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::service::Routes;
use tonic::{Request, Status};

use super::node::topic_specs;
use super::{Still, TestDatabase};
use crate::authz::{Caller, development};
use crate::clock::{FakeClock, SharedClock};
use crate::config::Settings;
use crate::context::Context;
use crate::grpc::client::Neighbour;
use crate::grpc::gate::Gated;
use crate::grpc::server::GrpcServer;
use crate::module::Module;
use crate::node::open_bus;

/// Services on SQLite that answer calls. Their neighbours answer each other over a real connection.
pub struct Door {
    service: Gated<Routes>,
    contexts: Arc<[Context]>,
    _database: TestDatabase,
}

impl Door {
    /// Opens one for these services.
    ///
    /// # Panics
    /// Something did not start.
    pub async fn open(modules: Vec<Module>) -> Self {
        let database = TestDatabase::sqlite();
        let clock: SharedClock = Arc::new(FakeClock::at(Timestamp::now()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let neighbour = Neighbour::at(format!("http://{address}").parse().expect("an address"));
        let names = modules.iter().map(|module| module.name.to_owned());
        let neighbours = names.map(|name| (name, neighbour.clone())).collect();
        let settings = Settings::with(database.settings()).expect("settings are valid");
        let bus = open_bus(&settings, &clock).expect("the bus opens");
        let created = bus.apply_topics(&topic_specs()).await;
        created.expect("topics are created");
        let still = Still::new(settings, clock, bus, neighbours);
        let mut contexts = Vec::with_capacity(modules.len());
        for module in modules {
            contexts.push(still.context(module).await);
        }
        let contexts: Arc<[Context]> = contexts.into();
        let (metrics, stopping) = (still.metrics.clone(), still.stopping.clone());
        let server = GrpcServer::new(&contexts, &still.settings, metrics, stopping);
        let server = server.expect("reflection");
        let service = server.behind_the_port();
        let (settings, stopping) = (still.settings.clone(), still.stopping.clone());
        tokio::spawn(async move { server.serve(listener, &settings, stopping).await });
        Self {
            service,
            contexts,
            _database: database,
        }
    }

    /// The contexts of its services.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    /// Calls `package.Service/Method` with the bytes of a message; the bytes of the answer, of the
    /// first one at hand where there may be many.
    ///
    /// # Errors
    /// What the service says.
    ///
    /// # Panics
    /// `method` is no path.
    pub async fn call(
        &self,
        method: &str,
        caller: &Caller,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        let path = format!("/{method}");
        let path = PathAndQuery::try_from(path).expect("a path");
        let mut request = Request::new(message);
        let token = development::token(caller).parse().expect("a header");
        request.metadata_mut().insert("authorization", token);
        let mut client = Grpc::new(self.service.clone());
        client.ready().await.expect("it is always ready");
        let answers = client.server_streaming(request, path, Bytes).await?;
        let mut answers = answers.into_inner();
        match answers.message().now_or_never() {
            Some(first) => Ok(first?.unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }
}

/// Messages as they are.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}
