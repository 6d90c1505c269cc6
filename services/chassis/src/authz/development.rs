//! Development identity: a bearer token that anybody can write, for now in place of OIDC. `serve`
//! refuses to bind beyond loopback with it unless told to.
//!
//! `Bearer dev;subject=li.clerk;roles=county_clerk;divisions=520102;department=civil-affairs`

use std::collections::BTreeSet;

use super::caller::{Caller, Role};
use crate::problem::{Kind, Problem};

const SCHEME: &str = "Bearer dev;";

/// The token of a caller.
pub fn token(caller: &Caller) -> String {
    let roles: Vec<&str> = caller.roles.iter().map(|role| role.name()).collect();
    let divisions: Vec<String> = caller
        .divisions
        .iter()
        .map(|code| code.path_prefix())
        .collect();
    format!(
        "{SCHEME}subject={};roles={};divisions={};department={}",
        caller.subject,
        roles.join(","),
        divisions.join(","),
        caller.department
    )
}

/// The caller of a token.
///
/// # Errors
/// UNAUTHENTICATED, if it is none.
pub fn caller(token: &str) -> Result<Caller, Problem> {
    let fields = token
        .strip_prefix(SCHEME)
        .ok_or_else(|| unauthenticated("no development token"))?;
    let mut caller = Caller {
        subject: String::new(),
        roles: BTreeSet::new(),
        divisions: Vec::new(),
        department: String::new(),
        on_behalf_of: None,
    };
    for field in fields.split(';') {
        let (name, value) = field
            .split_once('=')
            .ok_or_else(|| unauthenticated("a field without ="))?;
        let values = value
            .split(',')
            .map(str::trim)
            .filter(|value| !value.is_empty());
        match name.trim() {
            "subject" => caller.subject = value.trim().to_owned(),
            "department" => caller.department = value.trim().to_owned(),
            "roles" => {
                for role in values {
                    caller.roles.insert(
                        role.parse::<Role>()
                            .map_err(|_| unauthenticated("an unknown role"))?,
                    );
                }
            }
            "divisions" => {
                for code in values {
                    caller.divisions.push(
                        code.parse()
                            .map_err(|_| unauthenticated("a malformed division"))?,
                    );
                }
            }
            _ => return Err(unauthenticated("an unknown field")),
        }
    }
    let safe = |text: &str| text.len() <= 100 && text.chars().all(|c| c.is_ascii_graphic());
    if caller.subject.is_empty() || !safe(&caller.subject) || !safe(&caller.department) {
        return Err(unauthenticated("no usable subject"));
    }
    Ok(caller)
}

/// UNAUTHENTICATED, and why.
pub fn unauthenticated(why: &str) -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        "UNAUTHENTICATED",
        format!("not authenticated: {why}"),
        "未登录或身份凭证无效",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_caller() {
        let clerk = Caller {
            subject: "li.clerk".to_owned(),
            roles: BTreeSet::from([Role::CountyClerk]),
            divisions: vec!["520102".parse().unwrap()],
            department: "civil-affairs".to_owned(),
            on_behalf_of: None,
        };
        assert_eq!(caller(&token(&clerk)).unwrap(), clerk);
    }

    #[test]
    fn rubbish_is_nobody() {
        for text in [
            "",
            "Bearer x",
            "Bearer dev;",
            "Bearer dev;roles=king;subject=a",
            "Bearer dev;subject=a b",
        ] {
            assert_eq!(
                caller(text).unwrap_err().kind,
                Kind::Unauthenticated,
                "{text}"
            );
        }
    }
}
