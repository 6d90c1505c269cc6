//! What stands now of a child: the lines that every order of the same facts ends in.

use super::{Child, Since, Situation};

impl Child {
    /// One line for a situation that calls for attention and one for each open item; no times, ids
    /// of items or versions, which are history.
    pub fn fingerprint(&self) -> Vec<String> {
        let id = self.id;
        let mut lines = Vec::new();
        let silent = matches!(
            self.standing.situation,
            Situation::TwoParents | Situation::Unknown | Situation::Grown
        );
        if !silent {
            let situation = self.standing.situation.code();
            let carer = self.standing.carer.map_or("none", |carer| carer.code());
            let since = match self.standing.since {
                Since::NotCounted => "none".to_owned(),
                Since::Month(month) => month.to_string(),
                Since::Unknown => "unknown".to_owned(),
            };
            lines.push(format!(
                "child {id} {situation} carer={carer} since={since}"
            ));
        }
        let items = [
            (super::ItemKind::ChildVisit, self.visit),
            (super::ItemKind::DetermineMonth, self.month_item),
        ];
        for (kind, item) in items {
            let Some(item) = item else { continue };
            lines.push(format!("item {} {} {id}", kind.code(), item.urgency.code()));
        }
        lines
    }
}
