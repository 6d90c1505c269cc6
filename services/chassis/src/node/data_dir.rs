//! The data directory of the embedded default, locked by a file so that one node uses it at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A data directory.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Keeps the directory locked until it is dropped.
#[derive(Debug)]
pub struct Locked {
    _file: File,
}

impl DataDir {
    /// Creates it where it is missing.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A service's SQLite file.
    pub fn database(&self, service: &str) -> PathBuf {
        self.0.join(format!("{service}.db"))
    }

    /// The embedded log's file.
    pub fn log(&self) -> PathBuf {
        self.0.join("bus.db")
    }

    /// Locks it.
    ///
    /// # Errors
    /// Another process has it (`WouldBlock`), or the file cannot be made.
    pub fn lock(&self) -> io::Result<Locked> {
        let path = self.0.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Locked { _file: file }),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
