//! Follows one case.

use std::time::Duration;

use minzheng_proto::life_events::v1 as pb;
use tokio_stream::StreamExt;
use tonic::{Code, Streaming};

use super::case_show::CaseView;
use super::connect::Platform;
use super::dates::Instant;
use super::error::ClientError;
use super::words;
use crate::output::{Printer, progress};

/// How long to wait before a broken stream is taken up again.
const RESUME_AFTER: Duration = Duration::from_millis(500);

/// Broken streams in a row before the platform counts as away.
const BREAKS_AT_MOST: u32 = 20;

/// Every state of one case, from now on; goes on after a broken stream, and with the survivor after
/// a merge.
pub struct Following<'p> {
    platform: &'p Platform,
    case_id: String,
    resume_token: String,
    stream: Option<Streaming<pb::WatchCaseResponse>>,
    breaks: u32,
}

impl<'p> Following<'p> {
    /// Of a case.
    pub fn case(platform: &'p Platform, case_id: &str) -> Self {
        Self {
            platform,
            case_id: case_id.to_owned(),
            resume_token: String::new(),
            stream: None,
            breaks: 0,
        }
    }

    /// The next state; the first is the present one.
    ///
    /// # Errors
    /// What the platform refused, or it stayed away.
    pub async fn next(&mut self) -> Result<pb::DeathCase, ClientError> {
        loop {
            match self.step().await {
                Ok(Some(case)) => return Ok(case),
                Ok(None) => {}
                Err(status) if is_break(status.code()) && self.breaks < BREAKS_AT_MOST => {
                    self.breaks += 1;
                    self.stream = None;
                    tokio::time::sleep(RESUME_AFTER).await;
                }
                Err(status) => return Err(self.platform.refused(&status)),
            }
        }
    }

    async fn step(&mut self) -> Result<Option<pb::DeathCase>, tonic::Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let request = pb::WatchCaseRequest {
                    case_id: self.case_id.clone(),
                    resume_token: self.resume_token.clone(),
                };
                let stream = self
                    .platform
                    .cases()
                    .watch_case(request)
                    .await?
                    .into_inner();
                self.stream.insert(stream)
            }
        };
        let Some(state) = stream.next().await.transpose()? else {
            return Err(tonic::Status::aborted("the stream ended"));
        };
        self.breaks = 0;
        self.resume_token = state.resume_token;
        let Some(case) = state.case else {
            return Ok(None);
        };
        if case.phase() == pb::Phase::MergedInto && !case.merged_into.is_empty() {
            self.case_id.clone_from(&case.merged_into);
            self.resume_token.clear();
            self.stream = None;
        }
        Ok(Some(case))
    }
}

/// A stream that ended for its own sake; others are answers.
fn is_break(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Aborted
            | Code::Cancelled
            | Code::ResourceExhausted
            | Code::Unknown
    )
}

/// Whether nothing more happens by itself, or not until a person acts.
pub fn is_end(phase: pb::Phase) -> bool {
    matches!(
        phase,
        pb::Phase::Settled | pb::Phase::Finished | pb::Phase::Reversed | pb::Phase::Rejected
    )
}

/// Prints every change of a case until it ends.
pub(super) async fn run(
    platform: &Platform,
    case_id: &str,
    printer: Printer,
) -> anyhow::Result<()> {
    // A case that does not exist is told at once, as such.
    super::case::get(platform, case_id).await?;
    let mut following = Following::case(platform, case_id);
    let mut before: Option<CaseView> = None;
    loop {
        let case = following.next().await?;
        let view = CaseView::of(&case);
        printer.print_line(&view, |view| timed(changes(before.as_ref(), view), view))?;
        if is_end(case.phase()) {
            tell_rest(&view, printer);
            return Ok(());
        }
        before = Some(view);
    }
}

/// When the case changed, before each line.
fn timed(lines: Vec<String>, view: &CaseView) -> Vec<String> {
    let at = view
        .changed_at
        .map(Instant::local_second)
        .unwrap_or_default();
    lines
        .into_iter()
        .map(|line| format!("{at}  {line}"))
        .collect()
}

fn tell_rest(view: &CaseView, printer: Printer) {
    if printer.is_json() {
        return;
    }
    for waiting in &view.waiting {
        progress(format!(
            "waits for {}: {}",
            words::department(&waiting.on),
            waiting.advice
        ));
    }
}

/// What is new about a case, one line each.
pub fn changes(before: Option<&CaseView>, now: &CaseView) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none_or(|before| before.phase != now.phase || before.case_id != now.case_id) {
        let chinese = words::phase_chinese(now.phase_on_wire());
        let merged = if now.merged_into.is_empty() {
            String::new()
        } else {
            format!(" {}", now.merged_into)
        };
        lines.push(format!("{} {chinese}{merged}", now.phase));
    }
    for question in now.latest_questions() {
        let known = before.is_some_and(|before| before.questions.contains(question));
        if !known {
            let department = words::department(&question.department);
            lines.push(format!(
                "  {department}  {}  {}",
                question.action,
                question.answer()
            ));
        }
    }
    for waiting in &now.waiting {
        let known = before.is_some_and(|before| before.waiting.contains(waiting));
        let asked = now
            .latest_questions()
            .any(|question| question.action == waiting.what);
        if !known && !asked {
            lines.push(format!(
                "  {}  {}  {}",
                words::department(&waiting.on),
                waiting.what,
                waiting.advice
            ));
        }
    }
    lines
}
