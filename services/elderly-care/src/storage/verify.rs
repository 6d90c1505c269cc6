//! What must hold between the rows of this database.

use minzheng_chassis::db::Sql;
use minzheng_chassis::seam::Failure;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// What is wrong, and the query that finds the ids of the rows of which it is.
const RULES: &[(&str, &str)] = &[
    (
        "stay runs in a bed that is not its own",
        "SELECT s.id FROM stay s LEFT JOIN bed b ON b.stay_id = s.id \
         WHERE s.state IN ('active', 'held') AND (b.id IS NULL OR b.id <> s.bed_id \
         OR b.state NOT IN ('occupied', 'held'))",
    ),
    (
        "bed has a resident whose stay is over",
        "SELECT b.id FROM bed b LEFT JOIN stay s ON s.id = b.stay_id \
         WHERE (b.state = 'occupied' OR (b.state = 'held' AND b.held_for <> 'offer')) \
         AND (s.id IS NULL OR s.state NOT IN ('active', 'held', 'awaiting_settlement'))",
    ),
    (
        "bed is held for an offer that is not open",
        "SELECT b.id FROM bed b LEFT JOIN offer o ON o.bed_id = b.id AND o.state = 'open' \
         WHERE b.state = 'held' AND b.held_for = 'offer' AND o.id IS NULL",
    ),
    (
        "offer is open for a bed that is not held for it",
        "SELECT o.id FROM offer o LEFT JOIN bed b ON b.id = o.bed_id \
         WHERE o.state = 'open' AND (b.state <> 'held' OR b.held_for <> 'offer' OR b.id IS NULL)",
    ),
    (
        "entry is offered a bed and no offer is open",
        "SELECT e.id FROM waiting_entry e LEFT JOIN offer o ON o.entry_id = e.id AND o.state = 'open' \
         WHERE e.state = 'offered' AND o.id IS NULL",
    ),
    (
        "stay awaits a settlement and no work item is open",
        "SELECT s.id FROM stay s LEFT JOIN work_item w ON w.subject_id = s.id \
         AND w.kind = 'settle-stay' AND w.state IN ('open', 'claimed') \
         WHERE s.state = 'awaiting_settlement' AND w.id IS NULL",
    ),
];

/// Looks for rows that contradict each other; one line for each.
///
/// # Errors
/// The database's.
pub async fn contradictions(db: &impl ConnectionTrait) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for (what, query) in RULES {
        for row in db.all(*query, []).await? {
            lines.push(format!("{what}: {}", row.get::<Uuid>("id")?));
        }
    }
    Ok(lines)
}
