//! Several statements in one round trip, which costs more than most of them.
//!
//! PostgreSQL takes them as one statement of common table expressions, all on the snapshot from before; SQLite
//! as a script, one after another.

use sea_orm::Value;

/// Statements with `$1 …` placeholders, and the values of all of them.
#[derive(Default)]
pub(crate) struct Script {
    statements: Vec<(String, String)>,
    values: Vec<Value>,
}

impl Script {
    /// Adds a statement whose rows go by a name.
    pub(crate) fn add(&mut self, name: String, text: &str, values: Vec<Value>) {
        let text = renumbered(text, self.values.len());
        self.statements.push((name, text));
        self.values.extend(values);
    }

    /// For SQLite: one after another.
    pub(crate) fn into_script(self) -> (String, Vec<Value>) {
        let texts: Vec<String> = self.statements.into_iter().map(|(_, text)| text).collect();
        (texts.join("; "), self.values)
    }

    /// For PostgreSQL: one statement, which ends with what is selected of the named rows.
    pub(crate) fn into_one(self, select: &str) -> (String, Vec<Value>) {
        let named = |(name, text): &(String, String)| format!("{name} AS ({text})");
        let named: Vec<String> = self.statements.iter().map(named).collect();
        (format!("WITH {} {select}", named.join(", ")), self.values)
    }
}

/// A statement whose `$n` are counted from `offset` on. No literal of ours holds a `$`.
fn renumbered(text: &str, offset: usize) -> String {
    let mut renumbered = String::with_capacity(text.len() + 16);
    let mut pieces = text.split('$');
    renumbered.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &piece[..piece.len() - rest.len()];
        renumbered.push('$');
        match number.parse::<usize>() {
            Ok(number) => renumbered.push_str(&(number + offset).to_string()),
            Err(_) => renumbered.push_str(number),
        }
        renumbered.push_str(rest);
    }
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_counted_on() {
        let text = "UPDATE t SET a = $1, b = $12 WHERE c = $2";
        assert_eq!(renumbered(text, 0), text);
        let moved = "UPDATE t SET a = $11, b = $22 WHERE c = $12";
        assert_eq!(renumbered(text, 10), moved);
    }
}
