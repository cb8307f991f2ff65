//! Acts that leave a record: export, search, review, erase, hold, prune, rotate.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{End, Failure},
    desk::ActArgs,
    filter::FilterArgs,
    print,
};
use crate::{archive::export::Form, settings::Books};

/// What to take out, and how.
#[derive(Args)]
pub struct ExportArgs {
    /// Form: bundle (a folder that a stranger can check), csv, ocsf, otel or html
    #[arg(long, value_name = "FORM", default_value = "bundle", value_parser = Form::ALL.map(|(name, _)| name))]
    format: String,
    /// New folder of a bundle, or file of another form; `-` is standard output
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    act: ActArgs,
}

/// What to look for.
#[derive(Args)]
pub struct SearchArgs {
    /// The text, at least three letters
    text: String,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    act: ActArgs,
}

/// A judgement.
#[derive(Args)]
pub struct ReviewArgs {
    /// The call
    id: Uuid,
    /// pending, confirmed, false_alarm or closed
    #[arg(long)]
    state: String,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

/// Who is meant.
#[derive(Args)]
pub struct About {
    /// Tenant of the person
    #[arg(long)]
    tenant: String,
    /// The person, as callers name it in `x-weir-subject`
    #[arg(long, conflicts_with = "subject_ref")]
    subject: Option<String>,
    /// The person, by the reference that records have
    #[arg(long, value_name = "REFERENCE", allow_hyphen_values = true)]
    subject_ref: Option<String>,
}

/// Whom to erase.
#[derive(Args)]
pub struct EraseArgs {
    #[command(flatten)]
    about: About,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

/// What to do with legal holds.
#[derive(Subcommand)]
pub enum HoldCommand {
    /// List all holds
    List(Bare),
    /// Ask for a hold on a tenant or a person, or place one that another person asked for (--hold)
    Add(AddHold),
    /// Ask to lift a hold, or lift one that another person asked to lift
    Lift(LiftHold),
}

/// Nothing but who acts.
#[derive(Args)]
pub struct Bare {
    #[command(flatten)]
    pub(super) act: ActArgs,
}

/// Why, and who acts.
#[derive(Args)]
pub struct ReasonArgs {
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    #[command(flatten)]
    pub(super) act: ActArgs,
}

/// A hold to ask for or to place.
#[derive(Args)]
pub struct AddHold {
    /// The hold that another person asked for, to place it
    #[arg(long, value_name = "ID", conflicts_with = "tenant")]
    hold: Option<Uuid>,
    /// Tenant it covers
    #[arg(long, required_unless_present = "hold")]
    tenant: Option<String>,
    /// The person it covers, as callers name it; all of the tenant's without one
    #[arg(long, conflicts_with = "subject_ref")]
    subject: Option<String>,
    /// The person it covers, by the reference that records have
    #[arg(long, value_name = "REFERENCE", allow_hyphen_values = true)]
    subject_ref: Option<String>,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

/// A hold to lift.
#[derive(Args)]
pub struct LiftHold {
    /// The hold
    #[arg(long, value_name = "ID")]
    hold: Uuid,
    /// Confirm what another person asked for, instead of asking
    #[arg(long)]
    confirm: bool,
    /// Why, recorded for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

/// Pruning.
pub type PruneArgs = Bare;
/// A new signing key.
pub type RotateArgs = Bare;

impl ExportArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let path = format!("/api/v1/audit/exports?{}", self.filter.query());
        let wanted = json!({"format": self.format, "reason": self.reason});
        let is_bundle = self.format == Form::Bundle.name();
        if is_bundle && self.output.exists() {
            return Err(Failure::Usage(format!("{} exists: name a new folder", self.output.display())));
        }
        let body = self.act.send(books, (&path, Some(wanted)))?;
        if is_bundle {
            let folder = self.output.parent().filter(|it| !it.as_os_str().is_empty());
            let scratch = tempfile::tempdir_in(folder.unwrap_or(".".as_ref()))?;
            tar::Archive::new(&body[..]).unpack(scratch.path()).context("the bundle can't be unpacked")?;
            std::fs::rename(scratch.path().join("bundle"), &self.output)
                .with_context(|| format!("the bundle can't be put into {}", self.output.display()))?;
            writeln!(out, "written: {}", self.output.display())?;
        } else if self.output.as_os_str() == "-" {
            out.write_all(&body)?;
        } else {
            std::fs::write(&self.output, &body)
                .with_context(|| format!("{} can't be written", self.output.display()))?;
            writeln!(out, "written: {}", self.output.display())?;
        }
        Ok(End::Fine)
    }
}

impl SearchArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let path = format!("/api/v1/audit/search?{}", self.filter.query());
        let wanted = json!({"text": self.text, "reason": self.reason});
        let found = self.act.ask(books, (&path, Some(wanted)))?;
        print::json(out, &found)?;
        let any = found.get("data").and_then(Value::as_array).is_some_and(|calls| !calls.is_empty());
        Ok(if any { End::Fine } else { End::Finding })
    }
}

impl ReviewArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let path = format!("/api/v1/audit/calls/{}/review", self.id);
        told(out, &self.act.ask(books, (&path, Some(json!({"state": self.state, "reason": self.reason}))))?)
    }
}

impl EraseArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        if self.about.subject.is_none() && self.about.subject_ref.is_none() {
            return Err(Failure::Usage("name the person with --subject or --subject-ref".into()));
        }
        let wanted = self.about.json(&self.reason);
        told(out, &self.act.ask(books, ("/api/v1/audit/erasures", Some(wanted)))?)
    }
}

impl About {
    fn json(&self, reason: &str) -> Value {
        let mut wanted = json!({"tenant": self.tenant, "reason": reason});
        if let Some(map) = wanted.as_object_mut() {
            map.extend(self.subject.iter().map(|it| ("subject".to_owned(), json!(it))));
            map.extend(self.subject_ref.iter().map(|it| ("subject_ref".to_owned(), json!(it))));
        }
        wanted
    }
}

impl HoldCommand {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        match self {
            Self::List(list) => told(out, &list.act.ask(books, ("/api/v1/audit/holds", None))?),
            Self::Add(add) => add.run(books, out),
            Self::Lift(lift) => {
                let action = if lift.confirm { "lift" } else { "ask-lift" };
                let path = format!("/api/v1/audit/holds/{}", lift.hold);
                let step = json!({"action": action, "reason": lift.reason});
                told(out, &lift.act.ask(books, (&path, Some(step)))?)
            }
        }
    }
}

impl AddHold {
    fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let (path, wanted) = match (self.hold, self.tenant) {
            (Some(hold), _) => {
                (format!("/api/v1/audit/holds/{hold}"), json!({"action": "place", "reason": self.reason}))
            }
            (None, tenant) => {
                let tenant = tenant.unwrap_or_default();
                let about = About { tenant, subject: self.subject, subject_ref: self.subject_ref };
                ("/api/v1/audit/holds".to_owned(), about.json(&self.reason))
            }
        };
        told(out, &self.act.ask(books, (&path, Some(wanted)))?)
    }
}

impl ReasonArgs {
    /// Erases again.
    pub(super) fn repeat_erasures(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let wanted = json!({"reason": self.reason});
        told(out, &self.act.ask(books, ("/api/v1/audit/erasures/repeat", Some(wanted)))?)
    }
}

impl Bare {
    /// Prunes.
    pub(super) fn run_at(self, books: &Books, (path, out): (&str, &mut dyn Write)) -> Result<End, Failure> {
        told(out, &self.act.ask(books, (path, Some(json!({}))))?)
    }
}

pub(super) fn told(out: &mut dyn Write, answer: &Value) -> Result<End, Failure> {
    print::json(out, answer)?;
    Ok(End::Fine)
}
