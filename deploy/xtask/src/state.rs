//! What `up` started, recorded for `down` and for a second `up`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use xtask::instance::{Kind, QUIT_LIMIT};
use xtask::process::ProcessId;
use xtask::{kafka, paths, postgres};

/// A started service: how it is started, and its process.
#[derive(Serialize, Deserialize)]
pub struct Started<Description> {
    #[serde(flatten)]
    pub description: Description,
    pub process: ProcessId,
}

/// The services that `up` started and `down` has not ended.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Started<postgres::Description>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<Started<kafka::Description>>,
}

impl State {
    fn file() -> Result<PathBuf> {
        Ok(paths::scratch()?.join("services.json"))
    }

    /// Reads the record; there is none before the first `up`.
    pub fn load() -> Result<Self> {
        let file = Self::file()?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        serde_json::from_str(&text).with_context(|| format!("cannot understand {}", file.display()))
    }

    /// Writes the record, whole or not at all.
    pub fn save(&self) -> Result<()> {
        let file = Self::file()?;
        let partial = file.with_extension("partial");
        fs::write(&partial, serde_json::to_string_pretty(self)?)?;
        Ok(fs::rename(partial, file)?)
    }

    /// URL of the recorded PostgreSQL when it is in order.
    pub fn healthy_postgres(&self) -> Result<Option<String>> {
        let Some(Started {
            description,
            process,
        }) = &self.postgres
        else {
            return Ok(None);
        };
        Ok((process.is_running() && description.is_ready()?).then(|| description.url.clone()))
    }

    /// Bootstrap servers of the recorded Kafka when it is in order.
    pub fn healthy_kafka(&self) -> Option<String> {
        let Started {
            description,
            process,
        } = self.kafka.as_ref()?;
        (process.is_running() && description.is_ready()).then(|| description.bootstrap.clone())
    }

    /// Ends the recorded PostgreSQL and removes its directory; whether there was one.
    pub fn end_postgres(&mut self) -> Result<bool> {
        let Some(Started {
            description,
            process,
        }) = &self.postgres
        else {
            return Ok(false);
        };
        end(*process, &description.dir, postgres::KIND)?;
        self.postgres = None;
        self.save().map(|()| true)
    }

    /// Ends the recorded Kafka and removes its directory; whether there was one.
    pub fn end_kafka(&mut self) -> Result<bool> {
        let Some(Started {
            description,
            process,
        }) = &self.kafka
        else {
            return Ok(false);
        };
        end(*process, &description.dir, kafka::KIND)?;
        self.kafka = None;
        self.save().map(|()| true)
    }
}

fn end(process: ProcessId, dir: &Path, kind: Kind) -> Result<()> {
    process
        .end(kind.quit, QUIT_LIMIT)
        .with_context(|| format!("cannot end process {}", process.pid))?;
    remove(dir, kind.directory_prefix)
}

/// Removes a directory that `up` made, and no other, whatever the record says.
fn remove(dir: &Path, prefix: &str) -> Result<()> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        name.starts_with(prefix),
        "{} was not made by `up`",
        dir.display()
    );
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
