//! The only place where a fact of the domain becomes an event on the bus.

use minzheng_chassis::convert::date_to_wire;
use minzheng_chassis::person::FactKind;
use minzheng_chassis::seam::{Failure, UnitOfWork};
use minzheng_proto::life_events::v1 as pb;

use super::column::text;
use crate::domain::death::{Cause, Fact};

/// Announces a fact.
///
/// # Errors
/// As [`UnitOfWork::publish`].
pub fn publish(uow: &mut UnitOfWork, fact: &Fact) -> Result<(), Failure> {
    uow.correlate(fact.case_id);
    let division = fact.domicile;
    let body = Some(to_wire(fact));
    match fact.kind {
        FactKind::Suspected => uow.publish(&pb::DeathSuspected { fact: body }, division),
        FactKind::Lifted => uow.publish(&pb::SuspicionLifted { fact: body }, division),
        FactKind::Confirmed => uow.publish(&pb::DeathConfirmed { fact: body }, division),
        FactKind::Corrected => uow.publish(&pb::DeathCorrected { fact: body }, division),
        FactKind::Reversed => uow.publish(&pb::DeathReversed { fact: body }, division),
    }
}

fn to_wire(fact: &Fact) -> pb::DeathFact {
    pb::DeathFact {
        person_id: fact.person_id.to_string(),
        case_id: fact.case_id.to_string(),
        episode: fact.episode,
        fact_version: fact.fact_version,
        cause: cause_to_wire(fact.cause).into(),
        died_on: Some(date_to_wire(fact.died_on)),
        declared_on: fact.declared_on.map(date_to_wire),
        revoked_on: fact.revoked_on.map(date_to_wire),
        domicile_division: text(fact.domicile).unwrap_or_default(),
        residence_division: text(fact.residence).unwrap_or_default(),
        place_division: text(fact.place).unwrap_or_default(),
    }
}

/// Why what was announced changed, on the wire.
pub fn cause_to_wire(cause: Option<Cause>) -> pb::Cause {
    match cause {
        None => pb::Cause::Unspecified,
        Some(Cause::FormalCorrection) => pb::Cause::FormalCorrection,
        Some(Cause::QualityAssurance) => pb::Cause::QualityAssurance,
        Some(Cause::Typographical) => pb::Cause::Typographical,
        Some(Cause::Cancelled) => pb::Cause::Cancelled,
        Some(Cause::CancellationRemoved) => pb::Cause::CancellationRemoved,
    }
}
