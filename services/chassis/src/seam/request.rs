//! Request ids: the same id gives the first answer; the same id with other content is refused.

use sea_orm::{ConnectionTrait, DbBackend, Value};
use uuid::Uuid;

use crate::civil::micros;
use crate::crypto::{FieldAddress, KeyRing};
use crate::db::{Insert, Sql, Write, val};
use crate::problem::Problem;
use crate::seam::Failure;

/// What the MAC of a request's content is for.
const REQUEST_CONTENT: &str = "request-content";

/// The identity of one mutating call.
#[derive(Clone, Debug)]
pub struct RequestKey {
    id: Uuid,
    content: Vec<u8>,
}

impl RequestKey {
    /// From a request message and the `request_id` in it.
    ///
    /// # Errors
    /// REQUEST_ID_INVALID, if the id is no UUID.
    pub fn of(request_id: &str, message: &impl prost::Message) -> Result<Self, Problem> {
        let id = Uuid::parse_str(request_id).map_err(|_| {
            Problem::field(
                "request_id",
                "REQUEST_ID_INVALID",
                "must be a UUID",
                "请求编号必须是 UUID",
            )
        })?;
        Ok(Self {
            id,
            content: message.encode_to_vec(),
        })
    }

    /// The id; the causation id of what the call publishes.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// A request as its table knows it.
pub(super) struct Remembered<'a> {
    pub(super) keys: &'a KeyRing,
    pub(super) service: &'a str,
    pub(super) caller: &'a str,
    pub(super) method: &'a str,
    pub(super) request: &'a RequestKey,
}

impl Remembered<'_> {
    fn content_hmac(&self) -> Vec<u8> {
        self.keys
            .mac(REQUEST_CONTENT, &self.request.content)
            .to_vec()
    }

    fn address<'a>(&'a self, row: &'a str) -> FieldAddress<'a> {
        FieldAddress {
            service: self.service,
            table: "request",
            column: "answer",
            row,
        }
    }

    /// The first answer, if the call was made before.
    pub(super) async fn recall(
        &self,
        db: &impl ConnectionTrait,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let row = db
            .one(
                "SELECT content_hmac, answer FROM request WHERE caller = $1 AND method = $2 AND request_id = $3",
                [val(self.caller), val(self.method), val(self.request.id)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        if row.get::<Vec<u8>>("content_hmac")? != self.content_hmac() {
            return Err(Problem::request_id_reused().into());
        }
        let sealed: Vec<u8> = row.get("answer")?;
        let row = self.request.id.to_string();
        let answer = self
            .keys
            .decrypt_field(self.address(&row), &sealed)
            .map_err(Failure::internal)?;
        Ok(Some(answer.expose().clone()))
    }

    /// The row that keeps the answer, encrypted since it may hold personal data.
    pub(super) fn row(&self, answer: &[u8], now: jiff::Timestamp) -> Vec<Value> {
        let row = self.request.id.to_string();
        let sealed = self.keys.encrypt_field(self.address(&row), answer);
        vec![
            val(self.caller),
            val(self.method),
            val(self.request.id),
            val(self.content_hmac()),
            val(sealed),
            val(micros(now)),
        ]
    }
}

/// Keeps answers.
pub(super) fn remember(backend: DbBackend, rows: Vec<Vec<Value>>) -> Write {
    let insert = Insert {
        table: "request",
        columns: &[
            "caller",
            "method",
            "request_id",
            "content_hmac",
            "answer",
            "created_at",
        ],
        tail: "",
    };
    let count = rows.len();
    let (text, values) = insert.rows(backend, rows);
    Write::new(insert.table, text, values, count)
}
