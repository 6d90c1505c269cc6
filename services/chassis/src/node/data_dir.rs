//! The data directory of the embedded default, locked by a file so that one node uses it at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
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
        create_private(path)?;
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

/// Creates a directory where it is missing, for its owner alone, since it may hold a key beside what is encrypted with
/// it; those above it as others are.
///
/// # Errors
/// It cannot be created.
pub fn create_private(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut directory = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
    match directory.create(path) {
        Err(_) if path.is_dir() => Ok(()),
        created => created,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_directory_is_its_owners_alone() {
        let parent = tempfile::tempdir().expect("a directory");
        let path = parent.path().join("a").join("b");
        DataDir::open(&path).expect("created");
        let open_to_others = |path: &Path| {
            let there = std::fs::metadata(path).expect("there");
            there.permissions().mode() & 0o077 != 0
        };
        assert!(!open_to_others(&path), "itself");
        assert!(open_to_others(&parent.path().join("a")), "the one above");
        DataDir::open(&path).expect("there already");
    }
}
