//! Reporting a death. It is never refused because nobody is known by the identity.

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::division::{DivisionCode, Level};
use minzheng_chassis::problem::Problem;
use minzheng_chassis::seam::{Command, Failure, UnitOfWork};
use minzheng_proto::common::v1::Identity;
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{Entry, carry_out_last, decide, handle};
use super::evidence::Document;
use super::residents::{Known, Record, Residents};
use super::show;
use super::whereabouts::{divisions, standing_record};
use crate::domain::death::{
    DocumentKey, Doubt, Input, Match, Opening, Report, ReviewDecision, Statement, report,
};
use crate::storage::cases::{Cases, StoredCase};

/// Whom a report is about.
#[derive(Clone)]
pub enum Subject {
    /// A person by id.
    Person(Uuid),
    /// An identity as the reporter knows it. Personal data: passed on to `residents`, kept nowhere.
    Identity(Identity),
}

/// Reports a death.
pub struct ReportDeath {
    /// Whom it is about.
    pub subject: Subject,
    /// The document.
    pub document: DocumentKey,
    /// What it states.
    pub statement: Statement,
}

/// What residents answered, and for which division.
pub struct Heard {
    /// Whom it is about.
    pub(super) known: Known,
    /// Where the reporter is at home.
    pub(super) reporter: DivisionCode,
}

/// That, and what is known of the document.
pub struct Asked {
    heard: Heard,
    document: Document,
}

impl Command for ReportDeath {
    const NAME: &'static str = "DeathCaseService/ReportDeath";
    type Asked = Asked;
    type Answer = pb::ReportDeathResponse;

    /// Residents makes a record of an identity that nobody has.
    fn asking_writes(&self) -> bool {
        matches!(self.subject, Subject::Identity(_))
    }

    async fn ask(&self, cx: &Context, caller: &Caller) -> Result<Asked, Failure> {
        let heard = self.whom(cx, caller).await?;
        let mut residents = Residents::of(cx, caller)?;
        let person_id = heard.known.person_id;
        let document = Document::look_up(cx, &mut residents, &self.document, person_id).await?;
        Ok(Asked { heard, document })
    }

    async fn apply(&self, uow: &mut UnitOfWork, asked: &Asked) -> Result<Self::Answer, Failure> {
        let stored = self.join(uow, asked).await?;
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(pb::ReportDeathResponse { case })
    }
}

impl ReportDeath {
    /// Who residents says that it is about.
    pub(super) async fn whom(&self, cx: &Context, caller: &Caller) -> Result<Heard, Failure> {
        let reporter = self.reporter_division(caller)?;
        let mut residents = Residents::of(cx, caller)?;
        let known = match &self.subject {
            Subject::Person(person_id) => residents.person(*person_id).await?,
            Subject::Identity(identity) => {
                residents
                    .resolve(&self.document, identity, reporter)
                    .await?
            }
        };
        Ok(Heard { known, reporter })
    }

    /// The case that the report belongs to, with the report in it.
    async fn join(&self, uow: &mut UnitOfWork, asked: &Asked) -> Result<StoredCase, Failure> {
        let known = standing_record(uow, &asked.heard.known).await?;
        let same = asked
            .document
            .known_case(uow, known.person_id, &self.statement)
            .await?;
        if let Some(stored) = same {
            return Ok(stored);
        }
        let latest = Cases::within(uow).latest_of_person(known.person_id).await?;
        let joined = latest.as_ref().map(|latest| &latest.case);
        let told = Report {
            revisions_elsewhere: asked.document.revisions_elsewhere(joined),
            ..self.told(uow, &known, asked.heard.reporter)
        };
        let standing = told.opening.divisions.standing;
        let division = latest
            .as_ref()
            .map_or(standing, |latest| latest.case.divisions.standing);
        let case = latest.as_ref().map(|latest| &latest.case);
        let step = decide(uow, division, |at| report(case, &told, at)).await?;
        let stored = carry_out_last(uow, self.entry(&told), latest, step).await?;
        if known.record != Record::Rejected {
            return Ok(stored);
        }
        uow.settle().await?;
        // Residents was told already that there is no such person: so is the case.
        let refused = Input::ReviewDecided {
            doubt: Doubt::Identity,
            decision: ReviewDecision::Refused,
        };
        handle(uow, Entry::of("RejectRecord"), stored, &refused).await
    }

    /// The report about a person, of a document that is in no other case.
    pub(super) fn told(&self, uow: &UnitOfWork, known: &Known, reporter: DivisionCode) -> Report {
        Report {
            evidence_id: uow.new_id(),
            document: self.document.clone(),
            statement: self.statement.clone(),
            reporter: uow.caller().subject.clone(),
            identity: match known.record {
                Record::Established => Match::Matched,
                Record::Provisional | Record::Rejected => Match::PendingReview,
            },
            revisions_elsewhere: 0,
            opening: Opening {
                case_id: uow.new_id(),
                person_id: known.person_id,
                divisions: divisions(known, reporter),
            },
        }
    }

    pub(super) fn entry(&self, told: &Report) -> Entry {
        Entry::of("ReportDeath")
            .with("evidence", told.evidence_id)
            .with("source", self.statement.source.name())
    }

    /// Where the reporter is at home: a county at least, since counties act. One of a whole
    /// province or prefecture reports from where the death happened.
    fn reporter_division(&self, caller: &Caller) -> Result<DivisionCode, Problem> {
        let acts = |code: &DivisionCode| code.level() >= Level::County;
        let own = caller.divisions.iter().copied().find(acts);
        let place = self.statement.place.filter(acts);
        own.or(place).ok_or_else(|| {
            Problem::field(
                "place_division",
                "REPORTER_DIVISION_UNKNOWN",
                "a reporter of no county must name the county of death",
                "上报单位不属于某一县区时，须填写死亡地点所在县区",
            )
        })
    }
}
