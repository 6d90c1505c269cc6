//! A disk that can be filled: a small tmpfs.

use std::path::{Path, PathBuf};

/// A tmpfs that is taken away when dropped.
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one; nothing where that is not permitted.
    pub(super) fn mount(path: &Path, mebibytes: usize) -> Option<Self> {
        std::fs::create_dir_all(path).ok()?;
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(path)
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self {
            path: path.to_owned(),
        })
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn fill(&self) -> std::io::Result<()> {
        use std::io::Write;
        let mut file = std::fs::File::create(self.ballast())?;
        for size in [1 << 20, 4096, 1] {
            let piece = vec![0_u8; size];
            while file.write(&piece).is_ok_and(|written| written > 0) {}
        }
        Ok(())
    }

    /// Frees it.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn free(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.ballast())
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.path);
    }
}

fn unmount(path: &Path) {
    // Lazily: whatever still has it open keeps it until it ends. What is not mounted stays so.
    let _ = std::process::Command::new("umount")
        .arg("-l")
        .arg(path)
        .stderr(std::process::Stdio::null())
        .status();
}

/// Makes the directory of a run empty, whatever an earlier one left there.
///
/// # Errors
/// Something there cannot be removed.
pub fn clear(directory: &Path) -> std::io::Result<()> {
    unmount(&directory.join(super::DATA));
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir_all(directory)
}
