//! Draws a case settling, department by department: redrawn in place in a terminal, else one line a
//! change. Drawing is progress and goes to stderr.

use std::io::{self, Write};
use std::time::Instant;

use crate::client::case_show::{CaseView, QuestionView};
use crate::client::{case_watch, words};
use crate::output::{is_drawn, progress, width};

/// Where the drawing goes.
enum Canvas {
    None,
    Lines,
    Terminal,
}

/// What is drawn of one case at a time.
pub struct Drawing {
    canvas: Canvas,
    began: Instant,
    shown: Option<CaseView>,
    lines: usize,
}

impl Drawing {
    /// Draws nothing.
    pub fn none() -> Self {
        Self::on(Canvas::None)
    }

    /// Draws on stderr.
    pub fn on_stderr() -> Self {
        Self::on(if is_drawn() {
            Canvas::Terminal
        } else {
            Canvas::Lines
        })
    }

    fn on(canvas: Canvas) -> Self {
        Self {
            canvas,
            began: Instant::now(),
            shown: None,
            lines: 0,
        }
    }

    /// A new step begins.
    pub fn title(&mut self, number: u8, title: &str) {
        match self.canvas {
            Canvas::None => return,
            Canvas::Lines => progress(format!("\n{number}. {title}")),
            Canvas::Terminal => progress(format!("\n\x1b[1m{number}. {title}\x1b[0m")),
        }
        self.next_case();
    }

    /// The next state is another case's, or is told apart.
    pub fn next_case(&mut self) {
        self.shown = None;
        self.lines = 0;
        self.began = Instant::now();
    }

    /// Something that was seen.
    pub fn seen(&mut self, text: &str) {
        if !matches!(self.canvas, Canvas::None) {
            progress(format!("   {text}"));
        }
        self.next_case();
    }

    /// A state of the case.
    pub fn case(&mut self, case: &CaseView) {
        match self.canvas {
            Canvas::None => {}
            Canvas::Lines => {
                let after = self.began.elapsed().as_millis();
                for line in case_watch::changes(self.shown.as_ref(), case) {
                    progress(format!("   {after:>5} ms  {line}"));
                }
            }
            Canvas::Terminal => self.redraw(case),
        }
        self.shown = Some(case.clone());
    }

    fn redraw(&mut self, case: &CaseView) {
        let lines = block(case, self.began.elapsed().as_millis());
        let mut err = io::stderr().lock();
        // A terminal that is gone is nothing to fail for.
        let _ = if self.lines > 0 {
            write!(err, "\x1b[{}A\x1b[J", self.lines)
        } else {
            Ok(())
        };
        for line in &lines {
            let _ = writeln!(err, "{line}");
        }
        self.lines = lines.len();
    }
}

fn block(case: &CaseView, milliseconds: u128) -> Vec<String> {
    let mut lines = vec![format!(
        "   {} {}  \x1b[2m{}  {milliseconds} ms\x1b[0m",
        case.phase,
        words::phase_chinese(case.phase_on_wire()),
        case.case_id
    )];
    lines.extend(case.latest_questions().map(question));
    lines
}

fn question(question: &QuestionView) -> String {
    let (sign, colour) = match question.answer() {
        "done" => ("✓", "32"),
        "nothing_to_do" => ("·", "2"),
        "needs_human" => ("!", "33"),
        "rejected" => ("✗", "31"),
        "superseded" => ("~", "2"),
        _ => ("…", "36"),
    };
    let department = pad(&words::department(&question.department), 26);
    let action = pad(&question.action, 20);
    format!(
        "     {department}{action}\x1b[{colour}m{sign} {}\x1b[0m",
        question.answer().replace('_', " ")
    )
}

fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}
