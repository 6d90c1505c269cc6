//! Throw-away databases.

use sea_orm::DbErr;
use tempfile::TempDir;
use uuid::Uuid;

use super::{POSTGRES_VARIABLE, real_service};
use crate::db::{Database, Sql};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in a temporary directory.
    Sqlite,
    /// A database of its own on the shared throw-away server.
    Postgres,
}

/// Where the databases of one test live; each service gets one.
#[derive(Debug)]
pub struct TestDatabase {
    kind: Kind,
    directory: TempDir,
    server: String,
    name: String,
}

impl TestDatabase {
    /// On SQLite.
    ///
    /// # Panics
    /// No temporary directory can be made.
    pub fn sqlite() -> Self {
        Self::new(Kind::Sqlite, String::new())
    }

    /// On PostgreSQL; `None` where a person chose to test without.
    pub async fn postgres() -> Option<Self> {
        Some(Self::new(Kind::Postgres, real_service(POSTGRES_VARIABLE)?))
    }

    fn new(kind: Kind, server: String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { kind, directory, server, name: format!("t_{}", Uuid::new_v4().simple()) }
    }

    /// Which it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its directory: the SQLite files, keys, the embedded log.
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// The settings that make a node use it, as `key=value`.
    pub fn settings(&self) -> Vec<String> {
        let mut settings = vec![format!("data_dir={}", self.directory.path().display())];
        if self.kind == Kind::Postgres {
            settings.push(format!("database.url_template={}", self.url("{service}")));
        }
        settings
    }

    /// The URL of a service's database on PostgreSQL.
    pub fn url(&self, service: &str) -> String {
        let base = self.server.rsplit_once('/').map_or(self.server.as_str(), |(base, _)| base);
        format!("{base}/{}_{}", self.name, service.replace('-', "_"))
    }

    /// Creates the databases of these services; SQLite needs nothing.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn create(&self, services: &[&str]) -> Result<(), DbErr> {
        if self.kind == Kind::Sqlite {
            return Ok(());
        }
        let server = Database::open_postgres(&self.server, "tests", 1)?;
        for service in services {
            let name = format!("{}_{}", self.name, service.replace('-', "_"));
            server.writer().run(format!("CREATE DATABASE {name}"), []).await?;
        }
        server.close().await;
        Ok(())
    }

    /// Opens a service's database, which [`TestDatabase::create`] has made.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(&self, service: &str) -> Result<Database, DbErr> {
        match self.kind {
            Kind::Sqlite => Database::open_sqlite(&self.directory.path().join(format!("{service}.db"))).await,
            Kind::Postgres => Database::open_postgres(&self.url(service), "tests", 4),
        }
    }
}
