//! The table of services: what `--target` may name.

use minzheng_chassis::module::Module;

/// What makes a service.
type Make = fn() -> Module;

/// The services there are, with what makes each.
const SERVICES: [(&str, Make); 4] = [
    ("residents", minzheng_residents::module),
    ("life-events", minzheng_life_events::module),
    ("elderly-care", minzheng_elderly_care::module),
    ("child-welfare", minzheng_child_welfare::module),
];

/// A target that is no service.
#[derive(Debug, thiserror::Error)]
#[error("no service is called {0}; there are all, {names}", names = names().join(", "))]
pub struct UnknownTarget(String);

/// Names of all services.
pub fn names() -> Vec<&'static str> {
    SERVICES.iter().map(|(name, _)| *name).collect()
}

/// All services.
pub fn all() -> Vec<Module> {
    SERVICES.iter().map(|(_, module)| module()).collect()
}

/// The services of a comma-separated list of targets; `all` is every one.
///
/// # Errors
/// A target that is no service.
pub fn of_targets(targets: &[String]) -> Result<Vec<Module>, UnknownTarget> {
    if targets.iter().any(|target| target == "all") {
        return Ok(all());
    }
    let mut chosen = Vec::with_capacity(targets.len());
    for (name, module) in SERVICES {
        if targets.iter().any(|target| target == name) {
            chosen.push(module());
        }
    }
    match targets
        .iter()
        .find(|target| !names().contains(&target.as_str()))
    {
        Some(unknown) => Err(UnknownTarget(unknown.clone())),
        None => Ok(chosen),
    }
}
