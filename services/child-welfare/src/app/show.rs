//! A child as callers see it.

use jiff::civil::Date;
use minzheng_chassis::civil::PartialDate;
use minzheng_chassis::convert::{date_to_wire, instant_to_wire};
use minzheng_chassis::grpc::etag;
use minzheng_proto::child_welfare::v1 as pb;
use minzheng_proto::common::v1 as common;
use uuid::Uuid;

use crate::domain::{
    Ability, Appointment, Child, GuardianBasis, ParentSituationKind, Relation, Relative, Since,
    Spell, Urgency,
};
use crate::storage::events::{carer, since_month, situation};

/// The whole of it.
pub(super) fn child(child: &Child) -> pb::Child {
    pb::Child {
        id: child.id.to_string(),
        birth_date: Some(date_to_wire(child.birth_date)),
        division: child.division.to_string(),
        file_open: child.file.is_some(),
        opened_on: day(child.file.map(|file| file.opened_on)),
        situation: situation(child.standing.situation).into(),
        carer: carer(child.standing.carer).into(),
        since_month: since_month(child.standing.since),
        since_month_unknown: child.standing.since == Since::Unknown,
        died_on: child.own.life.died_on().map(date_to_wire),
        relatives: child
            .relatives
            .iter()
            .map(|(id, it)| relative(*id, it))
            .collect(),
        visit_item_id: id(child.visit.map(|item| item.id)),
        visit_due_at: child.visit.map(|item| instant_to_wire(item.due_at)),
        visit_urgent: child
            .visit
            .is_some_and(|item| item.urgency == Urgency::Urgent),
        month_item_id: id(child.month_item.map(|item| item.id)),
        etag: etag::of(child.version),
    }
}

fn id(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// A full day of the calendar is always a date of its own precision; the years of files are.
fn day(day: Option<Date>) -> Option<common::PartialDate> {
    day.and_then(|day| PartialDate::of_day(day).ok())
        .map(date_to_wire)
}

fn relative(person_id: Uuid, relative: &Relative) -> pb::Relative {
    let died_on = relative.heard.life.died_on();
    pb::Relative {
        person_id: person_id.to_string(),
        relations: relative
            .relations
            .iter()
            .map(|it| relation(*it).into())
            .collect(),
        birth_date: Some(date_to_wire(relative.birth_date)),
        died_on: died_on.map(date_to_wire),
        dead: died_on.is_some(),
        ability: ability(relative.ability).into(),
        situations: relative.spells.iter().map(spell).collect(),
        appointment: relative.appointment.as_ref().map(appointment),
    }
}

fn spell(spell: &Spell) -> pb::ParentSituation {
    pb::ParentSituation {
        kind: kind(spell.kind).into(),
        since: day(Some(spell.since)),
        term_until: day(spell.term_until),
        ended_on: day(spell.ended_on),
        legal_basis: spell.legal_basis.clone(),
    }
}

fn appointment(appointment: &Appointment) -> pb::GuardianAppointment {
    pb::GuardianAppointment {
        basis: basis(appointment.basis).into(),
        since: day(Some(appointment.since)),
        until: day(appointment.until),
        legal_basis: appointment.legal_basis.clone(),
    }
}

fn relation(relation: Relation) -> pb::ChildRelation {
    match relation {
        Relation::Parent => pb::ChildRelation::Parent,
        Relation::Guardian => pb::ChildRelation::Guardian,
        Relation::Grandparent => pb::ChildRelation::Grandparent,
        Relation::Sibling => pb::ChildRelation::Sibling,
    }
}

fn ability(ability: Ability) -> pb::CarerAbility {
    match ability {
        Ability::Unknown => pb::CarerAbility::Unspecified,
        Ability::Able => pb::CarerAbility::Able,
        Ability::Unable => pb::CarerAbility::Unable,
    }
}

fn basis(basis: GuardianBasis) -> pb::GuardianBasis {
    match basis {
        GuardianBasis::Will => pb::GuardianBasis::Will,
        GuardianBasis::Agreement => pb::GuardianBasis::Agreement,
        GuardianBasis::Committee => pb::GuardianBasis::Committee,
        GuardianBasis::CivilAffairs => pb::GuardianBasis::CivilAffairs,
        GuardianBasis::Court => pb::GuardianBasis::Court,
    }
}

fn kind(kind: ParentSituationKind) -> pb::ParentSituationKind {
    match kind {
        ParentSituationKind::DeclaredMissing => pb::ParentSituationKind::DeclaredMissing,
        ParentSituationKind::OutOfContact => pb::ParentSituationKind::OutOfContact,
        ParentSituationKind::Imprisoned => pb::ParentSituationKind::Imprisoned,
        ParentSituationKind::CompulsoryRehabilitation => {
            pb::ParentSituationKind::CompulsoryRehabilitation
        }
        ParentSituationKind::LibertyRestricted => pb::ParentSituationKind::LibertyRestricted,
        ParentSituationKind::SeverelyDisabled => pb::ParentSituationKind::SeverelyDisabled,
        ParentSituationKind::SeverelyIll => pb::ParentSituationKind::SeverelyIll,
        ParentSituationKind::GuardianshipRevoked => pb::ParentSituationKind::GuardianshipRevoked,
        ParentSituationKind::Deported => pb::ParentSituationKind::Deported,
    }
}
