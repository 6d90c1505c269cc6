//! The questions that closing an item answers: the table `work_item_question`, and the second receipt.

use minzheng_proto::life_events::v1 as pb;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use crate::db::{Insert, Row, Sql, val};
use crate::division::DivisionCode;
use crate::receipt::{Answer, FactRef, Undo};
use crate::seam::{Failure, UnitOfWork};

/// A question that closing an item answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The dead person.
    pub person_id: Uuid,
    /// The case.
    pub case_id: Uuid,
    /// The fact version.
    pub fact_version: i64,
    /// Code of the action.
    pub action: String,
    /// The article or standard that the first answer rests on.
    pub legal_basis: String,
    /// Who can undo what is done, as the first answer said.
    pub undo: Undo,
}

impl Question {
    /// The question that an answer leaves to a person.
    pub fn of(fact: FactRef, answer: &Answer) -> Self {
        Self {
            person_id: fact.person_id,
            case_id: fact.case_id,
            fact_version: fact.fact_version,
            action: answer.action.code.to_owned(),
            legal_basis: answer.legal_basis.to_owned(),
            undo: answer.undo,
        }
    }

    /// The fact that asks.
    pub fn fact(&self) -> FactRef {
        FactRef {
            person_id: self.person_id,
            case_id: self.case_id,
            fact_version: self.fact_version,
        }
    }

    fn from_row(row: &Row) -> Result<Self, DbErr> {
        let legal_basis: Option<String> = row.get("legal_basis")?;
        Ok(Self {
            person_id: row.get("person_id")?,
            case_id: row.get("case_id")?,
            fact_version: row.get("fact_version")?,
            action: row.get("action")?,
            // Rows of before these columns say neither: then a person answers without a basis.
            legal_basis: legal_basis.unwrap_or_default(),
            undo: row.parse_opt("undo")?.unwrap_or(Undo::Human),
        })
    }
}

/// Says which questions closing an item answers, in place of those said before.
///
/// # Errors
/// The database's.
pub async fn set_questions(
    uow: &UnitOfWork,
    item_id: Uuid,
    questions: &[Question],
) -> Result<(), Failure> {
    let db = uow.connection();
    db.run(
        "DELETE FROM work_item_question WHERE work_item_id = $1",
        [val(item_id)],
    )
    .await?;
    if questions.is_empty() {
        return Ok(());
    }
    let insert = Insert {
        table: "work_item_question",
        columns: &[
            "work_item_id",
            "case_id",
            "fact_version",
            "action",
            "person_id",
            "legal_basis",
            "undo",
        ],
        tail: "ON CONFLICT DO NOTHING",
    };
    let (text, values) = insert.rows(
        db.get_database_backend(),
        questions.iter().map(|question| {
            vec![
                val(item_id),
                val(question.case_id),
                val(question.fact_version),
                val(question.action.clone()),
                val(question.person_id),
                val(question.legal_basis.clone()),
                val(question.undo.name()),
            ]
        }),
    );
    db.run(text, values).await?;
    Ok(())
}

/// The questions that closing an item answers.
///
/// # Errors
/// The database's.
pub async fn questions(db: &impl ConnectionTrait, item_id: Uuid) -> Result<Vec<Question>, DbErr> {
    let text = "SELECT case_id, fact_version, action, person_id, legal_basis, undo FROM work_item_question \
                WHERE work_item_id = $1 ORDER BY case_id, fact_version, action";
    let rows = db.all(text, [val(item_id)]).await?;
    rows.iter().map(Question::from_row).collect()
}

/// The second receipt: a person did what the first one left to a person. It rests on the same article and
/// is undone by the same as the first one said.
///
/// # Errors
/// As [`UnitOfWork::publish`].
pub fn answer_done(
    uow: &mut UnitOfWork,
    question: &Question,
    division: Option<DivisionCode>,
) -> Result<(), Failure> {
    let answer = pb::ActionAnswer {
        action: question.action.clone(),
        outcome: pb::Outcome::Done.into(),
        legal_basis: question.legal_basis.clone(),
        undo: question.undo.to_wire().into(),
        ..Default::default()
    };
    uow.send_receipt(question.fact(), vec![answer], division)
}
