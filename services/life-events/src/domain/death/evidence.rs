//! What somebody says of a death, and how much it weighs (product §4.1).

use jiff::{Timestamp, civil::Date};
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::division::DivisionCode;
use uuid::Uuid;

use super::Rejection;
use super::names::names;

names! {
    /// Kind of a source of evidence. Its rank follows from it.
    pub enum Source {
        /// Medical death certificate (居民死亡医学证明), paper or electronic.
        MedicalCertificate = "medical_certificate",
        /// Police or judicial certificate.
        PoliceCertificate = "police_certificate",
        /// Court judgment, declared death included.
        CourtJudgment = "court_judgment",
        /// Cancellation of the household registration (户口注销).
        HouseholdCancellation = "household_cancellation",
        /// Cremation certificate (火化证明).
        CremationCertificate = "cremation_certificate",
        /// Hospital discharge.
        HospitalDischarge = "hospital_discharge",
        /// Care facility.
        CareFacility = "care_facility",
        /// Village.
        Village = "village",
        /// Family or neighbour.
        Family = "family",
        /// Data hint: no sign of life.
        DataHint = "data_hint",
    }
}

/// What evidence is good for, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Rank 6: it only opens a verification.
    Hints,
    /// Ranks 4 and 5: it suspends.
    Suspects,
    /// Ranks 1 to 3, with an identity match: it confirms.
    Confirms,
}

impl Source {
    /// From 1, the strongest, to 6.
    pub fn rank(self) -> u8 {
        match self {
            Source::MedicalCertificate | Source::PoliceCertificate | Source::CourtJudgment => 1,
            Source::HouseholdCancellation => 2,
            Source::CremationCertificate => 3,
            Source::HospitalDischarge | Source::CareFacility => 4,
            Source::Village | Source::Family => 5,
            Source::DataHint => 6,
        }
    }

    /// What evidence of this source is good for.
    pub fn strength(self) -> Strength {
        match self.rank() {
            1..=3 => Strength::Confirms,
            4 | 5 => Strength::Suspects,
            _ => Strength::Hints,
        }
    }
}

/// Which document of which organisation. A report is known by it: idempotency is (organisation,
/// reference), whatever the person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// The organisation that reports.
    pub organisation: String,
    /// Its reference.
    pub reference: String,
}

/// What a document states. The same document with another statement is a new revision of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Kind of source.
    pub source: Source,
    /// Date of death.
    pub died_on: PartialDate,
    /// For a court's declaration of death (宣告死亡): the day of the declaration, on which the
    /// marriage ends (民法典 Art. 51).
    pub declared_on: Option<PartialDate>,
    /// Division of the place of death.
    pub place: Option<DivisionCode>,
    /// Day on which the document was issued.
    pub document_date: Option<PartialDate>,
    /// Keyed hash of the document's number, which is personal data itself (国卫规划发〔2026〕5号).
    pub document_hash: Option<Vec<u8>>,
}

impl Statement {
    /// # Errors
    /// A date lies in the future; the document is older than the death; a day of declaration comes from no court.
    pub fn check(&self, today: Date) -> Result<(), Rejection> {
        plausible("died_on", Some(self.died_on), today)?;
        plausible("declared_on", self.declared_on, today)?;
        plausible("document_date", self.document_date, today)?;
        if self.declared_on.is_some() && self.source != Source::CourtJudgment {
            return Err(Rejection::DeclarationNeedsJudgment);
        }
        if self.predates_death() {
            return Err(Rejection::DocumentBeforeDeath);
        }
        Ok(())
    }

    /// Whether, however coarse both dates are, the document was issued before the death.
    fn predates_death(&self) -> bool {
        let issued = self.document_date.and_then(PartialDate::latest);
        let died = self.died_on.earliest();
        issued.zip(died).is_some_and(|(issued, died)| issued < died)
    }

    /// Whether the document may have been issued before a day; false where it bears no date.
    pub fn may_predate(&self, day: Date) -> bool {
        self.document_date
            .and_then(PartialDate::earliest)
            .is_some_and(|earliest| earliest < day)
    }
}

/// Years before today in which a death may lie: nobody in the register was born earlier.
const OLDEST_YEARS: i16 = 130;

/// Refuses a date all of which lies after today, or before anybody in the register was born.
pub(super) fn plausible(
    field: &'static str,
    date: Option<PartialDate>,
    today: Date,
) -> Result<(), Rejection> {
    match date.and_then(PartialDate::earliest) {
        Some(earliest) if earliest > today => Err(Rejection::FutureDate { field }),
        Some(earliest) if earliest.year() < today.year() - OLDEST_YEARS => {
            Err(Rejection::DateTooEarly { field })
        }
        Some(_) | None => Ok(()),
    }
}

names! {
    /// What one piece of evidence counts for.
    pub enum Standing {
        /// It proves the death, and its date counts.
        Current = "current",
        /// It proves the death; a person decided against its date.
        Overruled = "overruled",
        /// It counts for nothing until a person decides whom it is about.
        IdentityInDoubt = "identity_in_doubt",
        /// It counts for nothing until a person decides: issued before an earlier episode's
        /// reversal.
        DocumentInDoubt = "document_in_doubt",
        /// A person refused it.
        Refused = "refused",
        /// A newer revision of the same document stands in its place.
        Superseded = "superseded",
    }
}

names! {
    /// Why a piece of evidence waits for a person.
    pub enum Doubt {
        /// Whom is it about?
        Identity = "identity",
        /// Does a document count that was issued before the reversal?
        Document = "document",
    }
}

/// One report of a death from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Opaque id.
    pub id: Uuid,
    /// The document.
    pub document: DocumentKey,
    /// Version of the document, from 1.
    pub revision: i32,
    /// What it states.
    pub statement: Statement,
    /// Subject of the caller who reported it; no personal data.
    pub reporter: String,
    /// When it reached the platform.
    pub received_at: Timestamp,
    /// What it counts for.
    pub standing: Standing,
}

impl Evidence {
    /// Whether it says that the person died.
    pub fn proves(&self) -> bool {
        match self.standing {
            Standing::Current | Standing::Overruled => true,
            Standing::IdentityInDoubt
            | Standing::DocumentInDoubt
            | Standing::Refused
            | Standing::Superseded => false,
        }
    }

    /// Why it waits for a person, if it does.
    pub fn doubt(&self) -> Option<Doubt> {
        match self.standing {
            Standing::IdentityInDoubt => Some(Doubt::Identity),
            Standing::DocumentInDoubt => Some(Doubt::Document),
            Standing::Current | Standing::Overruled | Standing::Refused | Standing::Superseded => {
                None
            }
        }
    }

    /// From 1, the strongest, to 6.
    pub fn rank(&self) -> u8 {
        self.statement.source.rank()
    }
}
