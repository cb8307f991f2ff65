//! Reading without a key: whoever may read the files may read what they say, bodies apart.

use std::{
    io::Write,
    time::{Duration, Instant, SystemTime},
};

use clap::Args;
use serde_json::json;
use uuid::Uuid;
use weir_audit::{
    System,
    read::{self, Found, Tail},
};
use weir_index::{Completeness, Index, Lane, Scope, Store};

use super::{
    super::{End, Failure},
    desk::ActArgs,
    filter::FilterArgs,
    print,
};
use crate::{
    archive::{self, filter},
    settings::Books,
};

/// Rows asked for at once.
const PAGE: usize = 500;
/// Records read at once.
const STEP: usize = 4096;
/// Longest wait for a running gateway to index what it wrote, and time between two looks.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Which calls to list.
#[derive(Args)]
pub struct ListArgs {
    /// Most calls to list
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on behind the place that the page before ended with
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Which call or record to show.
#[derive(Args)]
pub struct ShowArgs {
    /// Id of a call (the `x-request-id` of its response) or of any record
    id: Uuid,
    /// Show the bodies too: why you read them, recorded for good; takes a key with the role reviewer
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    act: ActArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Which records that belong to no call to list.
#[derive(Args)]
pub struct EventsArgs {
    /// Most records to list
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only of this kind: admin, reveal, review, export, erasure, hold, key or gap
    #[arg(long)]
    kind: Option<String>,
    /// Only since then
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

/// How to print the counts.
#[derive(Args)]
pub struct CompletenessArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// The index, brought up to date with every lane that no gateway writes now; a running gateway sees to its own, and
/// is waited for a little.
fn index(books: &Books) -> Result<Index, Failure> {
    let place = archive::place(&books.audit);
    let lanes = Lane::idle(&books.audit.dir, &System::default())?;
    let mut store = place.store()?;
    weir_index::catch_up(&mut *store, lanes.clone())?;
    for lane in lanes.iter().filter(|lane| lane.dir.is_dir()) {
        wait_for(&mut *store, lane)?;
    }
    Ok(place.index()?)
}

/// Waits until the index has what stands in the lane now.
fn wait_for(store: &mut dyn Store, lane: &Lane) -> Result<(), Failure> {
    let mut tail = Tail::open(&lane.dir, store.watermark(lane.id)?.seq);
    while !tail.next(STEP, u64::MAX)?.is_empty() {}
    let (wanted, until) = (tail.position(), Instant::now() + PATIENCE);
    loop {
        let behind = wanted.saturating_sub(store.watermark(lane.id)?.seq);
        if behind == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            eprintln!("weir: the index is {behind} records behind; the newest calls may be missing here");
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// A question that can't be asked is the command line's fault.
fn usage(fault: impl std::fmt::Display) -> Failure {
    Failure::Usage(fault.to_string())
}

impl ListArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let mut query = filter::calls(&self.filter.query(), SystemTime::now()).map_err(usage)?;
        query.scope = Scope::All;
        query.after = self.after.map(|text| text.parse()).transpose().map_err(usage)?;
        let index = index(books)?;
        let runtime = runtime()?;
        let (mut left, mut rows) = (self.limit as usize, Vec::new());
        while left > 0 {
            query.limit = left.min(PAGE);
            let page = runtime.block_on(index.calls(&query))?;
            left -= page.rows.len().min(left);
            if self.json {
                page.rows.iter().try_for_each(|row| print::json(out, row))?;
            } else {
                rows.extend(page.rows.iter().map(print::row));
            }
            query.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        if !self.json {
            print::table(out, &rows)?;
            if let Some(next) = query.after {
                writeln!(out, "more: --after {next}")?;
            }
        }
        out.flush()?;
        Ok(End::Fine)
    }
}

impl ShowArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let Some(found) = read::find(&books.audit.dir, self.id)? else {
            writeln!(out, "{}", if self.json { "null" } else { "no call or record has this id" })?;
            return Ok(End::Finding);
        };
        let value = match &found {
            Found::Call(call) => serde_json::to_value(call),
            Found::Record(record) => serde_json::to_value(record),
        };
        let mut value = value.map_err(std::io::Error::from)?;
        if let Some(reason) = self.reason {
            let path = format!("/api/v1/audit/calls/{}/reveal", self.id);
            let shown = self.act.ask(books, (&path, Some(json!({"reason": reason}))))?;
            // Where it takes a second person, the request stands in the place of the bodies.
            let (name, part) = match shown.get("bodies") {
                Some(bodies) => ("bodies", bodies.clone()),
                None => ("request", shown),
            };
            if let Some(map) = value.as_object_mut() {
                map.insert(name.to_owned(), part);
            }
        }
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &value).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            print::fields(out, &value, 0)?;
        }
        out.flush()?;
        Ok(End::Fine)
    }
}

impl EventsArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let mut asked = form_urlencoded::Serializer::new(String::new());
        let parts = [("kind", self.kind), ("since", self.since), ("limit", Some(self.limit.to_string()))];
        for (name, value) in parts {
            asked.append_pair(name, &value.unwrap_or_default());
        }
        let mut query = filter::events(&asked.finish(), SystemTime::now()).map_err(usage)?;
        query.scope = Scope::All;
        let page = runtime()?.block_on(index(books)?.events(&query))?;
        page.rows.iter().try_for_each(|row| print::json(out, row))?;
        out.flush()?;
        Ok(End::Fine)
    }
}

impl CompletenessArgs {
    pub(super) fn run(self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let lanes = runtime()?.block_on(index(books)?.completeness())?;
        let is_complete = lanes.iter().all(Completeness::is_complete);
        if self.json {
            print::json(out, &json!({"complete": is_complete, "lanes": lanes}))?;
        } else {
            for lane in &lanes {
                writeln!(
                    out,
                    "lane {}: {} intents = {} completions + {} abandoned + {} open; {} indexed, {} pruned: {}",
                    lane.lane,
                    lane.intents,
                    lane.completions,
                    lane.abandoned,
                    lane.open,
                    lane.indexed,
                    lane.pruned,
                    if lane.is_complete() { "complete" } else { "NOT COMPLETE" }
                )?;
            }
        }
        out.flush()?;
        Ok(if is_complete { End::Fine } else { End::Finding })
    }
}

/// Builds the index anew.
pub(super) fn reindex(books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
    let lanes = Lane::idle(&books.audit.dir, &System::default())?;
    let records = weir_index::reindex(&mut *archive::place(&books.audit).store()?, lanes)?;
    writeln!(out, "{records} records indexed; a running gateway indexes what it writes itself")?;
    Ok(End::Fine)
}
