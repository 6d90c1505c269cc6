//! Kafka's jars, brought from Maven Central once and kept in the build directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::VERSION;
use crate::paths;
use crate::report::progress;

const POM: &str = include_str!("../../kafka-pom.xml");

fn cache() -> Result<PathBuf> {
    Ok(paths::scratch()?.join(format!("kafka-{VERSION}")))
}

/// Whether the jars are here, so that Maven is not needed.
///
/// # Errors
/// The build directory cannot be created.
pub fn are_cached() -> Result<bool> {
    Ok(cache()?.join("libs").is_dir())
}

/// The directory with the jars, brought first when it is missing.
pub(super) fn ensure() -> Result<PathBuf> {
    let _lock = paths::lock("kafka-jars")?;
    let cache = cache()?;
    let libs = cache.join("libs");
    if libs.is_dir() {
        return Ok(libs);
    }
    progress(format!(
        "bringing Apache Kafka {VERSION} from Maven Central"
    ));
    fs::create_dir_all(&cache)?;
    let pom = cache.join("pom.xml");
    fs::write(&pom, POM.replace("@KAFKA_VERSION@", VERSION))?;
    // Renamed when complete: what has the final name is whole.
    let partial = cache.join("libs.partial");
    let status = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .arg("-f")
        .arg(&pom)
        .stdin(Stdio::null())
        // Standard output is for the environment that `up` prints.
        .stdout(std::io::stderr())
        .status()
        .context("cannot run mvn, which brings Kafka's jars")?;
    ensure!(
        status.success(),
        "Maven could not bring Apache Kafka {VERSION}"
    );
    fs::rename(&partial, &libs)?;
    Ok(libs)
}
