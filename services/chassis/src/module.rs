//! What a service is: start reading here, then in the service's own `module()`.

use std::sync::Arc;

use async_trait::async_trait;
use tonic::service::RoutesBuilder;
use uuid::Uuid;

use crate::authz::Action;
use crate::context::Context;
use crate::db::migrate::Migration;
use crate::inbox::Subscription;
use crate::receipt::Receipts;
use crate::rule::Seed;
use crate::seam::Failure;
use crate::timer::Timer;
use crate::work::WorkKind;

type Routes = Box<dyn Fn(&Context, &mut RoutesBuilder) + Send + Sync>;

/// One service: a name and what it brings.
pub struct Module {
    /// Its name, which is its database's, its gRPC package's (with underscores) and its topics' prefix.
    pub name: &'static str,
    pub(crate) migrations: &'static [Migration],
    pub(crate) actions: &'static [Action],
    pub(crate) routes: Routes,
    pub(crate) subscriptions: Vec<fn() -> Subscription>,
    pub(crate) timers: Vec<Box<dyn Timer>>,
    pub(crate) work: Vec<Arc<dyn WorkKind>>,
    pub(crate) rules: &'static [Seed],
    pub(crate) inspect: Option<Box<dyn Inspect>>,
}

/// What only the service can tell an operator.
#[async_trait]
pub trait Inspect: Send + Sync + 'static {
    /// What stands now about some persons: one line per thing, with ids of persons, facilities and
    /// beds only; no times, no versions, no history. Sorted by the caller.
    async fn fingerprint(&self, cx: &Context, persons: &[Uuid]) -> Result<Vec<String>, Failure>;

    /// What must hold in this service's own database and does not.
    async fn verify(&self, cx: &Context) -> Result<Vec<String>, Failure> {
        let _ = cx;
        Ok(Vec::new())
    }

    /// Answers that this service has taken and of which `receipts` holds none.
    async fn answers_without(
        &self,
        cx: &Context,
        receipts: &Receipts,
    ) -> Result<Vec<String>, Failure> {
        let _ = (cx, receipts);
        Ok(Vec::new())
    }
}

impl Module {
    /// A service that brings nothing yet.
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            migrations: &[],
            actions: &[],
            routes: Box::new(|_, _| ()),
            subscriptions: Vec::new(),
            timers: Vec::new(),
            work: Vec::new(),
            rules: &[],
            inspect: None,
        }
    }

    /// Its migrations, after the chassis'.
    #[must_use]
    pub fn migrations(mut self, migrations: &'static [Migration]) -> Self {
        self.migrations = migrations;
        self
    }

    /// Its RPCs: who may call them and what is recorded.
    #[must_use]
    pub fn actions(mut self, actions: &'static [Action]) -> Self {
        self.actions = actions;
        self
    }

    /// Its gRPC services.
    #[must_use]
    pub fn routes(
        mut self,
        routes: impl Fn(&Context, &mut RoutesBuilder) + Send + Sync + 'static,
    ) -> Self {
        self.routes = Box::new(routes);
        self
    }

    /// What it listens to.
    #[must_use]
    pub fn subscription(mut self, subscription: fn() -> Subscription) -> Self {
        self.subscriptions.push(subscription);
        self
    }

    /// A kind of deadline.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timers.push(Box::new(timer));
        self
    }

    /// A kind of work item.
    #[must_use]
    pub fn work(mut self, kind: impl WorkKind) -> Self {
        self.work.push(Arc::new(kind));
        self
    }

    /// Rule rows that a migration seeds.
    #[must_use]
    pub fn rules(mut self, rules: &'static [Seed]) -> Self {
        self.rules = rules;
        self
    }

    /// Fingerprint and verification.
    #[must_use]
    pub fn inspect(mut self, inspect: impl Inspect) -> Self {
        self.inspect = Some(Box::new(inspect));
        self
    }

    /// What it listens to, made anew.
    pub fn declared_subscriptions(&self) -> Vec<Subscription> {
        self.subscriptions.iter().map(|make| make()).collect()
    }

    /// Names of its subscriptions.
    pub fn subscription_names(&self) -> Vec<&'static str> {
        self.subscriptions
            .iter()
            .map(|make| make().name())
            .collect()
    }

    /// Its actions.
    pub fn declared_actions(&self) -> &'static [Action] {
        self.actions
    }

    /// Its migrations.
    pub fn declared_migrations(&self) -> &'static [Migration] {
        self.migrations
    }

    pub(crate) fn work_kind(&self, kind: &str) -> Option<&Arc<dyn WorkKind>> {
        self.work.iter().find(|candidate| candidate.name() == kind)
    }
}
