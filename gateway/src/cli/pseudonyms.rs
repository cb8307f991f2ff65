//! `weir pseudonyms`: what stands behind a pseudonym, for who may know it.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Config, End, Failure, audit::ActArgs};

/// Work with pseudonyms.
#[derive(Subcommand)]
pub enum Pseudonyms {
    /// Show the value behind a pseudonym, a surrogate or a ciphertext; recorded before it is shown
    Reveal(Reveal),
}

/// Which one, and why.
#[derive(Args)]
pub struct Reveal {
    /// The pseudonym as it was sent, with brackets or without
    pseudonym: String,
    /// Tenant whose pseudonym it is
    #[arg(long)]
    tenant: String,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Data folder of the gateway, instead of the one its settings name
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    act: ActArgs,
    #[command(flatten)]
    config: Config,
}

impl Pseudonyms {
    /// Runs the command. It ends with a finding where there is no value to show.
    ///
    /// # Errors
    /// When the settings can't be used, or the desk refuses.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let Self::Reveal(reveal) = self;
        let mut books = reveal.config.books()?;
        if let Some(data_dir) = reveal.data_dir {
            books.moved(data_dir);
        }
        let wanted = json!({"tenant": reveal.tenant, "pseudonym": reveal.pseudonym, "reason": reveal.reason});
        let answer = reveal.act.ask(&books, ("/api/v1/pseudonyms/reveal", Some(wanted)))?;
        writeln!(out, "{answer:#}")?;
        let is_revealed = answer.get("state").and_then(Value::as_str) == Some("revealed");
        Ok(if is_revealed { End::Fine } else { End::Finding })
    }
}
