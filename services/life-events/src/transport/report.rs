//! Reports and verifications, read and checked.

use jiff::civil::Date;
use minzheng_chassis::civil::{PartialDate, today};
use minzheng_chassis::context::Context;
use minzheng_chassis::problem::Problem;
use minzheng_proto::life_events::v1 as pb;

use super::convert::Form;
use crate::app::complete_verification::{CompleteVerification, Found};
use crate::app::report_death::{ReportDeath, Subject};
use crate::domain::death::{DocumentKey, Source, Statement, Strength};
use crate::domain::text::MAX_REFERENCE;

/// # Errors
/// Every field that is wrong.
pub(super) fn report(
    cx: &Context,
    message: &pb::ReportDeathRequest,
) -> Result<ReportDeath, Problem> {
    let today = today(cx.now());
    let mut form = Form::default();
    let subject = subject(&mut form, message);
    let document = DocumentKey {
        organisation: form.short("source_organisation", &message.source_organisation),
        reference: form.short("reference", &message.reference),
    };
    let source = form.source(message.source);
    let died_on = form.past("died_on", message.died_on.as_ref(), today);
    let declared_on = form.past("declared_on", message.declared_on.as_ref(), today);
    if declared_on.is_some() && source != Source::CourtJudgment {
        form.add(
            "declared_on",
            "DECLARATION_NEEDS_JUDGMENT",
            "only a court judgment declares a death",
            "宣告死亡日期只能来自法院判决",
        );
    }
    let statement = Statement {
        source,
        died_on: died_on.unwrap_or(PartialDate::UNKNOWN),
        declared_on,
        place: form.place("place_division", &message.place_division),
        document_date: form.past("document_date", message.document_date.as_ref(), today),
        document_hash: document_hash(cx, &mut form, &message.document_number),
    };
    form.check()?;
    Ok(ReportDeath {
        subject: subject.ok_or_else(Problem::internal)?,
        document,
        statement,
    })
}

/// A person by id, or an identity: exactly one of the two. What is wrong with an identity, residents
/// says.
fn subject(form: &mut Form, message: &pb::ReportDeathRequest) -> Option<Subject> {
    match (&message.identity, message.person_id.is_empty()) {
        (Some(identity), true) => Some(Subject::Identity(identity.clone())),
        (None, false) => Some(Subject::Person(form.id("person_id", &message.person_id))),
        (Some(_), false) | (None, true) => {
            form.add(
                "person_id",
                "SUBJECT_AMBIGUOUS",
                "give a person or an identity, not both or neither",
                "请填写人员编号或身份信息，二者选一",
            );
            None
        }
    }
}

/// A document's number is personal data: only its keyed hash goes on from here.
fn document_hash(cx: &Context, form: &mut Form, number: &str) -> Option<Vec<u8>> {
    let number: String = number.chars().filter(|c| !c.is_whitespace()).collect();
    if number.is_empty() {
        return None;
    }
    if number.chars().count() > MAX_REFERENCE {
        let chinese = format!("不能超过{MAX_REFERENCE}个字符");
        form.add(
            "document_number",
            "TOO_LONG",
            "has too many characters",
            &chinese,
        );
    }
    let number = number.to_uppercase();
    Some(
        cx.keys()
            .blind_index("document-number", number.as_bytes())
            .to_vec(),
    )
}

/// # Errors
/// Every field that is wrong.
pub(super) fn verification(
    message: &pb::CompleteVerificationRequest,
    today: Date,
) -> Result<CompleteVerification, Problem> {
    let mut form = Form::default();
    let target = form.target(&message.case_id, &message.etag);
    let found = match pb::VerificationResult::try_from(message.result) {
        Ok(pb::VerificationResult::Dead) => dead(&mut form, message, today),
        Ok(pb::VerificationResult::Alive) => alive(&mut form, message),
        Ok(pb::VerificationResult::Unspecified) | Err(_) => {
            form.of_enum("result", message.result);
            Found::Alive
        }
    };
    let note = form.note(&message.note);
    form.check()?;
    Ok(CompleteVerification {
        target,
        found,
        note,
    })
}

fn dead(form: &mut Form, message: &pb::CompleteVerificationRequest, today: Date) -> Found {
    let document = DocumentKey {
        organisation: form.short("source_organisation", &message.source_organisation),
        reference: form.short("reference", &message.reference),
    };
    let source = form.source(message.source);
    if message.source != 0 && source.strength() < Strength::Confirms {
        let chinese = "核实为死亡须有死亡证明、户口注销或火化证明";
        form.add(
            "source",
            "PROOF_NEEDED",
            "must be a source of rank 1 to 3",
            chinese,
        );
    }
    let died_on = form.past("died_on", message.died_on.as_ref(), today);
    let statement = Statement {
        source,
        died_on: died_on.unwrap_or(PartialDate::UNKNOWN),
        declared_on: None,
        place: None,
        document_date: None,
        document_hash: None,
    };
    Found::Dead(document, statement)
}

/// Who is alive has neither a date of death nor a document that proves it.
fn alive(form: &mut Form, message: &pb::CompleteVerificationRequest) -> Found {
    let given = [
        ("died_on", message.died_on.is_some()),
        ("source", message.source != 0),
        (
            "source_organisation",
            !message.source_organisation.is_empty(),
        ),
        ("reference", !message.reference.is_empty()),
    ];
    for (field, _) in given.iter().filter(|(_, given)| *given) {
        let chinese = "核实为在世时不应填写";
        form.add(field, "NOT_ALLOWED", "belongs to the other result", chinese);
    }
    Found::Alive
}
