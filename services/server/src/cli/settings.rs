//! Where settings come from.

use std::path::{Path, PathBuf};

use clap::Args;
use minzheng_chassis::config::{ConfigError, Layers, Settings};

use super::server;

/// Where settings come from: default < file < environment (`MINZHENG_…`) < `--set`.
#[derive(Args, Clone, Debug)]
pub struct SettingsArgs {
    /// A TOML file with settings.
    #[arg(long, global = true, env = "MINZHENG_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, as `key=value`; may be given several times.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SettingsArgs {
    /// The settings, checked.
    ///
    /// # Errors
    /// Everything that is wrong, all at once.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        self.load_over("defaults", "")
    }

    /// The settings over a command's own defaults, which file, environment and flags override.
    /// `name` stands for the defaults in `config show`, `toml` is their text.
    ///
    /// # Errors
    /// Everything that is wrong, all at once.
    pub fn load_over(&self, name: &str, toml: &str) -> Result<Settings, ConfigError> {
        let mut layers = Layers::new().file_text(Path::new(name), toml)?;
        if let Some(path) = &self.config {
            layers = layers.file(path)?;
        }
        let variables = std::env::vars().filter(|(name, _)| is_setting(name));
        Settings::load(layers.environment(variables).flags(&self.set)?)
    }
}

/// What names the server of a client command, or a database and a broker for tests, begins alike and
/// is no setting of a node.
fn is_setting(name: &str) -> bool {
    !server::VARIABLES.contains(&name) && !name.starts_with("MINZHENG_TEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commands_defaults_give_way_to_flags() {
        let args = |set: &[&str]| SettingsArgs {
            config: None,
            set: set.iter().map(|one| (*one).to_owned()).collect(),
        };
        let toml = "[relay]\nbatch = 7\n";
        assert_eq!(args(&[]).load_over("dev", toml).unwrap().relay.batch, 7);
        assert_eq!(
            args(&["relay.batch=8", "relay.batch=9"])
                .load_over("dev", toml)
                .unwrap()
                .relay
                .batch,
            9
        );
    }
}
