//! Installs what is missing with the system's package manager, where it may.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::report::progress;
use crate::{kafka, paths, postgres};

/// Something that Debian's packages bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// PostgreSQL's server programs.
    Postgres,
    /// A Java runtime, 17 or newer.
    Java,
    /// Maven, which brings Kafka's jars.
    Maven,
    /// Python's package installer, which brings buf.
    Pip,
}

impl Tool {
    /// Debian's packages, the best first: not every release has Java 17.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgresql"],
            Self::Java => &["openjdk-17-jre-headless", "default-jre-headless"],
            Self::Maven => &["maven"],
            Self::Pip => &["python3-pip"],
        }
    }

    fn is_present(self) -> Result<bool> {
        Ok(match self {
            Self::Postgres => postgres::bin_dir().is_some(),
            Self::Java => kafka::find_java().is_some(),
            Self::Maven => kafka::are_cached()? || paths::on_path("mvn").is_some(),
            Self::Pip => Command::new("python3")
                .args(["-m", "pip", "--version"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
        })
    }
}

/// Makes sure that these tools are installed.
///
/// # Errors
/// One is missing and may not be installed here; the message says in one line what to install.
pub fn ensure(tools: &[Tool]) -> Result<()> {
    let mut missing = Vec::new();
    for tool in tools {
        if !tool.is_present()? {
            missing.push(*tool);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    // Two checkouts' builds may want the same package at once; dpkg has its own lock for those.
    let _lock = paths::lock("install")?;
    let Some(apt) = Apt::find() else {
        bail!("please install: {}", first_packages(&missing).join(" "));
    };
    apt.install(&missing)
        .with_context(|| format!("please install: {}", first_packages(&missing).join(" ")))
}

fn first_packages(tools: &[Tool]) -> Vec<&'static str> {
    tools
        .iter()
        .filter_map(|tool| tool.packages().first().copied())
        .collect()
}

/// Debian's package manager, and what gives us the right to use it.
struct Apt {
    sudo: bool,
}

impl Apt {
    fn find() -> Option<Self> {
        paths::on_path("apt-get")?;
        if fs::metadata("/proc/self").ok()?.uid() == 0 {
            return Some(Self { sudo: false });
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        sudo.status()
            .is_ok_and(|status| status.success())
            .then_some(Self { sudo: true })
    }

    fn install(&self, tools: &[Tool]) -> Result<()> {
        if tools.contains(&Tool::Postgres) {
            self.forbid_main_cluster()?;
        }
        progress("updating the package lists");
        self.run(&["apt-get", "update", "-qq"])?;
        let mut packages = Vec::new();
        for tool in tools {
            packages.push(available(tool.packages())?);
        }
        progress(format!("installing {}", packages.join(" ")));
        let mut install = vec!["apt-get", "install", "-qq", "-y", "--no-install-recommends"];
        install.extend(packages);
        self.run(&install)?;
        for tool in tools {
            ensure!(
                tool.is_present()?,
                "{tool:?} is still missing after its package was installed"
            );
        }
        Ok(())
    }

    /// Debian's package makes and starts a cluster of its own on port 5432, which nobody here uses.
    fn forbid_main_cluster(&self) -> Result<()> {
        const DIR: &str = "/etc/postgresql-common/createcluster.d";
        let script =
            format!("mkdir -p {DIR} && echo 'create_main_cluster = false' > {DIR}/minzheng.conf");
        self.run(&["sh", "-c", &script])
    }

    fn run(&self, command: &[&str]) -> Result<()> {
        // `env` takes the setting through sudo, which drops the environment.
        let words = self.sudo.then_some(["sudo", "-n"]).into_iter().flatten();
        let mut words = words
            .chain(["env", "DEBIAN_FRONTEND=noninteractive"])
            .chain(command.iter().copied());
        let program = words.next().context("no command to run")?;
        let status = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(std::io::stderr())
            .status()
            .with_context(|| format!("cannot run {program}"))?;
        ensure!(status.success(), "`{}` failed", command.join(" "));
        Ok(())
    }
}

/// The first of these packages that this release has.
fn available(packages: &[&'static str]) -> Result<&'static str> {
    for package in packages {
        let shown = Command::new("apt-cache")
            .args(["show", package])
            .output()
            .context("cannot run apt-cache")?;
        if shown.status.success() && !shown.stdout.is_empty() {
            return Ok(package);
        }
    }
    bail!("no package repository has {}", packages.join(" or "))
}
