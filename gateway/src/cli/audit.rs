//! `weir audit list|show`: the records of the audit log in a terminal, or as JSON for a program.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;
use weir_audit::{
    AuditError, Decision, Stamp,
    read::{self, Filter, Found},
};

use super::{Config, End, Failure};
use crate::admin::Summary;

/// Folder of the audit log inside a data folder.
const AUDIT: &str = "audit";

/// Look into the audit log, also while the gateway runs.
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
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List calls, newest first
    List(ListArgs),
    /// Show one call with its records, or one record
    Show(ShowArgs),
}

/// Which calls to list.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Most calls to list
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Only calls since then: a time (2026-11-23T06:00:00Z), a day, or an age (2h)
    #[arg(long, value_parser = time)]
    pub since: Option<Stamp>,
    /// Only calls of this tenant
    #[arg(long)]
    pub tenant: Option<String>,
    /// Only calls of this application
    #[arg(long)]
    pub app: Option<String>,
    /// Only calls with this requested or answered model
    #[arg(long)]
    pub model: Option<String>,
    /// Only calls with this decision: allow, transformed, flagged or blocked
    #[arg(long, value_parser = decision)]
    pub decision: Option<Decision>,
    /// One JSON object a line: the call with its records
    #[arg(long)]
    pub json: bool,
}

/// Which call or record to show.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Id of a call (the `x-request-id` of its response) or of any record
    pub id: Uuid,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Why a command on the audit log failed.
#[derive(Debug, thiserror::Error)]
pub enum AuditFault {
    /// There is no log.
    #[error("there is no audit log in {}; name the gateway's settings with --config or its data folder with --data-dir", .0.display())]
    NoLog(PathBuf),
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The output can't be written.
    #[error("writing the output failed: {0}")]
    Output(#[from] io::Error),
}

impl AuditArgs {
    /// Runs the command. It ends with a finding when `show` finds nothing.
    ///
    /// # Errors
    /// When the settings can't be used, there is no log, it can't be read, or `out` can't be written.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let dir = match self.data_dir {
            Some(data_dir) => data_dir.join(AUDIT),
            None => self.config.folders()?.audit,
        };
        match run(self.command, &dir, out) {
            Err(AuditFault::Output(error)) => Err(error.into()),
            done => Ok(done?),
        }
    }
}

fn run(command: AuditCommand, dir: &Path, out: &mut dyn Write) -> Result<End, AuditFault> {
    if !dir.is_dir() {
        return Err(AuditFault::NoLog(dir.to_owned()));
    }
    match command {
        AuditCommand::List(args) => list(dir, args, out),
        AuditCommand::Show(args) => show(dir, &args, out),
    }
}

fn list(dir: &Path, args: ListArgs, out: &mut dyn Write) -> Result<End, AuditFault> {
    let wanted = args.limit as usize;
    let mut filter = Filter {
        since: args.since.map(Stamp::time),
        tenant: args.tenant,
        app: args.app,
        model: args.model,
        decision: args.decision,
        ..Filter::default()
    };
    let mut rows = Vec::new();
    let mut found = 0;
    while found < wanted {
        filter.limit = (wanted - found).min(500);
        let page = read::list(dir, &filter)?;
        found += page.calls.len();
        if args.json {
            page.calls.iter().try_for_each(|call| print_json(out, call))?;
        } else {
            rows.extend(page.calls.iter().map(|call| row(&Summary::of(call))));
        }
        let Some(next) = page.next else { break };
        filter.after = Some(next);
    }
    if !args.json {
        print_table(out, &rows)?;
    }
    out.flush()?;
    Ok(End::Fine)
}

fn show(dir: &Path, args: &ShowArgs, out: &mut dyn Write) -> Result<End, AuditFault> {
    let Some(found) = read::find(dir, args.id)? else {
        writeln!(out, "{}", if args.json { "null" } else { "no call or record has this id" })?;
        return Ok(End::Finding);
    };
    let value = match &found {
        Found::Call(call) => serde_json::to_value(call),
        Found::Record(record) => serde_json::to_value(record),
    };
    let value = value.map_err(io::Error::from)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &value).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        print_fields(out, &value, 0)?;
    }
    out.flush()?;
    Ok(End::Fine)
}

const COLUMNS: [&str; 11] = [
    "TIME", "ID", "TENANT", "APP", "MODEL", "UPSTREAM", "DECISION", "STATUS", "TOKENS", "COST USD", "LATENCY",
];

type Row = [String; COLUMNS.len()];

fn row(call: &Summary) -> Row {
    let text = |it: Option<&dyn ToString>| it.map_or_else(|| "-".to_owned(), |it| plain(&it.to_string()));
    let model = call.answered_model.as_ref().or(call.requested_model.as_ref());
    let tokens = call.usage.as_ref().map(|it| format!("{}/{}", it.input, it.output));
    let latency = call.latency_us.map(|it| format!("{}.{} ms", it / 1000, it % 1000 / 100));
    [
        text(Some(&call.time)),
        text(Some(&call.id)),
        text(Some(&call.tenant)),
        text(call.app.as_ref().map(|it| it as _)),
        text(model.map(|it| it as _)),
        text(call.upstream.as_ref().map(|it| it as _)),
        call.decision.map_or(call.state, Decision::as_str).to_owned(),
        text(call.status.as_ref().map(|it| it as _)),
        text(tokens.as_ref().map(|it| it as _)),
        text(call.cost_usd.as_ref().map(|it| it as _)),
        text(latency.as_ref().map(|it| it as _)),
    ]
}

fn print_table(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    let head = COLUMNS.map(str::to_owned);
    let mut widths = [0; COLUMNS.len()];
    for line in std::iter::once(&head).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in std::iter::once(&head).chain(rows) {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints an object as indented `name  value` lines.
fn print_fields(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    let fields: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, it)| ((at + 1).to_string(), it)).collect(),
        _ => return Ok(()),
    };
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in fields {
        match value {
            Value::Object(_) | Value::Array(_) => {
                writeln!(out, "{indent}{name}")?;
                print_fields(out, value, depth + 1)?;
            }
            Value::String(text) => writeln!(out, "{indent}{name:width$}  {}", plain(text))?,
            other => writeln!(out, "{indent}{name:width$}  {other}")?,
        }
    }
    Ok(())
}

fn print_json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}

/// Text that can't steer a terminal: control characters and those that turn the writing direction are shown
/// as `?`.
fn plain(text: &str) -> String {
    let steers = |it: char| match it {
        '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        it => it.is_control(),
    };
    text.chars().map(|it| if steers(it) { '?' } else { it }).collect()
}

fn time(words: &str) -> Result<Stamp, String> {
    let expected = "neither a time (2026-11-23T06:00:00Z), nor a day (2026-11-23), nor an age (2h)";
    Stamp::from_words(words, SystemTime::now()).ok_or_else(|| expected.to_owned())
}

fn decision(word: &str) -> Result<Decision, String> {
    Decision::from_word(word).ok_or_else(|| "must be allow, transformed, flagged or blocked".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tempfile::{TempDir, tempdir};
    use weir_audit::{Completion, Intent, Log, Options, exchange::Usage};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: AuditArgs,
    }

    async fn sample() -> (TempDir, Vec<Uuid>) {
        let dir = tempdir().unwrap();
        let options = Options { min_free_bytes: 0, ..Options::default() };
        let (log, _) = Log::open(&dir.path().join(AUDIT), options).unwrap();
        let mut ids = Vec::new();
        for (tenant, decision) in [("acme", Decision::Allow), ("b\u{202e}ta", Decision::Blocked)] {
            let intent =
                Intent { tenant: tenant.into(), requested_model: Some("small".into()), ..Intent::default() };
            let usage = Some(Usage { input: 12, output: 34, ..Usage::default() });
            let mut completion = Completion { status: 200, decision, usage, ..Completion::default() };
            completion.latency.total_us = 1_234_567;
            ids.push(log.settled(intent, completion).await.unwrap());
        }
        log.close().await.unwrap();
        (dir, ids)
    }

    fn output(dir: &Path, arguments: &[&str]) -> (String, End) {
        let dir = dir.to_str().unwrap();
        let all = [&["audit"], arguments, &["--data-dir", dir]].concat();
        let mut out = Vec::new();
        let code = Program::try_parse_from(all).unwrap().args.run(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), code)
    }

    #[tokio::test]
    async fn a_list_is_a_table_newest_first() {
        let (dir, ids) = sample().await;
        let (table, _) = output(dir.path(), &["list"]);
        let lines: Vec<Vec<&str>> = table.lines().map(|it| it.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0][..3], ["TIME", "ID", "TENANT"]);
        let id = ids[1].to_string();
        assert_eq!(
            lines[1][1..],
            [&id, "b?ta", "-", "small", "-", "blocked", "200", "12/34", "-", "1234.5", "ms"]
        );
        assert_eq!(lines[2][2], "acme");
    }

    #[tokio::test]
    async fn filters_and_json_are_taken() {
        let (dir, ids) = sample().await;
        let check = |arguments: &[&str], expect: &[Uuid]| {
            let (lines, _) = output(dir.path(), &[arguments, &["--json"]].concat());
            let found: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
            let found: Vec<&str> =
                found.iter().map(|it| it["intent"]["record_id"].as_str().unwrap()).collect();
            let expect: Vec<String> = expect.iter().map(Uuid::to_string).collect();
            assert_eq!(found, expect, "{arguments:?}");
        };
        check(&["list"], &[ids[1], ids[0]]);
        check(&["list", "--limit", "1"], &[ids[1]]);
        check(&["list", "--tenant", "acme"], &[ids[0]]);
        check(&["list", "--decision", "blocked"], &[ids[1]]);
        check(&["list", "--model", "large"], &[]);
        check(&["list", "--app", "desk"], &[]);
        check(&["list", "--since", "1h"], &[ids[1], ids[0]]);
        check(&["list", "--since", "2999-01-01"], &[]);
    }

    #[tokio::test]
    async fn one_call_is_shown_as_fields_or_json() {
        let (dir, ids) = sample().await;
        let id = ids[1].to_string();
        let (fields, _) = output(dir.path(), &["show", &id]);
        assert!(fields.contains("decision") && fields.contains("b?ta") && !fields.contains('\u{202e}'));
        let (json, _) = output(dir.path(), &["show", &id, "--json"]);
        let call: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(call["end"]["completion"]["latency"]["total_us"], 1_234_567);
    }

    #[tokio::test]
    async fn what_is_not_there_is_said() {
        let (dir, _) = sample().await;
        let (text, code) = output(dir.path(), &["show", "01a20000-0000-7000-8000-000000000000"]);
        assert_eq!((text.as_str(), code), ("no call or record has this id\n", End::Finding));
        let empty = tempdir().unwrap();
        let path = empty.path().to_str().unwrap();
        let args = Program::try_parse_from(["audit", "list", "--data-dir", path]).unwrap().args;
        assert!(matches!(args.run(&mut Vec::new()), Err(Failure::Work(_))));
    }

    #[test]
    fn bad_arguments_are_refused() {
        for arguments in [
            ["list", "--since", "perhaps"],
            ["list", "--decision", "perhaps"],
            ["list", "--limit", "0"],
            ["show", "no-id", "--json"],
        ] {
            assert!(Program::try_parse_from(["audit"].iter().chain(&arguments)).is_err(), "{arguments:?}");
        }
    }
}
