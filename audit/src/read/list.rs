//! A page of calls, newest first, by filter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::call::{Call, Ending};
use super::frames::Frames;
use super::lanes::{Cursor, Merge, NEWEST, lanes};
use crate::error::AuditError;
use crate::exchange::Decision;
use crate::record::{Kind, Record};
use crate::segment;
use crate::text::Text;

/// Records that a page looks at, at most, before it ends early with a place to go on from.
const MAX_SCANNED: usize = 500_000;
/// Records behind a page in which the ends of its calls are looked for.
const WINDOW: u64 = 100_000;
/// How far a wall clock may have gone back without hiding a call from a filter on time.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);

/// Which calls a page shows. Every part that is set must match.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Announced at this time or later.
    pub since: Option<SystemTime>,
    /// Announced before this time.
    pub until: Option<SystemTime>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this application.
    pub app: Option<String>,
    /// With this requested or answered model.
    pub model: Option<String>,
    /// Answered by this upstream.
    pub upstream: Option<String>,
    /// With this decision.
    pub decision: Option<Decision>,
    /// Most calls of the page; 0 stands for 100.
    pub limit: usize,
    /// Only calls behind this place: [`Page::next`] of the page before.
    pub after: Option<Cursor>,
}

impl Filter {
    /// Most calls of a page.
    fn most(&self) -> usize {
        if self.limit == 0 { 100 } else { self.limit }
    }
}

/// Some calls, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The calls.
    pub calls: Vec<Call>,
    /// Where the next page begins, for [`Filter::after`]; `None` when the log has no older call. A page may be
    /// short, or empty, and still have a next one: a search stops after half a million records.
    pub next: Option<Cursor>,
}

/// The newest calls that match, joined with their ends, out of all lanes of the log.
///
/// # Errors
/// [`AuditError::Io`], and [`AuditError::Corrupt`] when a record of the page can't be read.
pub fn list(dir: &Path, filter: &Filter) -> Result<Page, AuditError> {
    let lanes = lanes(dir);
    let mut merge = Merge::new(lanes.len(), filter.after.as_ref());
    for (index, lane) in lanes.iter().enumerate() {
        if let Some(before) = merge.from(index) {
            let part = list_lane(lane, filter, before)?;
            merge.add(index, part.calls, part.next);
        }
    }
    let (calls, next) = merge.newest(filter.most());
    Ok(Page { calls, next })
}

/// Some calls of one lane, and the position behind which older ones stand.
#[derive(Default)]
struct Part {
    calls: Vec<Call>,
    next: Option<u64>,
}

fn list_lane(dir: &Path, filter: &Filter, before: u64) -> Result<Part, AuditError> {
    let segments = segment::list(dir)?;
    let mut search =
        Search { filter, ends: HashMap::new(), page: Part::default(), scanned: 0, has_all: true };
    if before != NEWEST {
        search.gather_ends(&segments, before)?;
    }
    for (first_seq, path) in segments.iter().rev().filter(|(first_seq, _)| *first_seq < before) {
        let frames = Frames::open(path)?;
        let known = usize::try_from(before - first_seq).unwrap_or(usize::MAX).min(frames.len());
        for index in (0..known).rev() {
            if let Step::Stop = search.visit(&frames, index)? {
                return Ok(search.page);
            }
        }
    }
    Ok(search.page)
}

struct Search<'a> {
    filter: &'a Filter,
    /// Ends of calls whose intents are yet to come.
    ends: HashMap<Uuid, Record>,
    page: Part,
    scanned: usize,
    /// Whether every end that the log holds has been seen.
    has_all: bool,
}

enum Step {
    Go,
    Stop,
}

impl Search<'_> {
    fn visit(&mut self, frames: &Frames, index: usize) -> Result<Step, AuditError> {
        let Some(json) = frames.json(index)? else { return Ok(Step::Go) };
        let record = frames.parse(index, &json)?;
        self.scanned += 1;
        match (record.kind, record.intent_id) {
            (Kind::Completion | Kind::Abandoned, Some(intent_id)) => {
                self.ends.insert(intent_id, record);
            }
            (Kind::Intent, _) => {
                let is_past = self.filter.since.is_some_and(|since| record.time.time() + CLOCK_SLACK < since);
                if is_past {
                    return Ok(Step::Stop);
                }
                self.add(record);
            }
            _ => {}
        }
        if self.page.calls.len() < self.filter.most() && self.scanned < MAX_SCANNED {
            return Ok(Step::Go);
        }
        let seq = frames.seq(index);
        self.page.next = (seq > 1).then_some(seq);
        Ok(Step::Stop)
    }

    fn add(&mut self, intent: Record) {
        let ending = match self.ends.remove(&intent.record_id) {
            Some(end) => Ending::Ended(Box::new(end)),
            None if self.has_all => Ending::Open,
            None => Ending::Later,
        };
        let call = Call { intent, ending };
        if self.filter.matches(&call) {
            self.page.calls.push(call);
        }
    }

    /// Collects the ends that stand behind the page, as far as [`WINDOW`].
    fn gather_ends(&mut self, segments: &[(u64, PathBuf)], before: u64) -> Result<(), AuditError> {
        let start = segments.partition_point(|(first_seq, _)| *first_seq <= before).saturating_sub(1);
        for (_, path) in segments.iter().skip(start) {
            let frames = Frames::open(path)?;
            for index in 0..frames.len() {
                let seq = frames.seq(index);
                if seq < before {
                    continue;
                }
                if seq - before >= WINDOW {
                    self.has_all = false;
                    return Ok(());
                }
                let Some(json) = frames.json(index)? else { continue };
                if memchr::memmem::find(&json, b"\"intent_id\":").is_some() {
                    let record = frames.parse(index, &json)?;
                    self.ends.extend(record.intent_id.map(|id| (id, record)));
                }
            }
        }
        Ok(())
    }
}

impl Filter {
    /// Whether the call is one that the filter asks for.
    pub fn matches(&self, call: &Call) -> bool {
        let time = call.time().time();
        let intent = call.announced();
        let end = call.completion();
        let is = |wanted: &Option<String>, actual: &[Option<&Text>]| {
            wanted.as_ref().is_none_or(|it| actual.iter().flatten().any(|text| text.as_str() == it))
        };
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && is(&self.tenant, &[Some(call.tenant())])
            && is(&self.app, &[intent.and_then(|it| it.app.as_ref())])
            && is(
                &self.model,
                &[
                    intent.and_then(|it| it.requested_model.as_ref()),
                    end.and_then(|it| it.answered_model.as_ref()),
                ],
            )
            && is(&self.upstream, &[end.and_then(|it| it.upstream.as_ref())])
            && self.decision.is_none_or(|wanted| call.decision() == Some(wanted))
    }
}
