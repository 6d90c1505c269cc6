//! Demonstrations: the story of one family, played against a running platform, and the data that
//! `minzheng dev` begins with. Nobody in them exists.

mod ask;
pub mod draw;
pub mod family;
pub mod people;
pub mod seed;
pub mod story;
mod view;

use std::process::ExitCode;

use crate::cli::DemoCommand;
use crate::client::connect::Platform;
use crate::output::Printer;
use draw::Drawing;

/// Plays a demonstration; fails where something did not come as told.
///
/// # Errors
/// What the platform refused, or a case hangs.
pub async fn run(command: DemoCommand, printer: Printer) -> anyhow::Result<ExitCode> {
    let DemoCommand::DeathCase { watch, server } = command;
    let mut drawing = if watch {
        Drawing::on_stderr()
    } else {
        Drawing::none()
    };
    let story = story::tell(&Platform::of(&server), &mut drawing).await?;
    printer.print(&story, |story| {
        if watch {
            view::summary(story)
        } else {
            view::lines(story)
        }
    })?;
    Ok(if story.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
