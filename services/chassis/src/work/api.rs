//! `minzheng.work.v1`, mounted once per process, for every service in it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use minzheng_proto::work::v1 as pb;
use minzheng_proto::work::v1::work_service_server::WorkService;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::commands::{Claim, Complete};
use super::table::{self, Filter, WorkItem};
use crate::authz::{Caller, Role};
use crate::context::Context;
use crate::convert::{self, FromWire};
use crate::grpc::page::Page;
use crate::grpc::{caller, named};
use crate::problem::Problem;
use crate::seam::{Failure, RequestKey};

/// How often a watch looks for changes of other replicas.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Changes that a slow reader may be behind before it is dropped.
const BUFFERED: usize = 256;

/// Items of one service that a watch shows at most.
const WATCHED_AT_MOST: i32 = 200;

/// The service, over all modules of the process.
pub struct WorkApi {
    contexts: Arc<[Context]>,
}

impl WorkApi {
    /// For these modules.
    pub fn new(contexts: Arc<[Context]>) -> Self {
        Self { contexts }
    }

    /// The module that has an item.
    async fn owner(&self, id: Uuid, caller: &Caller) -> Result<(&Context, WorkItem), Failure> {
        for cx in self.contexts.iter() {
            let item = table::find(cx.db().reader(), id).await?;
            if let Some(item) = item.filter(|item| caller.sees(item.division)) {
                return Ok((cx, item));
            }
        }
        Err(Problem::not_found("work item", "待办").into())
    }

    async fn list(
        &self,
        caller: &Caller,
        request: &pb::ListWorkItemsRequest,
    ) -> Result<pb::ListWorkItemsResponse, Failure> {
        let page = Page::of(request.page_size, &request.page_token)?;
        let subject_id =
            Uuid::from_wire("subject_id", &request.subject_id).map_err(Problem::from)?;
        let filter = Filter {
            kind: request.kind.clone(),
            subject_id,
            include_closed: request.include_closed,
            ..filter_of(caller)
        };
        let mut items = Vec::new();
        for cx in named(&self.contexts, &request.service) {
            let own = table::list(cx.db().reader(), &filter, &page).await?;
            items.extend(own.into_iter().map(|item| (cx, item)));
        }
        items.sort_by_key(|(_, item)| (item.due_at, item.id));
        let (items, next_page_token) = page.cut(items, |(_, item)| item.after());
        let items = items.iter().map(|(cx, item)| show(cx, item)).collect();
        Ok(pb::ListWorkItemsResponse {
            items,
            next_page_token,
        })
    }
}

/// Clerks and workers see what their roles may do; operators and auditors see everything.
fn filter_of(caller: &Caller) -> Filter {
    let sees_all = caller.has(Role::ProvincialOperator)
        || caller.has(Role::Auditor)
        || caller.has(Role::Service);
    let roles = if sees_all {
        Vec::new()
    } else {
        caller.roles.iter().map(|role| role.name()).collect()
    };
    Filter {
        scope: caller.scope(),
        roles,
        ..Filter::default()
    }
}

fn show(cx: &Context, item: &WorkItem) -> pb::WorkItem {
    let outcomes = cx
        .module()
        .work_kind(&item.kind)
        .map_or(&[][..], |kind| kind.outcomes());
    item.to_wire(cx.name(), outcomes)
}

#[tonic::async_trait]
impl WorkService for WorkApi {
    type WatchWorkItemsStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchWorkItemsResponse, Status>> + Send>>;

    async fn list_work_items(
        &self,
        request: Request<pb::ListWorkItemsRequest>,
    ) -> Result<Response<pb::ListWorkItemsResponse>, Status> {
        let caller = caller(&request)?;
        Ok(Response::new(self.list(&caller, request.get_ref()).await?))
    }

    async fn get_work_item(
        &self,
        request: Request<pb::GetWorkItemRequest>,
    ) -> Result<Response<pb::GetWorkItemResponse>, Status> {
        let caller = caller(&request)?;
        let id = convert::uuid("id", &request.get_ref().id).map_err(Problem::from)?;
        let (cx, item) = self.owner(id, &caller).await?;
        Ok(Response::new(pb::GetWorkItemResponse {
            item: Some(show(cx, &item)),
        }))
    }

    async fn claim_work_item(
        &self,
        request: Request<pb::ClaimWorkItemRequest>,
    ) -> Result<Response<pb::ClaimWorkItemResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let id = convert::uuid("id", &message.id).map_err(Problem::from)?;
        let key = RequestKey::of(&message.request_id, message)?;
        let (cx, _) = self.owner(id, &caller).await?;
        let answer = cx
            .run(
                &caller,
                Some(key),
                Claim {
                    id,
                    etag: message.etag.clone(),
                },
            )
            .await?;
        Ok(Response::new(answer))
    }

    async fn complete_work_item(
        &self,
        request: Request<pb::CompleteWorkItemRequest>,
    ) -> Result<Response<pb::CompleteWorkItemResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.get_ref();
        let id = convert::uuid("id", &message.id).map_err(Problem::from)?;
        let key = RequestKey::of(&message.request_id, message)?;
        let (cx, _) = self.owner(id, &caller).await?;
        let command = Complete {
            id,
            etag: message.etag.clone(),
            outcome: message.outcome.clone(),
            note: message.note.clone(),
        };
        Ok(Response::new(cx.run(&caller, Some(key), command).await?))
    }

    async fn watch_work_items(
        &self,
        request: Request<pb::WatchWorkItemsRequest>,
    ) -> Result<Response<Self::WatchWorkItemsStream>, Status> {
        let caller = caller(&request)?;
        let (sender, receiver) = mpsc::channel(BUFFERED);
        let watch = Watch {
            contexts: named(&self.contexts, &request.get_ref().service)
                .cloned()
                .collect(),
            filter: Filter {
                kind: request.get_ref().kind.clone(),
                ..filter_of(&caller)
            },
            sender,
            seen: HashMap::new(),
        };
        tokio::spawn(watch.run());
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// One watcher: the open items at once, then every change.
struct Watch {
    contexts: Vec<Context>,
    filter: Filter,
    sender: mpsc::Sender<Result<pb::WatchWorkItemsResponse, Status>>,
    seen: HashMap<Uuid, i64>,
}

impl Watch {
    async fn run(mut self) {
        while !self.sender.is_closed() {
            if let Err(failure) = self.look().await {
                // The reader may be gone already; then nobody is left to be told.
                let _ = self.sender.try_send(Err(failure.into()));
                return;
            }
            tokio::select! {
                () = self.sender.closed() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), Failure> {
        let page = Page::of(WATCHED_AT_MOST, "")?;
        for cx in self.contexts.clone() {
            let open = table::list(cx.db().reader(), &self.filter, &page).await?;
            let gone: Vec<Uuid> = self.gone(&open);
            for item in &open {
                self.show(&cx, item)?;
            }
            for id in gone {
                if let Some(item) = table::find(cx.db().reader(), id).await? {
                    self.seen.remove(&id);
                    self.send(show(&cx, &item))?;
                }
            }
        }
        Ok(())
    }

    fn gone(&self, open: &[WorkItem]) -> Vec<Uuid> {
        self.seen
            .keys()
            .filter(|id| open.iter().all(|item| item.id != **id))
            .copied()
            .collect()
    }

    fn show(&mut self, cx: &Context, item: &WorkItem) -> Result<(), Failure> {
        if self.seen.insert(item.id, item.version) == Some(item.version) {
            return Ok(());
        }
        self.send(show(cx, item))
    }

    /// A slow reader is dropped with a reason.
    fn send(&self, item: pb::WorkItem) -> Result<(), Failure> {
        let change = pb::WatchWorkItemsResponse { item: Some(item) };
        self.sender.try_send(Ok(change)).map_err(|_| {
            Problem::new(
                crate::problem::Kind::ResourceExhausted,
                "SLOW_READER",
                "the reader is too slow; watch again",
                "接收过慢，请重新订阅",
            )
            .into()
        })
    }
}
