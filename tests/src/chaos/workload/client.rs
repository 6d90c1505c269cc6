//! One worker's calls: logged, and tried again with the same request id until the answer is known.

use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use tonic::{Code, Response, Status};
use uuid::Uuid;

use super::Workload;
use crate::chaos::history::{Deed, Kind, digest};
use crate::platform::{Platform, minzheng_reason};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why an operation brought no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The platform's no, by its stable reason.
    No(String),
    /// Nobody knows, and the run is over.
    Unknown,
}

impl Refused {
    /// Whether it is this no.
    pub fn is(&self, reason: &str) -> bool {
        matches!(self, Self::No(found) if found == reason)
    }
}

/// A worker of the workload.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// What it shares with the others.
    pub shared: &'a Workload,
    /// Its number.
    pub worker: usize,
}

impl Client<'_> {
    /// A change: made until the platform says yes or no, under one request id.
    ///
    /// # Errors
    /// The no, or that nobody knows.
    pub async fn change<T: Message>(
        &self,
        what: Value,
        call: impl AsyncFn(&Platform, String) -> Result<Response<T>, Status>,
        show: impl Fn(&T) -> Value,
    ) -> Result<T, Refused> {
        let deed = self.deed(Uuid::new_v4().to_string(), what);
        let first = self.until_known(&deed, &call, &show).await?;
        // Some clients ask again although they were answered.
        if deed.op.is_multiple_of(31) {
            self.attempt(&deed, deed.op as usize + 1, &call, &show)
                .await
                .ok();
        }
        Ok(first)
    }

    /// A change of the version just read; another's change makes it be read again.
    ///
    /// # Errors
    /// The no, or that nobody knows.
    pub async fn change_of_version<T: Message>(
        &self,
        what: &Value,
        etag: impl AsyncFn() -> Result<String, Refused>,
        call: impl AsyncFn(&Platform, String, String) -> Result<Response<T>, Status>,
        show: impl Fn(&T) -> Value,
    ) -> Result<T, Refused> {
        loop {
            let etag = etag().await?;
            let call = async |platform: &Platform, request_id: String| {
                call(platform, request_id, etag.clone()).await
            };
            match self.change(what.clone(), call, &show).await {
                Err(refused) if refused.is("ETAG_MISMATCH") && self.shared.is_over() => {
                    return Err(Refused::Unknown);
                }
                Err(refused) if refused.is("ETAG_MISMATCH") => {}
                settled => return settled,
            }
        }
    }

    /// A read: made until the platform answers.
    ///
    /// # Errors
    /// The no, or that nobody knows.
    pub async fn read<T: Message>(
        &self,
        what: Value,
        call: impl AsyncFn(&Platform) -> Result<Response<T>, Status>,
        show: impl Fn(&T) -> Value,
    ) -> Result<T, Refused> {
        let deed = self.deed(String::new(), what);
        let call = async |platform: &Platform, _: String| call(platform).await;
        self.until_known(&deed, &call, &show).await
    }

    fn deed(&self, id: String, what: Value) -> Deed {
        Deed {
            worker: self.worker,
            op: self.shared.history.next_op(),
            id,
            what,
        }
    }

    async fn until_known<T: Message>(
        &self,
        deed: &Deed,
        call: &impl AsyncFn(&Platform, String) -> Result<Response<T>, Status>,
        show: &impl Fn(&T) -> Value,
    ) -> Result<T, Refused> {
        self.shared.turn().await;
        let mut pause = FIRST_PAUSE;
        let mut turn = deed.op as usize;
        loop {
            match self.attempt(deed, turn, call, show).await {
                Ok(answer) => return Ok(answer),
                Err(Some(reason)) if reason != "CONTENDED" => return Err(Refused::No(reason)),
                Err(_) if self.shared.is_over() => return Err(Refused::Unknown),
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            turn += 1;
        }
    }

    /// One try; the reason of a no, nothing where nobody knows.
    async fn attempt<T: Message>(
        &self,
        deed: &Deed,
        turn: usize,
        call: &impl AsyncFn(&Platform, String) -> Result<Response<T>, Status>,
        show: &impl Fn(&T) -> Value,
    ) -> Result<T, Option<String>> {
        let replica = turn % self.shared.platforms.len();
        let log = |kind, answer| -> () { self.shared.history.write(deed, kind, replica, answer) };
        log(Kind::Invoke, Value::Null);
        match call(&self.shared.platforms[replica], deed.id.clone()).await {
            Ok(response) => {
                let answer = response.into_inner();
                let mut shown = show(&answer);
                shown["digest"] = digest(&answer.encode_to_vec()).into();
                log(Kind::Ok, shown);
                Ok(answer)
            }
            Err(status) => match refusal(&status) {
                Some(reason) => {
                    log(Kind::Fail, json!({ "reason": reason }));
                    Err(Some(reason))
                }
                None => {
                    let said = json!({
                        "code": format!("{:?}", status.code()), "said": status.message(),
                        "reason": minzheng_reason(&status),
                    });
                    log(Kind::Unknown, said);
                    Err(None)
                }
            },
        }
    }
}

/// The platform's no. An answer that comes from a broken connection, from a time limit or from a
/// service without its database leaves open whether the change was made.
fn refusal(status: &Status) -> Option<String> {
    let open = matches!(
        status.code(),
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Internal
            | Code::ResourceExhausted
    );
    if open {
        return None;
    }
    Some(minzheng_reason(status).unwrap_or_else(|| format!("{:?}", status.code())))
}
