//! `minzheng case`

use std::process::ExitCode;

use minzheng_proto::life_events::v1 as pb;
use uuid::Uuid;

use super::case_act;
use super::case_show::{self, CaseView};
use super::case_watch;
use super::connect::Platform;
use super::error::ClientError;
use super::{dates, words};
use crate::cli::{CaseCommand, PhaseArg};
use crate::output::{Printer, progress, table};

/// Cases asked for at a time.
const PAGE: u32 = 200;

/// Looks at cases, follows and decides them.
///
/// # Errors
/// What the platform refused, or stdout is closed.
pub async fn run(command: CaseCommand, printer: Printer) -> anyhow::Result<ExitCode> {
    match command {
        CaseCommand::List {
            phase,
            person,
            limit,
            server,
        } => {
            let (cases, are_all) = list(&Platform::of(&server), phase, person, limit).await?;
            printer.print(&cases, |cases| listed(cases))?;
            if !are_all {
                progress(format!("there are more than {limit}; --limit shows them"));
            }
        }
        CaseCommand::Show { case_id, server } => {
            shown(
                &case_id,
                &get(&Platform::of(&server), &case_id).await?,
                printer,
            )?;
        }
        CaseCommand::Watch { case_id, server } => {
            case_watch::run(&Platform::of(&server), &case_id, printer).await?
        }
        CaseCommand::Decide(args) => {
            shown(&args.case_id, &case_act::decide(&args).await?, printer)?;
        }
        CaseCommand::VerifyDeath(args) => {
            shown(
                &args.case_id,
                &case_act::verify_death(&args).await?,
                printer,
            )?;
        }
        CaseCommand::Correct(args) => {
            shown(&args.case_id, &case_act::correct(&args).await?, printer)?;
        }
        CaseCommand::Reverse(args) => {
            shown(&args.case_id, &case_act::reverse(&args).await?, printer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One case; the survivor's where it was merged.
///
/// # Errors
/// What the platform refused.
pub async fn get(platform: &Platform, case_id: &str) -> Result<pb::DeathCase, ClientError> {
    let request = pb::GetCaseRequest {
        case_id: case_id.to_owned(),
    };
    let answer = platform
        .cases()
        .get_case(request)
        .await
        .map_err(|status| platform.refused(&status))?;
    present(answer.into_inner().case)
}

/// The case that every answer of this API carries.
pub(super) fn present(case: Option<pb::DeathCase>) -> Result<pb::DeathCase, ClientError> {
    case.ok_or_else(|| {
        ClientError::new(
            "EMPTY_ANSWER",
            "the answer holds no case",
            "`minzheng doctor` says what is wrong",
        )
    })
}

/// At most `limit` cases, and whether these are all.
async fn list(
    platform: &Platform,
    phase: Option<PhaseArg>,
    person: Option<String>,
    limit: u32,
) -> Result<(Vec<CaseView>, bool), ClientError> {
    let mut cases: Vec<CaseView> = Vec::new();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut request = pb::ListCasesRequest {
        phase: phase.map(pb::Phase::from).unwrap_or_default().into(),
        person_id: person.unwrap_or_default(),
        ..Default::default()
    };
    loop {
        let wanted = u32::try_from(limit - cases.len()).unwrap_or(PAGE).min(PAGE);
        request.page_size = i32::try_from(wanted).unwrap_or_default();
        let page = platform
            .cases()
            .list_cases(request.clone())
            .await
            .map_err(|status| platform.refused(&status))?;
        let page = page.into_inner();
        cases.extend(page.cases.iter().map(CaseView::of));
        if page.next_page_token.is_empty() || cases.len() >= limit {
            let are_all = page.next_page_token.is_empty() && cases.len() <= limit;
            cases.truncate(limit);
            return Ok((cases, are_all));
        }
        request.page_token = page.next_page_token;
    }
}

fn listed(cases: &[CaseView]) -> Vec<String> {
    if cases.is_empty() {
        return vec!["no cases".to_owned()];
    }
    let row = |case: &CaseView| {
        vec![
            case.case_id.clone(),
            format!(
                "{} {}",
                case.phase,
                words::phase_chinese(case.phase_on_wire())
            ),
            case.died_on.clone().unwrap_or_else(|| "-".to_owned()),
            case.division_name
                .clone()
                .unwrap_or_else(|| case.division.clone()),
            case.episode.to_string(),
            dates::local(case.changed_at),
        ]
    };
    let rows: Vec<Vec<String>> = cases.iter().map(row).collect();
    table(
        &["CASE", "PHASE", "DIED", "DIVISION", "EPISODE", "CHANGED"],
        &rows,
    )
}

/// Shows a case, and says so where it is another than was named.
fn shown(named: &str, case: &pb::DeathCase, printer: Printer) -> anyhow::Result<()> {
    if let Some(notice) = merged(named, case) {
        progress(notice);
    }
    printer.print(&CaseView::of(case), case_show::lines)?;
    Ok(())
}

/// That the case that was named is part of this one now.
fn merged(named: &str, case: &pb::DeathCase) -> Option<String> {
    let (named, shown): (Uuid, Uuid) = (named.parse().ok()?, case.id.parse().ok()?);
    (named != shown).then(|| format!("case {named} was merged into {shown}, which is shown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_that_was_merged_is_said_to_be_another() {
        let case = |id: u128| pb::DeathCase {
            id: Uuid::from_u128(id).to_string(),
            ..Default::default()
        };
        let named = Uuid::from_u128(10).simple().to_string().to_uppercase();
        assert_eq!(
            merged(&named, &case(10)),
            None,
            "written otherwise, the same"
        );
        let notice = merged(&named, &case(11)).expect("another");
        assert!(
            notice
                .ends_with("was merged into 00000000-0000-0000-0000-00000000000b, which is shown")
        );
    }
}
