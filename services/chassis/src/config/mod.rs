//! Settings: what can be set, where each value came from, and within which bounds.
//!
//! Four layers, each overriding the one before: the default in the table, a TOML file, the environment
//! (`MINZHENG_` and the key, upper case, `__` between levels, `_` for a hyphen), and `--set key=value`.
//! Every setting is declared once, in [`settings`]; from that one line come the typed field, the help text,
//! the bound that is checked and the line in `config show`. A key nobody declared is refused by name: a
//! setting with a spelling mistake would otherwise be a default in disguise.

pub mod declaration;
pub mod layers;
pub mod settings;
pub mod value;

#[cfg(test)]
mod tests;

pub use declaration::{Bound, Declaration, Need, Unit};
pub use layers::{ConfigError, Layers, Problem, Source};
pub use settings::{
    BusSettings, ClockSettings, CryptoSettings, DatabaseSettings, GrpcSettings, HttpSettings,
    IdentitySettings, KafkaSettings, LeaseSettings, NeighbourSettings, RelaySettings,
    RetentionSettings, RunnerSettings, Settings, Shown, ShutdownSettings, TelemetrySettings,
    TimerSettings,
};
pub use value::{BusKind, KafkaSecurity, LogFormat, SaslMechanism};
