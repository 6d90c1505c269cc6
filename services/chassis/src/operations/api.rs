//! `minzheng.operations.v1`, mounted once per process, for every service in it.

use std::sync::Arc;

use minzheng_proto::operations::v1 as pb;
use minzheng_proto::operations::v1::operations_service_server::OperationsService;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::dead_letters;
use super::{checks, verify};
use crate::context::Context;
use crate::convert::{self, instant_to_wire};
use crate::db::{Sql, val};
use crate::grpc::{caller, named};
use crate::outbox;
use crate::problem::Problem;
use crate::seam::Failure;

/// Persons in one fingerprint.
const PERSONS_AT_MOST: usize = 500;

/// The service, over all modules of the process.
pub struct OperationsApi {
    contexts: Arc<[Context]>,
}

impl OperationsApi {
    /// For these modules.
    pub fn new(contexts: Arc<[Context]>) -> Self {
        Self { contexts }
    }

    fn one(&self, service: &str) -> Result<&Context, Problem> {
        let found = self.contexts.iter().find(|cx| cx.name() == service);
        found.ok_or_else(|| {
            Problem::field(
                "service",
                "SERVICE_UNKNOWN",
                "no such service in this process",
                "本进程中没有该服务",
            )
        })
    }
}

#[tonic::async_trait]
impl OperationsService for OperationsApi {
    async fn list_dead_letters(
        &self,
        request: Request<pb::ListDeadLettersRequest>,
    ) -> Result<Response<pb::ListDeadLettersResponse>, Status> {
        let message = request.get_ref();
        let contexts: Vec<&Context> = named(&self.contexts, &message.service).collect();
        Ok(Response::new(dead_letters::list(&contexts, message).await?))
    }

    async fn get_dead_letter(
        &self,
        request: Request<pb::GetDeadLetterRequest>,
    ) -> Result<Response<pb::GetDeadLetterResponse>, Status> {
        let message = request.get_ref();
        let event_id = convert::uuid("event_id", &message.event_id).map_err(Problem::from)?;
        let cx = self.one(&message.service)?;
        Ok(Response::new(
            dead_letters::get(cx, &message.subscription, event_id).await?,
        ))
    }

    async fn replay_dead_letter(
        &self,
        request: Request<pb::ReplayDeadLetterRequest>,
    ) -> Result<Response<pb::ReplayDeadLetterResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.into_inner();
        let cx = self.one(&message.service)?;
        let command = dead_letters::Replay {
            event_id: convert::uuid("event_id", &message.event_id).map_err(Problem::from)?,
            subscription: message.subscription,
            reason: message.reason,
        };
        Ok(Response::new(cx.run(&caller, None, command).await?))
    }

    async fn discard_dead_letter(
        &self,
        request: Request<pb::DiscardDeadLetterRequest>,
    ) -> Result<Response<pb::DiscardDeadLetterResponse>, Status> {
        let caller = caller(&request)?;
        let message = request.into_inner();
        let cx = self.one(&message.service)?;
        let command = dead_letters::Discard {
            event_id: convert::uuid("event_id", &message.event_id).map_err(Problem::from)?,
            subscription: message.subscription,
            reason: message.reason,
        };
        Ok(Response::new(cx.run(&caller, None, command).await?))
    }

    async fn list_positions(
        &self,
        request: Request<pb::ListPositionsRequest>,
    ) -> Result<Response<pb::ListPositionsResponse>, Status> {
        let mut positions = Vec::new();
        for cx in named(&self.contexts, &request.get_ref().service) {
            positions.extend(positions_of(cx).await?);
        }
        Ok(Response::new(pb::ListPositionsResponse { positions }))
    }

    async fn list_stream_gaps(
        &self,
        request: Request<pb::ListStreamGapsRequest>,
    ) -> Result<Response<pb::ListStreamGapsResponse>, Status> {
        let mut gaps = Vec::new();
        for cx in named(&self.contexts, &request.get_ref().service) {
            gaps.extend(gaps_of(cx).await?);
        }
        Ok(Response::new(pb::ListStreamGapsResponse { gaps }))
    }

    async fn get_outbox(
        &self,
        request: Request<pb::GetOutboxRequest>,
    ) -> Result<Response<pb::GetOutboxResponse>, Status> {
        let mut outboxes = Vec::new();
        for cx in named(&self.contexts, &request.get_ref().service) {
            let status = outbox::status(cx.db().reader())
                .await
                .map_err(Failure::from)?;
            outboxes.push(pb::OutboxStatus {
                service: cx.name().to_owned(),
                rows: status.rows,
                refused: status.refused,
                oldest: status.oldest.map(instant_to_wire),
            });
        }
        Ok(Response::new(pb::GetOutboxResponse { outboxes }))
    }

    async fn get_fingerprint(
        &self,
        request: Request<pb::GetFingerprintRequest>,
    ) -> Result<Response<pb::GetFingerprintResponse>, Status> {
        let message = request.get_ref();
        if message.person_ids.len() > PERSONS_AT_MOST {
            return Err(Problem::field(
                "person_ids",
                "TOO_MANY",
                "at most 500 persons",
                "一次最多 500 人",
            )
            .into());
        }
        let persons: Result<Vec<Uuid>, _> = message
            .person_ids
            .iter()
            .map(|id| convert::uuid("person_ids", id).map_err(Problem::from))
            .collect();
        let persons = persons?;
        let mut fingerprints = Vec::new();
        for cx in named(&self.contexts, &message.service) {
            fingerprints.push(fingerprint_of(cx, &persons).await?);
        }
        Ok(Response::new(pb::GetFingerprintResponse { fingerprints }))
    }

    async fn verify(
        &self,
        request: Request<pb::VerifyRequest>,
    ) -> Result<Response<pb::VerifyResponse>, Status> {
        let mut answer = pb::VerifyResponse {
            checks: checks::ALL.map(str::to_owned).to_vec(),
            findings: Vec::new(),
        };
        let contexts: Vec<&Context> = named(&self.contexts, &request.get_ref().service).collect();
        // They share one bus.
        let Some(any) = contexts.first() else {
            return Ok(Response::new(answer));
        };
        let mut before = Vec::with_capacity(contexts.len());
        for cx in &contexts {
            before.push(verify::Before::load(cx).await?);
        }
        let topics = verify::Topics::read(any).await?;
        for (cx, before) in contexts.iter().zip(&before) {
            answer
                .findings
                .extend(verify::run(cx, before, &topics).await?);
        }
        Ok(Response::new(answer))
    }
}

async fn positions_of(cx: &Context) -> Result<Vec<pb::Position>, Failure> {
    let text = "SELECT subscription, topic, partition, next_offset FROM position ORDER BY subscription, topic, partition";
    let rows = cx.db().reader().all(text, []).await?;
    let mut marks = std::collections::BTreeMap::new();
    let mut positions = Vec::with_capacity(rows.len());
    for row in &rows {
        let topic: String = row.get("topic")?;
        if !marks.contains_key(&topic) {
            marks.insert(topic.clone(), cx.bus().watermarks(&topic).await?);
        }
        let partition: i32 = row.get("partition")?;
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        positions.push(pb::Position {
            service: cx.name().to_owned(),
            subscription: row.get("subscription")?,
            high_watermark: marks[&topic].get(index).map_or(0, |marks| marks.high),
            topic,
            partition,
            next_offset: row.get("next_offset")?,
        });
    }
    Ok(positions)
}

async fn gaps_of(cx: &Context) -> Result<Vec<pb::StreamGap>, Failure> {
    let text = "SELECT source, topic, key, missing_sequence, kind, seen_at FROM stream_gap ORDER BY seen_at LIMIT $1";
    let rows = cx.db().reader().all(text, [val(1000_i64)]).await?;
    let gaps: Result<Vec<pb::StreamGap>, sea_orm::DbErr> = rows
        .iter()
        .map(|row| {
            Ok(pb::StreamGap {
                service: cx.name().to_owned(),
                source: row.get("source")?,
                topic: row.get("topic")?,
                key: row.get("key")?,
                sequence: row.get("missing_sequence")?,
                kind: row.get("kind")?,
                seen_at: Some(instant_to_wire(row.instant("seen_at")?)),
            })
        })
        .collect();
    Ok(gaps?)
}

async fn fingerprint_of(cx: &Context, persons: &[Uuid]) -> Result<pb::Fingerprint, Failure> {
    let mut lines = match &cx.module().inspect {
        Some(inspect) => inspect.fingerprint(cx, persons).await?,
        None => Vec::new(),
    };
    lines.sort_unstable();
    let digest = Sha256::digest(lines.join("\n").as_bytes());
    Ok(pb::Fingerprint {
        service: cx.name().to_owned(),
        digest: hex::encode(digest),
        lines,
    })
}
