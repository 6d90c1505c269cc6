//! librdkafka's own benchmark program, built against the librdkafka that the product is built with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::pgbench::output;

/// Where cargo built librdkafka for this program: its sources, headers and static library.
fn built() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let builds = program.parent().context("target/<profile>")?.join("build");
    let mut newest = None;
    for entry in std::fs::read_dir(&builds)? {
        let out = entry?.path().join("out");
        let library = out.join("src").join("librdkafka.a");
        let is_it = out.to_string_lossy().contains("rdkafka-sys-") && library.is_file();
        if is_it {
            let at = std::fs::metadata(&library)?.modified()?;
            newest = newest.max(Some((at, out)));
        }
    }
    Ok(newest
        .context("cargo built no librdkafka beside this program")?
        .1)
}

/// The compiled program.
pub(crate) struct RawKafka(PathBuf);

/// What each record carries.
pub(crate) struct Shape {
    /// Bytes of the value.
    pub(crate) value: usize,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// What it did.
pub(crate) struct Produced {
    pub(crate) delivered: u64,
    pub(crate) took: Duration,
}

impl RawKafka {
    /// Compiles it into a directory.
    pub(crate) async fn compile(scratch: &Path) -> anyhow::Result<Self> {
        let out = built()?;
        let program = scratch.join("rdkafka_performance");
        let mut compiler = Command::new("cc");
        compiler
            .args(["-O2", "-w"])
            .arg(format!("-I{}", out.display()))
            .arg(format!("-I{}", out.join("src").display()))
            .arg(out.join("examples").join("rdkafka_performance.c"))
            .arg(out.join("src").join("librdkafka.a"))
            .args(["-lpthread", "-lz", "-lm", "-ldl", "-lrt"])
            .arg("-o")
            .arg(&program);
        let compiled = output(compiler).await?;
        let errors = String::from_utf8_lossy(&compiled.stderr);
        ensure!(
            compiled.status.success(),
            "rdkafka_performance does not compile: {errors}"
        );
        Ok(Self(program))
    }

    /// Produces records to all partitions of a topic, idempotently, with all acknowledgements; timed from the first
    /// that it queues, while it connects and asks for a producer's id.
    pub(crate) async fn produce(
        &self,
        bootstrap: &str,
        topic: &str,
        records: usize,
        shape: &Shape,
    ) -> anyhow::Result<Produced> {
        let (records, size) = (records.to_string(), shape.value.to_string());
        let mut program = Command::new(&self.0);
        program
            .args([
                "-P", "-b", bootstrap, "-t", topic, "-c", &records, "-s", &size,
            ])
            .args(["-a", "-1", "-X", "enable.idempotence=true"])
            // librdkafka's own default; the program's second would be most of a short run.
            .args(["-X", "linger.ms=5"]);
        for (name, value) in &shape.headers {
            program.args(["-H", &format!("{name}={value}")]);
        }
        let output = output(program).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text
            .lines()
            .rfind(|line| line.contains(" messages produced "));
        let produced = last.and_then(read).with_context(|| {
            format!(
                "rdkafka_performance: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        ensure!(
            produced.delivered.to_string() == records,
            "not all were delivered: {text}"
        );
        Ok(produced)
    }
}

/// `% n messages produced (b bytes), n delivered (offset o, f failed) in t ms: …`
fn read(line: &str) -> Option<Produced> {
    let delivered = line.split_once(" delivered ")?.0.rsplit(' ').next()?;
    let millis = line.split_once(") in ")?.1.split_once("ms:")?.0;
    Some(Produced {
        delivered: delivered.parse().ok()?,
        took: Duration::from_millis(millis.parse().ok()?),
    })
}
