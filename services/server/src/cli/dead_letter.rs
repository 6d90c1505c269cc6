//! `dead-letter`

use clap::{Args, Subcommand};

use super::ServerArgs;

/// `dead-letter`
#[derive(Debug, Subcommand)]
pub enum DeadLetterCommand {
    /// Parked, stopped and refused events.
    #[command(
        after_help = "Examples:\n  minzheng dead-letter list\n  minzheng dead-letter list --service elderly-care -o json"
    )]
    List {
        /// Only this service.
        #[arg(long, default_value = "")]
        service: String,
        /// At most so many.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// One of them, with its headers.
    #[command(
        after_help = "Example:\n  minzheng dead-letter show EVENT --service elderly-care --subscription SUBSCRIPTION"
    )]
    Show {
        /// Which.
        #[command(flatten)]
        letter: LetterArgs,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Try some again now; exit code 3 where only some could be.
    #[command(
        after_help = "Example:\n  minzheng dead-letter replay EVENT --service elderly-care --subscription \
                            SUBSCRIPTION --reason 'bed was repaired'"
    )]
    Replay {
        /// Which.
        #[command(flatten)]
        letters: LettersArgs,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End some without effect; exit code 3 where only some could be.
    #[command(
        after_help = "Examples:\n  minzheng dead-letter discard EVENT --service elderly-care --subscription \
                            SUBSCRIPTION --reason 'sent by mistake'\n  minzheng dead-letter discard EVENT --service \
                            life-events --reason 'refused by the bus'"
    )]
    Discard {
        /// Which.
        #[command(flatten)]
        letters: LettersArgs,
        /// Where and as whom.
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Which dead letter.
#[derive(Args, Debug)]
pub struct LetterArgs {
    /// Event id.
    pub event_id: String,
    /// The service.
    #[arg(long)]
    pub service: String,
    /// The subscription; left out for an event that the bus refused.
    #[arg(long, default_value = "")]
    pub subscription: String,
}

/// Which dead letters of one subscription, and why.
#[derive(Args, Debug)]
pub struct LettersArgs {
    /// Event ids.
    #[arg(required = true)]
    pub event_ids: Vec<String>,
    /// The service.
    #[arg(long)]
    pub service: String,
    /// The subscription; left out for events that the bus refused.
    #[arg(long, default_value = "")]
    pub subscription: String,
    /// Why; no personal data.
    #[arg(long)]
    pub reason: String,
}
