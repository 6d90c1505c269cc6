//! Reports that arrive at once: those that open a case in which nobody has to decide anything share a
//! transaction. Everything else, like a second report about a person, is carried out by itself.

use std::collections::{BTreeMap, BTreeSet};

use minzheng_chassis::authz::Caller;
use minzheng_chassis::context::Context;
use minzheng_chassis::seam::{Failure, SetCommand, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::desk::{decide, open_unsaved};
use super::report_death::{Heard, ReportDeath};
use super::residents::{Known, Record};
use super::show;
use super::whereabouts::standing;
use crate::domain::death::{Case, DocumentKey, report};
use crate::storage::cases::{self, StoredCase};
use crate::storage::decided_records::Verdict;
use crate::storage::reported;

/// The cases that a transaction opens.
pub struct Openings {
    /// By the record's id.
    survivors: BTreeMap<Uuid, Uuid>,
    verdicts: BTreeMap<Uuid, Verdict>,
    /// Who has a case, one that is opened here included.
    have_one: BTreeSet<Uuid>,
    /// What was told, here included.
    told: BTreeSet<DocumentKey>,
    opened: Vec<Case>,
}

impl SetCommand for ReportDeath {
    type Heard = Heard;
    type Set = Openings;

    async fn hear(&self, cx: &Context, caller: &Caller) -> Result<Heard, Failure> {
        self.whom(cx, caller).await
    }

    async fn load(uow: &mut UnitOfWork, commands: &[(&Self, &Heard)]) -> Result<Openings, Failure> {
        let named: Vec<Uuid> = commands
            .iter()
            .map(|(_, heard)| heard.known.person_id)
            .collect();
        let standing = uow.know_all(&named).await?;
        let persons: Vec<Uuid> = standing.iter().map(|person| person.person_id).collect();
        let documents: Vec<&DocumentKey> = commands
            .iter()
            .map(|(command, _)| &command.document)
            .collect();
        let known = reported::look_up_anywhere(uow, &persons, &documents).await?;
        Ok(Openings {
            verdicts: known.verdicts,
            have_one: known.with_case,
            told: known.documents,
            survivors: named.into_iter().zip(persons).collect(),
            opened: Vec::new(),
        })
    }

    async fn apply_in(
        &self,
        uow: &mut UnitOfWork,
        heard: &Heard,
        openings: &mut Openings,
    ) -> Result<Option<pb::ReportDeathResponse>, Failure> {
        let known = openings.standing(&heard.known);
        let is_clear = known.record == Record::Established
            && !openings.have_one.contains(&known.person_id)
            && !openings.told.contains(&self.document);
        if !is_clear {
            return Ok(None);
        }
        let told = self.told(uow, &known, heard.reporter);
        let division = told.opening.divisions.standing;
        let step = decide(uow, division, |at| report(None, &told, at)).await?;
        let Some(case) = open_unsaved(uow, self.entry(&told), step).await? else {
            return Ok(None);
        };
        openings.have_one.insert(known.person_id);
        openings.told.insert(self.document.clone());
        openings.opened.push(case.clone());
        let stored = StoredCase { case, version: 1 };
        let case = Some(show::whole(&stored, uow.caller()));
        Ok(Some(pb::ReportDeathResponse { case }))
    }

    async fn save(uow: &mut UnitOfWork, openings: Openings) -> Result<(), Failure> {
        cases::save_opened(uow, &openings.opened);
        Ok(())
    }
}

impl Openings {
    fn standing(&self, known: &Known) -> Known {
        let survivor = self.survivors.get(&known.person_id);
        let survivor = survivor.copied().unwrap_or(known.person_id);
        standing(known, survivor, self.verdicts.get(&survivor).copied())
    }
}
