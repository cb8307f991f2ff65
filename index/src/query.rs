//! What can be asked of the index, and what it answers: one type for SQLite, PostgreSQL, the command line and HTTP.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use weir_audit::{Decision, PicoUsd};

use crate::error::IndexError;
use crate::row::{CallRow, EventRow};
use crate::value::{Cell, ColumnType, Micros, Pico, Value};

/// Most rows of a page.
pub const MAX_PAGE: usize = 1000;
/// Rows of a page where no number is asked for.
const DEFAULT_PAGE: usize = 100;
/// Most ids one question may name.
pub const MAX_IDS: usize = 1000;

/// Whose records a question may see. Set by who asks, never by what is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// Nobody's: what a forgotten scope stands for.
    #[default]
    None,
    /// One tenant's.
    Tenant(String),
    /// Everybody's.
    All,
}

/// How a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Without an end.
    Open,
    /// Ended with a report.
    Completed,
    /// Ended without one.
    Abandoned,
}

impl CallState {
    /// The word the index uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Abandoned => "abandoned",
        }
    }

    /// The state a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Completed, Self::Abandoned].into_iter().find(|it| it.as_str() == word)
    }
}

/// Which calls are asked for, newest first. Every part that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Query {
    /// Whose calls may be seen at all.
    pub scope: Scope,
    /// Announced at this time or later.
    pub since: Option<Micros>,
    /// Announced before this time.
    pub until: Option<Micros>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this application.
    pub app: Option<String>,
    /// Of this caller: the public id of a key or token.
    pub caller: Option<String>,
    /// About this data subject, by its random reference.
    pub subject_ref: Option<String>,
    /// With this requested or answered model.
    pub model: Option<String>,
    /// Answered by this upstream.
    pub upstream: Option<String>,
    /// With this decision.
    pub decision: Option<Decision>,
    /// Hit by this rule.
    pub rule: Option<String>,
    /// With this entity type or term group found or redacted.
    pub label: Option<String>,
    /// Costing at least this much.
    pub min_cost: Option<Pico>,
    /// Costing at most this much.
    pub max_cost: Option<Pico>,
    /// Standing like this.
    pub state: Option<CallState>,
    /// Answered with this HTTP status.
    pub status: Option<u16>,
    /// With this state of review.
    pub review: Option<String>,
    /// Among these; at most [`MAX_IDS`].
    pub ids: Option<Vec<Uuid>>,
    /// Most calls of the page; 0 stands for 100, and more than [`MAX_PAGE`] for that.
    #[serde(skip)]
    pub limit: usize,
    /// Only calls behind this place: [`Page::next`] of the page before.
    #[serde(skip)]
    pub after: Option<Cursor>,
}

/// Which records that belong to no call are asked for, newest first. Every part that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventQuery {
    /// Whose records may be seen at all.
    pub scope: Scope,
    /// Written at this time or later.
    pub since: Option<Micros>,
    /// Written before this time.
    pub until: Option<Micros>,
    /// Of this kind, as the record spells it.
    pub kind: Option<String>,
    /// By this person or program.
    pub actor: Option<String>,
    /// About this call.
    pub call: Option<Uuid>,
    /// As `limit` of [`Query`].
    #[serde(skip)]
    pub limit: usize,
    /// As `after` of [`Query`].
    #[serde(skip)]
    pub after: Option<Cursor>,
}

/// Some rows, newest first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Cursor>,
}

/// A page of calls.
pub type CallPage = Page<CallRow>;
/// A page of events.
pub type EventPage = Page<EventRow>;

/// A place in the listing of one question: behind a row. Written as hexadecimal digits; it gives no right to see
/// anything, since the scope is applied on every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) time: Micros,
    pub(crate) id: Uuid,
    /// Of the question it belongs to.
    question: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{}{:016x}", self.time.0, self.id.simple(), self.question)
    }
}

impl FromStr for Cursor {
    type Err = IndexError;

    fn from_str(text: &str) -> Result<Self, IndexError> {
        let is_plain = text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let parts = (text.get(..16), text.get(16..48), text.get(48..));
        let (true, (Some(time), Some(id), Some(question))) = (is_plain, parts) else {
            return Err(IndexError::NotACursor);
        };
        let number = |digits| u64::from_str_radix(digits, 16).map_err(|_| IndexError::NotACursor);
        let time = i64::try_from(number(time)?).map_err(|_| IndexError::NotACursor)?;
        let id = Uuid::try_parse(id).map_err(|_| IndexError::NotACursor)?;
        Ok(Self { time: Micros(time), id, question: number(question)? })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a row is sorted by.
pub(crate) trait Placed {
    fn place(&self) -> (Micros, Uuid);
}

impl Placed for CallRow {
    fn place(&self) -> (Micros, Uuid) {
        (self.announced.time_us, self.announced.record_id)
    }
}

impl Placed for EventRow {
    fn place(&self) -> (Micros, Uuid) {
        (self.time_us, self.record_id)
    }
}

/// A question that is answered in pages.
pub(crate) trait Paged: Serialize {
    fn wanted(&self) -> usize;
    fn after(&self) -> Option<&Cursor>;

    /// Most rows of the page.
    fn most(&self) -> usize {
        if self.wanted() == 0 { DEFAULT_PAGE } else { self.wanted().min(MAX_PAGE) }
    }

    /// Tells this question from others; the page asked for makes no difference.
    fn fingerprint(&self) -> u64 {
        let spelled = serde_json::to_vec(self).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(spelled).into();
        digest.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
    }

    /// The place to go on from, if it belongs to this question.
    fn place(&self) -> Result<Option<Cursor>, IndexError> {
        match self.after() {
            Some(cursor) if cursor.question != self.fingerprint() => Err(IndexError::NotACursor),
            after => Ok(after.copied()),
        }
    }

    /// The page made of rows that were asked for with one more than it shows.
    fn page<T: Placed>(&self, mut rows: Vec<T>) -> Page<T> {
        let is_more = rows.len() > self.most();
        rows.truncate(self.most());
        let last = rows.last().filter(|_| is_more).map(Placed::place);
        let next = last.map(|(time, id)| Cursor { time, id, question: self.fingerprint() });
        Page { rows, next }
    }
}

impl Paged for Query {
    fn wanted(&self) -> usize {
        self.limit
    }
    fn after(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }
}

impl Paged for EventQuery {
    fn wanted(&self) -> usize {
        self.limit
    }
    fn after(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }
}

/// Counts and sums of the calls that a question matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// One for each state and decision that occurs.
    pub groups: Vec<Group>,
}

/// Counts and sums of the calls with one state and decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// `open`, `completed` or `abandoned`.
    pub state: String,
    /// What the controls decided; none for a call that did not end with a report.
    pub decision: Option<String>,
    /// How many.
    pub calls: u64,
    /// How many of them have a known cost.
    pub priced: u64,
    /// Their cost.
    pub cost: PicoUsd,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Reply tokens.
    pub output_tokens: u64,
}

impl Group {
    pub(crate) fn types() -> [ColumnType; 8] {
        use ColumnType::{Int, Text};
        [Text, Text, Int, Int, Int, Int, Int, Int]
    }

    pub(crate) fn from_values(values: Vec<Value<'static>>) -> Option<Self> {
        let mut values = values.into_iter();
        let (state, decision) = (String::from_value(values.next()?)?, Option::from_value(values.next()?)?);
        let (calls, priced) = (u64::from_value(values.next()?)?, u64::from_value(values.next()?)?);
        let (millions, rest) = (i64::from_value(values.next()?)?, i64::from_value(values.next()?)?);
        let cost = PicoUsd(i128::from(millions) * 1_000_000 + i128::from(rest));
        let (input_tokens, output_tokens) =
            (u64::from_value(values.next()?)?, u64::from_value(values.next()?)?);
        Some(Self { state, decision, calls, priced, cost, input_tokens, output_tokens })
    }
}

impl Totals {
    /// The sum over all groups.
    pub fn all(&self) -> Group {
        self.groups.iter().fold(Group::default(), |sum, group| Group {
            calls: sum.calls + group.calls,
            priced: sum.priced + group.priced,
            cost: PicoUsd(sum.cost.0 + group.cost.0),
            input_tokens: sum.input_tokens.saturating_add(group.input_tokens),
            output_tokens: sum.output_tokens.saturating_add(group.output_tokens),
            ..Group::default()
        })
    }
}

/// Whether every call of a lane is where it must be: `intents = completions + abandoned + open = indexed`, apart
/// from what was pruned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Completeness {
    /// The log.
    pub source: Uuid,
    /// The lane.
    pub lane: u16,
    /// Last position that is indexed.
    pub seq: u64,
    /// Intents read from the log.
    pub intents: u64,
    /// Completions read from the log.
    pub completions: u64,
    /// Abandoned records read from the log.
    pub abandoned: u64,
    /// Ends whose intent was pruned from the log, or had ended before.
    pub orphans: u64,
    /// Calls without an end, counted in the index.
    pub open: u64,
    /// Calls counted in the index.
    pub indexed: u64,
    /// Calls that retention dropped from the index.
    pub pruned: u64,
    /// Records that retention pruned from the log before they were indexed.
    pub skipped: u64,
}

impl Completeness {
    pub(crate) fn types() -> [ColumnType; 11] {
        use ColumnType::{Id, Int};
        [Id, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int]
    }

    pub(crate) fn from_values(values: Vec<Value<'static>>) -> Option<Self> {
        let mut values = values.into_iter();
        let source = Uuid::from_value(values.next()?)?;
        let lane = u16::try_from(i64::from_value(values.next()?)?).ok()?;
        let mut count = || values.next().and_then(u64::from_value);
        Some(Self {
            source,
            lane,
            seq: count()?,
            intents: count()?,
            completions: count()?,
            abandoned: count()?,
            orphans: count()?,
            open: count()?,
            indexed: count()?,
            pruned: count()?,
            skipped: count()?,
        })
    }

    /// Whether the counts agree.
    pub fn is_complete(&self) -> bool {
        let ended = self.completions + self.abandoned;
        self.intents == self.indexed + self.pruned && self.intents + self.orphans == ended + self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_nothing_else_is() {
        let cursor = Cursor { time: Micros(1_800_000_000_000_000), id: Uuid::from_u128(0xab), question: 9 };
        let text = cursor.to_string();
        assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        let upper = text.to_uppercase();
        let short = text.get(1..).unwrap();
        let late = format!("f{short}");
        for wrong in ["", "0", short, &format!("{text}0"), &upper, &late, &"é".repeat(32), &"+".repeat(64)] {
            assert!(matches!(wrong.parse::<Cursor>(), Err(IndexError::NotACursor)), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_belongs_to_one_question() {
        let asked = Query { app: Some("desk".into()), limit: 1, ..Query::default() };
        let next = asked.page(vec![CallRow::default(), CallRow::default()]).next.unwrap();
        let check = |query: Query, expect: bool| assert_eq!(query.place().is_ok(), expect, "{query:?}");
        check(Query { after: Some(next), ..asked.clone() }, true);
        check(Query { after: Some(next), limit: 50, ..asked.clone() }, true);
        check(Query { after: Some(next), app: None, ..asked.clone() }, false);
        check(Query { after: Some(next), scope: Scope::All, ..asked }, false);
    }
}
