//! The processes of `residents` and `life-events`, where they serve, and a client's view of them.

use minzheng_tests::platform::{ClockControl, Platform};
use minzheng_tests::processes::{Process, free_port};

use crate::reports::LIFE_EVENTS;
use crate::stand::{Stand, end};

/// Ports of both services.
#[derive(Clone, Copy)]
pub(crate) struct Addresses {
    residents: u16,
    pub(crate) life_events: u16,
}

impl Addresses {
    /// Free ones.
    pub(crate) fn free() -> Self {
        Self {
            residents: free_port(),
            life_events: free_port(),
        }
    }

    /// A client's view of what serves there.
    pub(crate) fn platform(&self, stand: &Stand) -> Platform {
        let at = |port: u16| vec![format!("http://127.0.0.1:{port}")];
        let known = [
            ("residents", at(self.residents)),
            (LIFE_EVENTS, at(self.life_events)),
        ];
        let clock = stand.directory.path().join("clock-offset");
        Platform::new(known.into(), ClockControl::File(clock))
    }

    /// Starts both services there, with further settings.
    pub(crate) async fn serve(&self, stand: &Stand, more: &[String]) -> Vec<Process> {
        let neighbour = format!("neighbours.residents=http://127.0.0.1:{}", self.residents);
        let with_neighbour = [more, &[neighbour]].concat();
        let processes = vec![
            stand.start("residents", self.residents, more),
            stand.start(LIFE_EVENTS, self.life_events, &with_neighbour),
        ];
        for process in &processes {
            process.is_serving().await;
        }
        processes
    }
}

/// Both services once more on the same databases, and a client's view of these.
pub(crate) struct Beside {
    pub(crate) platform: Platform,
    pub(crate) processes: Vec<Process>,
}

impl Beside {
    /// Ends them.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        for process in self.processes {
            end(process).await?;
        }
        Ok(())
    }
}

/// Ids of processes.
pub(crate) fn pids(processes: &[Process]) -> Vec<u32> {
    processes.iter().map(Process::pid).collect()
}
