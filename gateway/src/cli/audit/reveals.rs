//! Requests to read bodies, where that takes a second person.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{End, Failure},
    acts::{Bare, told},
    desk::ActArgs,
};
use crate::settings::Books;

/// What to do with requests to read bodies.
#[derive(Subcommand)]
pub enum RevealCommand {
    /// List requests, as far back as they may still count
    List(Bare),
    /// Let another person read the bodies of the call that they asked for
    Approve(DecideArgs),
    /// Don't
    Refuse(DecideArgs),
}

/// A decision.
#[derive(Args)]
pub struct DecideArgs {
    /// The request, as `show` and `list` name it
    id: Uuid,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

impl RevealCommand {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let (args, verdict) = match self {
            Self::List(list) => return told(out, &list.act.ask(books, ("/api/v1/audit/reveals", None))?),
            Self::Approve(args) => (args, "approve"),
            Self::Refuse(args) => (args, "refuse"),
        };
        let path = format!("/api/v1/audit/reveals/{}/{verdict}", args.id);
        told(out, &args.act.ask(books, (&path, Some(json!({"reason": args.reason}))))?)
    }
}
