//! `minzheng.work.v1`, mounted once per process, for every service in it.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use minzheng_proto::work::v1 as pb;
use minzheng_proto::work::v1::work_service_server::WorkService;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::commands::{Claim, Complete};
use super::table::{self, Filter};
use super::types::WorkItem;
use crate::authz::{Caller, Role};
use crate::context::Context;
use crate::convert::{self, FromWire};
use crate::grpc::feed::{Feed, stopping};
use crate::grpc::page::{MAX_SIZE, Page};
use crate::grpc::{caller, named};
use crate::page_of;
use crate::problem::Problem;
use crate::seam::{Failure, RequestKey};

/// How often a watch looks for changes of other replicas.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Changes that wait for a reader before the next look does.
const BUFFERED: usize = 256;

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
        let page: Page = page_of!(request)?;
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
        let (feed, stream) = Feed::new(BUFFERED);
        let watch = Watch::new(
            named(&self.contexts, &request.get_ref().service),
            Filter {
                kind: request.get_ref().kind.clone(),
                ..filter_of(&caller)
            },
            feed,
        )?;
        tokio::spawn(watch.run());
        Ok(Response::new(Box::pin(stream)))
    }
}

/// One watcher: the open items at once, then every change.
struct Watch {
    services: Vec<Watched>,
    stop: CancellationToken,
    filter: Filter,
    feed: Feed<pb::WatchWorkItemsResponse>,
}

/// One service, and the versions of its open items as the watcher has seen them.
struct Watched {
    cx: Context,
    seen: HashMap<Uuid, i64>,
}

impl Watch {
    fn new<'c>(
        contexts: impl Iterator<Item = &'c Context>,
        filter: Filter,
        feed: Feed<pb::WatchWorkItemsResponse>,
    ) -> Result<Self, Problem> {
        let services: Vec<Watched> = contexts
            .map(|cx| Watched {
                cx: cx.clone(),
                seen: HashMap::new(),
            })
            .collect();
        let any = services.first().ok_or_else(service_unknown)?;
        Ok(Self {
            stop: any.cx.stopping().clone(),
            services,
            filter,
            feed,
        })
    }

    async fn run(mut self) {
        loop {
            let looked = tokio::select! {
                () = self.feed.closed() => return,
                () = self.stop.cancelled() => Err(stopping().into()),
                looked = Self::look(&mut self.services, &self.filter, &self.feed) => looked,
            };
            if let Err(failure) = looked {
                return self.feed.end(failure);
            }
            tokio::select! {
                () = self.feed.closed() => return,
                () = self.stop.cancelled() => return self.feed.end(stopping()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(
        services: &mut [Watched],
        filter: &Filter,
        feed: &Feed<pb::WatchWorkItemsResponse>,
    ) -> Result<(), Failure> {
        for service in services {
            let mut gone: HashSet<Uuid> = service.seen.keys().copied().collect();
            let mut page = Page::first(MAX_SIZE);
            loop {
                let open = table::list(service.cx.db().reader(), filter, &page).await?;
                let (open, next) = page.cut(open, WorkItem::after);
                let last = open.last().map(WorkItem::after);
                for item in &open {
                    gone.remove(&item.id);
                    service.show(item, feed).await?;
                }
                match last.filter(|_| !next.is_empty()) {
                    Some(last) => page = page.beyond(last),
                    None => break,
                }
            }
            for id in gone {
                service.show_gone(id, feed).await?;
            }
        }
        Ok(())
    }
}

impl Watched {
    /// Shows an item at a version that was not seen.
    async fn show(
        &mut self,
        item: &WorkItem,
        feed: &Feed<pb::WatchWorkItemsResponse>,
    ) -> Result<(), Failure> {
        if self.seen.insert(item.id, item.version) == Some(item.version) {
            return Ok(());
        }
        let item = Some(show(&self.cx, item));
        Ok(feed
            .show_in_time(pb::WatchWorkItemsResponse { item })
            .await?)
    }

    /// Shows how an item ended that was seen open.
    async fn show_gone(
        &mut self,
        id: Uuid,
        feed: &Feed<pb::WatchWorkItemsResponse>,
    ) -> Result<(), Failure> {
        let item = table::find(self.cx.db().reader(), id).await?;
        if let Some(item) = &item {
            self.show(item, feed).await?;
        }
        // One that moved between two pages is still open, and is not shown twice.
        if item.is_none_or(|item| !item.state.is_open()) {
            self.seen.remove(&id);
        }
        Ok(())
    }
}

fn service_unknown() -> Problem {
    Problem::field(
        "service",
        "SERVICE_UNKNOWN",
        "no such service in this process",
        "本进程中没有该服务",
    )
}
