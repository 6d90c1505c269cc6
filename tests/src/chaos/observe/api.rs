//! What the API says: cases, fingerprints, what `Verify` finds; and whether anything is still open.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::StreamExt;
use minzheng_chassis::db::Sql;
use minzheng_proto::life_events::v1 as pb;
use minzheng_proto::operations::v1 as operations;

use super::{Api, Databases, Print};
use crate::chaos::history::{Kind, Op};
use crate::platform::{Callers, Platform, SERVICES, until_answered};

/// Calls at once.
const AT_ONCE: usize = 8;

/// Persons in one question for fingerprints.
const PERSONS: usize = 400;

/// How often it is looked whether something is open.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Waits until no event waits, no key is parked and no question is open; how long that took.
///
/// # Errors
/// What is open when the time is over.
pub async fn settle(
    platform: &Platform,
    databases: &Databases,
    within: Duration,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    loop {
        let open = match still_open(platform, databases).await {
            Ok(None) => return Ok(began.elapsed()),
            Ok(Some(open)) => open,
            Err(error) => format!("{error:#}"),
        };
        anyhow::ensure!(began.elapsed() < within, "after {within:?}: {open}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The first thing that is open, in words.
async fn still_open(platform: &Platform, databases: &Databases) -> anyhow::Result<Option<String>> {
    for service in SERVICES {
        let outbox = platform
            .operations(service)
            .get_outbox(operations::GetOutboxRequest {
                service: service.to_owned(),
            })
            .await?
            .into_inner();
        let rows: i64 = outbox.outboxes.iter().map(|outbox| outbox.rows).sum();
        if rows > 0 {
            return Ok(Some(format!("{rows} events of {service} wait")));
        }
        let letters = dead_letters(platform, service).await?;
        if letters > 0 {
            return Ok(Some(format!("{letters} events of {service} are parked")));
        }
    }
    let text = "SELECT count(*) AS n FROM question JOIN death_case ON death_case.id = question.case_id \
                WHERE question.state = 'open' AND question.fact_version = death_case.fact_version";
    let row = databases["life-events"].reader().one(text, []).await?;
    let open: i64 = row.context("a count")?.get("n")?;
    Ok((open > 0).then(|| format!("{open} questions are open")))
}

/// The services that do not answer through one of the ways in, although nothing is broken any more.
pub async fn mute(platforms: &[Platform]) -> Vec<String> {
    let mut mute = Vec::new();
    for (replica, platform) in platforms.iter().enumerate() {
        for service in SERVICES {
            let named = service.to_owned();
            let request = operations::GetOutboxRequest { service: named };
            let answer = until_answered(|| {
                let (mut client, request) = (platform.operations(service), request.clone());
                async move { client.get_outbox(request).await }
            });
            if let Err(status) = answer.await {
                let code = status.code();
                mute.push(format!(
                    "{service}, replica {replica}, does not answer: {code:?}"
                ));
            }
        }
    }
    mute
}

async fn dead_letters(platform: &Platform, service: &'static str) -> anyhow::Result<i64> {
    let request = operations::ListDeadLettersRequest {
        service: service.to_owned(),
        ..Default::default()
    };
    let answer = until_answered(|| {
        let (mut client, request) = (platform.operations(service), request.clone());
        async move { client.list_dead_letters(request).await }
    })
    .await?;
    Ok(answer.total)
}

/// Asks for everything.
///
/// # Errors
/// A service does not answer.
pub async fn api(platform: &Platform, callers: &Callers, ops: &[Op]) -> anyhow::Result<Api> {
    let mut api = Api {
        cases: cases(platform, callers, ops).await?,
        prints: prints(platform, ops).await?,
        ..Api::default()
    };
    for service in SERVICES {
        let named = service.to_owned();
        let request = operations::VerifyRequest { service: named };
        let answer = until_answered(|| {
            let (mut client, request) = (platform.operations(service), request.clone());
            async move { client.verify(request).await }
        })
        .await?;
        api.findings.extend(answer.findings);
        let mut client = platform.operations(service);
        let gaps = client
            .list_stream_gaps(operations::ListStreamGapsRequest {
                service: service.to_owned(),
            })
            .await?;
        api.gaps.extend(gaps.into_inner().gaps);
        let letters = dead_letters(platform, service).await?;
        api.dead_letters.insert(service.to_owned(), letters);
    }
    Ok(api)
}

/// The cases that clients were told of.
async fn cases(
    platform: &Platform,
    callers: &Callers,
    ops: &[Op],
) -> anyhow::Result<BTreeMap<String, pb::DeathCase>> {
    let told: BTreeSet<String> = ops
        .iter()
        .flat_map(Op::oks)
        .filter_map(|answer| answer["case"].as_str().map(str::to_owned))
        .collect();
    let found: Vec<anyhow::Result<(String, Option<pb::DeathCase>)>> = futures::stream::iter(told)
        .map(|case_id| async move {
            let request = pb::GetCaseRequest {
                case_id: case_id.clone(),
            };
            let answer = until_answered(|| {
                let (mut client, request) = (platform.life_events(&callers.clerk), request.clone());
                async move { client.get_case(request).await }
            })
            .await;
            match answer {
                Ok(answer) => Ok((case_id, answer.case)),
                Err(status) if status.code() == tonic::Code::NotFound => Ok((case_id, None)),
                Err(status) => Err(status.into()),
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let found: Result<Vec<_>, _> = found.into_iter().collect();
    let present = found?
        .into_iter()
        .filter_map(|(id, case)| case.map(|case| (id, case)));
    Ok(present.collect())
}

struct Family {
    script: String,
    /// Roles by person id.
    roles: BTreeMap<String, String>,
    lived: bool,
}

fn families(ops: &[Op]) -> BTreeMap<u64, Family> {
    let mut families: BTreeMap<u64, Family> = BTreeMap::new();
    for op in ops {
        let told = &op.deed.what["family"];
        let (Some(number), Some(script)) = (told["number"].as_u64(), told["script"].as_str())
        else {
            continue;
        };
        let family = families.entry(number).or_insert_with(|| Family {
            script: script.to_owned(),
            roles: BTreeMap::new(),
            lived: false,
        });
        if op.does() == "story" {
            family.lived = op
                .attempts
                .last()
                .is_some_and(|attempt| attempt.kind == Kind::Ok);
        } else if let Some(person) = op.ok().and_then(|answer| answer["made"].as_str()) {
            family
                .roles
                .insert(person.to_owned(), op.what("role").to_owned());
        }
    }
    families
}

/// Fingerprints of the families whose story was lived to its end.
async fn prints(platform: &Platform, ops: &[Op]) -> anyhow::Result<Vec<Print>> {
    let families = families(ops);
    let lived: Vec<(&u64, &Family)> = families.iter().filter(|(_, family)| family.lived).collect();
    let owners: BTreeMap<&str, u64> = lived
        .iter()
        .flat_map(|(number, family)| family.roles.keys().map(|id| (id.as_str(), **number)))
        .collect();
    let persons: Vec<String> = lived
        .iter()
        .flat_map(|(_, family)| family.roles.keys().cloned())
        .collect();
    let mut lines: BTreeMap<u64, Vec<String>> = lived
        .iter()
        .map(|(number, _)| (**number, Vec::new()))
        .collect();
    for service in SERVICES {
        for chunk in persons.chunks(PERSONS) {
            for line in fingerprint(platform, service, chunk).await? {
                let family = ids_in(&line).find_map(|id| owners.get(id).copied());
                let family = family.with_context(|| format!("whose is {line}"))?;
                let roles = &families[&family].roles;
                let line = format!("{service}: {}", with_roles(&line, roles));
                lines.entry(family).or_default().push(line);
            }
        }
    }
    let print = |(number, mut lines): (u64, Vec<String>)| {
        lines.sort_unstable();
        Print {
            family: number,
            script: families[&number].script.clone(),
            lines,
        }
    };
    Ok(lines.into_iter().map(print).collect())
}

async fn fingerprint(
    platform: &Platform,
    service: &'static str,
    persons: &[String],
) -> anyhow::Result<Vec<String>> {
    let request = operations::GetFingerprintRequest {
        person_ids: persons.to_vec(),
        service: service.to_owned(),
    };
    let answer = until_answered(|| {
        let (mut client, request) = (platform.operations(service), request.clone());
        async move { client.get_fingerprint(request).await }
    })
    .await?;
    let lines = answer.fingerprints.into_iter();
    Ok(lines.flat_map(|print| print.lines).collect())
}

/// The ids in a line.
fn ids_in(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
        .filter(|word| word.len() == 36)
}

fn with_roles(line: &str, roles: &BTreeMap<String, String>) -> String {
    let mut line = line.to_owned();
    for (id, role) in roles {
        line = line.replace(id, role);
    }
    line
}
