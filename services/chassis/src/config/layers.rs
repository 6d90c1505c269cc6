//! The layers of settings, and what is refused in them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::declaration::Declaration;
use super::value::FromSetting;

/// What every environment variable of the platform begins with.
pub const PREFIX: &str = "MINZHENG_";

/// Variables with the prefix that are not settings: the path of the file is needed before the settings are.
pub const NOT_SETTINGS: &[&str] = &["MINZHENG_CONFIG"];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The table of declarations.
    Default,
    /// A TOML file.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// `--set key=value`.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "file {}", path.display()),
            Source::Environment(name) => write!(f, "environment {name}"),
            Source::Flag => f.write_str("flag --set"),
        }
    }
}

/// One thing that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file is not there or may not be read.
    #[error("cannot read settings file {path}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML. The offending line itself is left out: it may hold a password.
    #[error("settings file {path} is not valid toml: {reason}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What the parser says, with the position but without the text.
        reason: String,
    },
    /// `--set` without `=`.
    #[error("--set {0}: expected key=value")]
    MalformedFlag(String),
    /// No setting has this name.
    #[error("{origin}: unknown setting {name}; `config show` lists every key")]
    Unknown {
        /// The key, or the variable's name.
        name: String,
        /// Where it was found.
        origin: Source,
    },
    /// A list or a date where one value is expected.
    #[error("{origin}: {key} must be a single value")]
    NotOneValue {
        /// The key.
        key: String,
        /// Where it was found.
        origin: Source,
    },
    /// The value is outside its bound.
    #[error("{origin}: {key} = {value:?} is refused: must be {bound}")]
    OutOfBound {
        /// The key.
        key: &'static str,
        /// The value, masked where secret.
        value: String,
        /// What would be allowed.
        bound: String,
        /// Where it was found.
        origin: Source,
    },
    /// The binary was built without what the setting needs.
    #[error("{origin}: {key} needs a binary built with the feature {feature}")]
    MissingFeature {
        /// The key.
        key: &'static str,
        /// The cargo feature.
        feature: &'static str,
        /// Where it was found.
        origin: Source,
    },
    /// Two settings that do not go together.
    #[error("{key}: {reason}")]
    Inconsistent {
        /// The key that has to change.
        key: &'static str,
        /// Why.
        reason: String,
    },
}

/// Everything that is wrong with the settings, so that it can be mended in one go.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        ConfigError {
            problems: vec![problem],
        }
    }
}

/// What the layers say, lowest first, before it is checked.
#[derive(Debug, Default)]
pub struct Layers {
    file: Vec<(String, Option<String>, Source)>,
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

impl Layers {
    /// Only defaults.
    pub fn new() -> Self {
        Layers::default()
    }

    /// Adds a TOML file; a second one overrides the first.
    ///
    /// # Errors
    /// The file cannot be read or is not TOML.
    pub fn file(self, path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| Problem::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        self.file_text(path, &text)
    }

    /// Adds the text of a TOML file; `path` is only its name.
    ///
    /// # Errors
    /// The text is not TOML.
    pub fn file_text(mut self, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error| Problem::Malformed {
            path: path.to_owned(),
            reason: describe(&error, text),
        })?;
        flatten("", table, &mut |key, value| {
            self.file.push((key, value, Source::File(path.to_owned())));
        });
        Ok(self)
    }

    /// Adds those of the variables that begin with [`PREFIX`].
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables.into_iter().filter(|(name, value)| {
            name.starts_with(PREFIX)
                && !NOT_SETTINGS.contains(&name.as_str())
                && !is_service_link(name, value)
        });
        self.environment.extend(ours);
        self
    }

    /// Adds `--set key=value` texts; the last one of a key counts.
    ///
    /// # Errors
    /// A text without `=`.
    pub fn flags<T: AsRef<str>>(
        mut self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, ConfigError> {
        for text in texts {
            let text = text.as_ref();
            let Some((key, value)) = text.split_once('=') else {
                return Err(Problem::MalformedFlag(text.to_owned()).into());
            };
            self.flags.push((key.trim().to_owned(), value.to_owned()));
        }
        Ok(self)
    }

    /// Lays the layers over the defaults of `declarations` and checks every value.
    pub(super) fn resolve(
        self,
        declarations: impl Iterator<Item = &'static Declaration>,
    ) -> Result<Values, ConfigError> {
        let mut resolving = Resolving::new(declarations);
        for (key, value, source) in self.file {
            match value {
                Some(text) => resolving.set(&key, text, source),
                None => resolving.problems.push(Problem::NotOneValue {
                    key,
                    origin: source,
                }),
            }
        }
        for (name, text) in self.environment {
            let key = resolving
                .names
                .get(&name)
                .copied()
                .unwrap_or(&name)
                .to_owned();
            resolving.set(&key, text, Source::Environment(name));
        }
        for (key, text) in self.flags {
            resolving.set(&key, text, Source::Flag);
        }
        resolving.finish()
    }
}

/// The layers being laid over each other.
struct Resolving {
    entries: BTreeMap<&'static str, Entry>,
    /// Environment variable → key.
    names: BTreeMap<String, &'static str>,
    problems: Vec<Problem>,
}

impl Resolving {
    fn new(declarations: impl Iterator<Item = &'static Declaration>) -> Self {
        let mut resolving = Resolving {
            entries: BTreeMap::new(),
            names: BTreeMap::new(),
            problems: Vec::new(),
        };
        for declaration in declarations {
            let entry = Entry {
                declaration,
                text: declaration.default.to_owned(),
                source: Source::Default,
            };
            resolving.entries.insert(declaration.key, entry);
            resolving
                .names
                .insert(declaration.environment_name(), declaration.key);
        }
        resolving
    }

    fn set(&mut self, key: &str, text: String, source: Source) {
        match self.entries.get_mut(key) {
            Some(entry) => {
                entry.text = text;
                entry.source = source;
            }
            None => self.problems.push(Problem::Unknown {
                name: key.to_owned(),
                origin: source,
            }),
        }
    }

    fn finish(mut self) -> Result<Values, ConfigError> {
        self.problems
            .extend(self.entries.values().filter_map(Entry::problem));
        if self.problems.is_empty() {
            return Ok(Values(self.entries));
        }
        Err(ConfigError {
            problems: self.problems,
        })
    }
}

/// One effective value.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) declaration: &'static Declaration,
    pub(super) text: String,
    pub(super) source: Source,
}

impl Entry {
    fn problem(&self) -> Option<Problem> {
        let declaration = self.declaration;
        if !(declaration.allows)(&self.text, declaration) {
            return Some(self.out_of_bound());
        }
        let need = declaration.need?;
        if need.met || self.text == declaration.default {
            return None;
        }
        Some(Problem::MissingFeature {
            key: declaration.key,
            feature: need.feature,
            origin: self.source.clone(),
        })
    }

    fn out_of_bound(&self) -> Problem {
        let declaration = self.declaration;
        Problem::OutOfBound {
            key: declaration.key,
            value: declaration.masked(&self.text),
            bound: format!("{} {}", declaration.bound, declaration.unit)
                .trim_end()
                .to_owned(),
            origin: self.source.clone(),
        }
    }
}

/// Every effective value, checked.
#[derive(Clone)]
pub(super) struct Values(pub(super) BTreeMap<&'static str, Entry>);

impl Values {
    /// The typed value of a declared key.
    pub(super) fn get<T: FromSetting>(&self, key: &'static str) -> Result<T, ConfigError> {
        let Some(entry) = self.0.get(key) else {
            return Err(Problem::Unknown {
                name: key.to_owned(),
                origin: Source::Default,
            }
            .into());
        };
        T::read(&entry.text, entry.declaration).ok_or_else(|| entry.out_of_bound().into())
    }
}

/// Calls `found` with each dotted key and its text; `None` stands for a list or a date.
fn flatten(prefix: &str, table: Table, found: &mut impl FnMut(String, Option<String>)) {
    for (name, value) in table {
        let key = match prefix {
            "" => name,
            prefix => format!("{prefix}.{name}"),
        };
        match value {
            Value::Table(inner) => flatten(&key, inner, found),
            Value::String(text) => found(key, Some(text)),
            Value::Integer(number) => found(key, Some(number.to_string())),
            Value::Float(number) => found(key, Some(number.to_string())),
            Value::Boolean(flag) => found(key, Some(flag.to_string())),
            Value::Datetime(_) | Value::Array(_) => found(key, None),
        }
    }
}

/// The parser's message and the line it stumbled over.
fn describe(error: &toml::de::Error, text: &str) -> String {
    let Some(span) = error.span() else {
        return error.message().to_owned();
    };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    format!("line {line}: {}", error.message())
}

/// Kubernetes puts `<SERVICE>_PORT_50051_TCP_ADDR` and the like into every pod; a release named `minzheng` gives them
/// our prefix. No setting has such a name: levels are separated by two underscores.
fn is_service_link(name: &str, value: &str) -> bool {
    if name.contains("__") {
        return false;
    }
    let port = name.split_once("_PORT_").map(|(_, rest)| rest);
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || port.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}
