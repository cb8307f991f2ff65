//! `weir audit`: find, show, verify, take out, hold and erase; beside a running gateway or without one.

mod acts;
mod desk;
mod filter;
mod keys;
mod print;
mod proof;
mod read;
mod reveals;

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

pub(super) use desk::ActArgs;

use super::{Config, End, Failure};
use crate::settings::Books;

/// Work with the audit log, also while the gateway runs.
#[derive(Args)]
pub struct AuditArgs {
    /// Data folder of the gateway, instead of the one its settings name
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Where the settings are.
    #[command(flatten)]
    pub config: Config,
    /// What to do.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the audit log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// List calls, newest first
    List(read::ListArgs),
    /// Show one call with its records, or one record; bodies with --reason
    Show(read::ShowArgs),
    /// List records that belong to no call: changes, reveals, holds, erasures
    Events(read::EventsArgs),
    /// Check a log, a copy of one, or an evidence bundle, offline
    Verify(proof::VerifyArgs),
    /// Print the newest signed checkpoint
    Checkpoint(proof::CheckpointArgs),
    /// Count every call in log and index
    Completeness(read::CompletenessArgs),
    /// Take calls out: evidence bundle, CSV, OCSF, OpenTelemetry, HTML
    Export(acts::ExportArgs),
    /// Look for a text in the bodies of calls
    Search(acts::SearchArgs),
    /// Judge a call
    Review(acts::ReviewArgs),
    /// Requests to read bodies, where that takes a second person: list, approve, refuse
    #[command(subcommand)]
    Reveal(reveals::RevealCommand),
    /// Make a person's bodies unreadable for good
    Erase(acts::EraseArgs),
    /// Erase again who an older copy of the keys has brought back
    RepeatErasures(acts::ReasonArgs),
    /// Keys of the kept bodies
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Legal holds: list, add, lift; both take two people
    #[command(subcommand)]
    Hold(acts::HoldCommand),
    /// Remove what is past its retention time
    Prune(acts::PruneArgs),
    /// Sign checkpoints with a new key from now on
    RotateKey(acts::RotateArgs),
    /// Build the index anew from the log
    Reindex,
    /// Run a small witness that cosigns checkpoints of logs it is told to watch
    Witness(proof::WitnessArgs),
}

impl AuditArgs {
    /// Runs the command. It ends with a finding when something is missing or wrong.
    ///
    /// # Errors
    /// When the settings can't be used, there is no log, it can't be read, or `out` can't be written.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let mut books = match (&self.data_dir, &self.command) {
            // These need no settings: an auditor has only a copy.
            (None, AuditCommand::Verify(args)) if args.path.is_some() => return args.run(None, out),
            (None, AuditCommand::Witness(args)) => return args.run(),
            _ => self.config.books()?,
        };
        if let Some(data_dir) = self.data_dir {
            books.moved(data_dir);
        }
        match self.command {
            AuditCommand::Verify(args) => args.run(Some(&books), out),
            AuditCommand::Witness(args) => args.run(),
            command => {
                must_exist(&books)?;
                run(command, &books, out)
            }
        }
    }
}

fn run(command: AuditCommand, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
    match command {
        AuditCommand::List(args) => args.run(books, out),
        AuditCommand::Show(args) => args.run(books, out),
        AuditCommand::Events(args) => args.run(books, out),
        AuditCommand::Completeness(args) => args.run(books, out),
        AuditCommand::Checkpoint(args) => args.run(books, out),
        AuditCommand::Export(args) => args.run(books, out),
        AuditCommand::Search(args) => args.run(books, out),
        AuditCommand::Review(args) => args.run(books, out),
        AuditCommand::Reveal(command) => command.run(books, out),
        AuditCommand::Erase(args) => args.run(books, out),
        AuditCommand::RepeatErasures(args) => args.repeat_erasures(books, out),
        AuditCommand::Keys(command) => command.run(books, out),
        AuditCommand::Hold(command) => command.run(books, out),
        AuditCommand::Prune(args) => args.run_at(books, ("/api/v1/audit/prune", out)),
        AuditCommand::RotateKey(args) => args.run_at(books, ("/api/v1/audit/keys/rotate", out)),
        AuditCommand::Reindex => read::reindex(books, out),
        AuditCommand::Verify(_) | AuditCommand::Witness(_) => Ok(End::Fine),
    }
}

fn must_exist(books: &Books) -> Result<(), Failure> {
    let dir = &books.audit.dir;
    if dir.is_dir() {
        return Ok(());
    }
    Err(anyhow::anyhow!(
        "there is no audit log in {}; name the gateway's settings with --config or its data folder with --data-dir",
        dir.display()
    )
    .into())
}

#[cfg(test)]
mod tests;
