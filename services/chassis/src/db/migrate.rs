//! Migrations: plain SQL that both databases understand, with `{identity}` and `{bytes}` where
//! they differ. Each runs in a transaction, once, under a lock; the server only checks.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{
    MigrationName, MigrationStatus, MigrationTrait, MigratorTraitSelf, SchemaManager,
};

use super::{Database, Sql, dialect};

/// One migration. Never edited once released: migrations only add until no running version uses the
/// old.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Unique name; sorts in the order of application.
    pub name: &'static str,
    /// Statements, separated by semicolons at the end of a line.
    pub sql: &'static str,
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let backend = connection.get_database_backend();
        let text = self
            .sql
            .replace("{identity}", dialect::identity_primary_key(backend))
            .replace("{bytes}", dialect::bytes(backend));
        for statement in text
            .split(";\n")
            .map(str::trim)
            .filter(|statement| !statement.is_empty())
        {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// The chassis' migrations followed by a service's own.
pub struct Migrator {
    own: &'static [Migration],
}

impl Migrator {
    /// For a service with these migrations of its own.
    pub fn new(own: &'static [Migration]) -> Self {
        Self { own }
    }

    /// Applies what is pending. Several processes may call it at once: on PostgreSQL an advisory
    /// lock lets one go first.
    ///
    /// # Errors
    /// The database is away, or a statement failed; the failed migration left nothing behind.
    pub async fn migrate(&self, database: &Database) -> Result<Vec<String>, DbErr> {
        let lock = MigrationLock::take(database).await?;
        let outcome = self.apply_pending(database).await;
        lock.release().await?;
        outcome
    }

    async fn apply_pending(&self, database: &Database) -> Result<Vec<String>, DbErr> {
        let pending = self.pending(database).await?;
        if !pending.is_empty() {
            self.up(database.writer(), None).await?;
        }
        Ok(pending)
    }

    /// Names of the migrations that this binary has and the database has not.
    ///
    /// # Errors
    /// The database is away.
    pub async fn pending(&self, database: &Database) -> Result<Vec<String>, DbErr> {
        let status = self.status_of_each(database).await?;
        Ok(status
            .into_iter()
            .filter(|(_, applied)| !applied)
            .map(|(name, _)| name)
            .collect())
    }

    /// Names of every migration of this binary.
    pub fn declared(&self) -> Vec<String> {
        MigratorTraitSelf::migrations(self)
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect()
    }

    /// Every migration of this binary, and whether the database has it. Migrations of a newer
    /// binary are accepted and not listed.
    ///
    /// # Errors
    /// The database is away.
    pub async fn status_of_each(&self, database: &Database) -> Result<Vec<(String, bool)>, DbErr> {
        let applied = applied_names(database).await?;
        let with_state = |name: String| {
            let applied = applied.contains(&name);
            (name, applied)
        };
        Ok(self.declared().into_iter().map(with_state).collect())
    }
}

async fn applied_names(database: &Database) -> Result<Vec<String>, DbErr> {
    let present = SchemaManager::new(database.writer())
        .has_table("seaql_migrations")
        .await?;
    if !present {
        return Ok(Vec::new());
    }
    let rows = database
        .writer()
        .all("SELECT version FROM seaql_migrations", [])
        .await?;
    rows.iter().map(|row| row.get("version")).collect()
}

#[async_trait]
impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let chassis = super::super::schema::MIGRATIONS.iter();
        chassis
            .chain(self.own)
            .map(|migration| Box::new(*migration) as Box<dyn MigrationTrait>)
            .collect()
    }
}

/// Status of one migration, for `migrate status`.
pub type Status = MigrationStatus;

/// Held while migrations run, so that two processes do not run them at once. It belongs to the
/// session of the relay's one connection: a transaction would be ended for standing still.
struct MigrationLock<'d>(Option<&'d Database>);

/// Any number will do; it is the same for every process of a database.
const LOCK_KEY: i64 = 0x6d69_6e7a_6865_6e67;

impl<'d> MigrationLock<'d> {
    async fn take(database: &'d Database) -> Result<Self, DbErr> {
        if !dialect::is_shared(database.backend()) {
            return Ok(Self(None));
        }
        database
            .relay()
            .run("SELECT pg_advisory_lock($1)", [LOCK_KEY.into()])
            .await?;
        Ok(Self(Some(database)))
    }

    async fn release(self) -> Result<(), DbErr> {
        let Some(database) = self.0 else {
            return Ok(());
        };
        database
            .relay()
            .run("SELECT pg_advisory_unlock($1)", [LOCK_KEY.into()])
            .await?;
        Ok(())
    }
}
