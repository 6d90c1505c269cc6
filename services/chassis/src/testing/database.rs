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

    /// On a PostgreSQL server of the test's own.
    pub fn on_server(url: &str) -> Self {
        Self::new(Kind::Postgres, url.to_owned())
    }

    fn new(kind: Kind, server: String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self {
            kind,
            directory,
            server,
            name: format!("t_{}", Uuid::new_v4().simple()),
        }
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
        let base = self
            .server
            .rsplit_once('/')
            .map_or(self.server.as_str(), |(base, _)| base);
        format!("{base}/{}", self.database_name(service))
    }

    fn database_name(&self, service: &str) -> String {
        format!("{}_{}", self.name, service.replace('-', "_"))
    }

    /// Copies a service's database on PostgreSQL, which nobody may be using; the copy's name.
    ///
    /// # Errors
    /// Somebody is using it.
    pub async fn copy(&self, service: &str) -> Result<String, DbErr> {
        let name = self.database_name(service);
        let copy = format!("{name}_copy");
        // A process that was killed may still have a session for a moment.
        let alone = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        self.on_the_server(&[alone, format!("CREATE DATABASE {copy} TEMPLATE {name}")])
            .await?;
        Ok(copy)
    }

    /// Puts a copy in the place of a service's database, which nobody may be using.
    ///
    /// # Errors
    /// Somebody is using it.
    pub async fn restore(&self, service: &str, copy: &str) -> Result<(), DbErr> {
        let name = self.database_name(service);
        let statements = [
            format!("DROP DATABASE {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name} TEMPLATE {copy}"),
        ];
        self.on_the_server(&statements).await
    }

    async fn on_the_server(&self, statements: &[String]) -> Result<(), DbErr> {
        let server = Database::open_postgres(&self.server, "tests", 1)?;
        for statement in statements {
            server.writer().run(statement.clone(), []).await?;
        }
        server.close().await;
        Ok(())
    }

    /// Creates the databases of these services; SQLite needs nothing.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn create(&self, services: &[&str]) -> Result<(), DbErr> {
        if self.kind == Kind::Sqlite {
            return Ok(());
        }
        let statements: Vec<String> = services
            .iter()
            .map(|service| format!("CREATE DATABASE {}", self.database_name(service)))
            .collect();
        self.on_the_server(&statements).await
    }

    /// Opens a service's database, which [`TestDatabase::create`] has made.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(&self, service: &str) -> Result<Database, DbErr> {
        match self.kind {
            Kind::Sqlite => {
                Database::open_sqlite(&self.directory.path().join(format!("{service}.db"))).await
            }
            Kind::Postgres => Database::open_postgres(&self.url(service), "tests", 4),
        }
    }
}
