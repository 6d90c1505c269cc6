//! What the story tells the platform: its five reports, and which were acknowledged.

use jiff::civil::Date;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::life_events::v1::EvidenceSource;

use super::days::Days;
use crate::family::{Family, Member};
use crate::platform::{Callers, Platform, until_answered};
use crate::reports::{Report, day, month};

/// The five reports of steps 1 to 3.
pub struct Reports {
    /// The hospital reports the father's death.
    pub father_by_hospital: Report,
    /// The village reports it too, with the month only.
    pub father_by_village: Report,
    /// The hospital reports the mother's death.
    pub mother_by_hospital: Report,
    /// The facility reports the grandmother's.
    pub grandmother_by_facility: Report,
    /// The police cancel her registration.
    pub grandmother_by_police: Report,
}

impl Reports {
    /// Of a family, on a day.
    pub fn of(family: &Family, today: Date) -> Self {
        let tag = &family.tag;
        let days = Days::before(today);
        let report = |member: &Member, source, what: &str, died_on| {
            Report::of(member, source, &format!("{tag}-{what}"), died_on)
        };
        Self {
            father_by_hospital: report(
                &family.father,
                EvidenceSource::MedicalCertificate,
                "father",
                day(days.father),
            ),
            father_by_village: report(
                &family.father,
                EvidenceSource::Village,
                "father",
                month(days.father),
            ),
            mother_by_hospital: report(
                &family.mother,
                EvidenceSource::MedicalCertificate,
                "mother",
                day(days.mother),
            ),
            grandmother_by_facility: report(
                &family.grandmother,
                EvidenceSource::CareFacility,
                "grandmother",
                day(days.grandmother),
            ),
            grandmother_by_police: report(
                &family.grandmother,
                EvidenceSource::HouseholdCancellation,
                "grandmother",
                day(days.grandmother),
            ),
        }
    }

    /// All five, in the order of the story.
    pub fn all(&self) -> [&Report; 5] {
        [
            &self.father_by_hospital,
            &self.father_by_village,
            &self.mother_by_hospital,
            &self.grandmother_by_facility,
            &self.grandmother_by_police,
        ]
    }
}

/// A report that the platform acknowledged: from then on it is in its case, whatever dies.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    case_id: String,
    organisation: String,
    reference: String,
}

impl Acknowledged {
    /// Of a report and the case that it was answered with.
    pub fn of(report: &pb::ReportDeathRequest, case: &pb::DeathCase) -> Self {
        Self {
            case_id: case.id.clone(),
            organisation: report.source_organisation.clone(),
            reference: report.reference.clone(),
        }
    }

    /// Whether it is in its case, as its reporter sees it: to others a reference may be masked.
    pub async fn is_in_its_case(&self, platform: &Platform, callers: &Callers) -> bool {
        let answer = until_answered(|| {
            let mut client = platform.life_events(&callers.reporter);
            let case_id = self.case_id.clone();
            async move { client.get_case(pb::GetCaseRequest { case_id }).await }
        })
        .await
        .expect("the case of an acknowledged report exists");
        let case = answer.case.expect("a case");
        case.evidence.iter().any(|evidence| {
            evidence.source_organisation == self.organisation
                && evidence.reference == self.reference
        })
    }
}
