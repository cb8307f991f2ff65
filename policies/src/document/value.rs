//! A value of a file as readers see it: typed access that reports what does not fit.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::scalar::{self, Plain};
use super::tree::{Content, Key, Node};
use super::{Problem, Sink, nearest};

/// A place in a file, kept to report problems found after reading (such as a reference to nothing).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// Keys and indexes that lead here; empty at the root.
    pub path: String,
}

impl Spot {
    pub(super) fn start() -> Self {
        Self { line: 1, column: 1, path: String::new() }
    }

    pub(super) fn problem(&self, sink: &Sink, message: impl Into<String>) -> Problem {
        Problem {
            file: sink.file.clone(),
            line: self.line,
            column: self.column,
            path: self.path.clone(),
            message: message.into(),
            suggestion: None,
        }
    }
}

/// One value of a file.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    node: &'a Node,
    sink: &'a Sink,
}

impl<'a> Value<'a> {
    pub(super) fn new(node: &'a Node, sink: &'a Sink) -> Self {
        Self { node, sink }
    }

    /// Where the value stands.
    pub fn spot(&self) -> &'a Spot {
        &self.node.spot
    }

    /// Reports a problem with this value. The message must not repeat the value.
    pub fn problem(&self, message: impl Into<String>) {
        self.sink.report(self.node.spot.problem(self.sink, message));
    }

    /// Reports a problem with this value and what was probably meant.
    pub fn problem_suggesting(&self, message: impl Into<String>, suggestion: Option<&str>) {
        self.problem_at(&self.node.spot, message, suggestion);
    }

    /// Reports a problem elsewhere in the same file.
    pub fn problem_at(&self, spot: &Spot, message: impl Into<String>, suggestion: Option<&str>) {
        let mut problem = spot.problem(self.sink, message);
        problem.suggestion = suggestion.map(str::to_owned);
        self.sink.report(problem);
    }

    /// Whether the value is a mapping; for values that may take several shapes.
    pub fn is_map(&self) -> bool {
        matches!(self.node.content, Content::Map(_))
    }

    /// Whether the value is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.content, Content::List(_))
    }

    /// Whether the value is empty (`~`, `null` or nothing at all).
    pub fn is_null(&self) -> bool {
        matches!(&self.node.content, Content::Scalar { text, quoted: false } if scalar::plain(text) == Plain::Null)
    }

    /// A mapping, to ask for keys.
    pub fn map(self) -> Option<Map<'a>> {
        match &self.node.content {
            Content::Map(entries) => Some(Map { value: self, entries, known: Vec::new() }),
            _ => self.expected("a mapping of keys to values"),
        }
    }

    /// A mapping whose keys are names the file chooses, in the order of the file.
    pub fn entries<T>(self, read: impl FnMut(Value<'a>) -> Option<T>) -> Option<Vec<(String, T)>> {
        let mut read = read;
        let Content::Map(entries) = &self.node.content else {
            return self.expected("a mapping of names to values");
        };
        let all: Vec<_> = entries
            .iter()
            .map(|(key, node)| read(Self::new(node, self.sink)).map(|value| (key.text.clone(), value)))
            .collect();
        all.into_iter().collect()
    }

    /// A list; every item is read even when an earlier one has a problem.
    pub fn list<T>(self, read: impl FnMut(Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let mut read = read;
        let Content::List(items) = &self.node.content else {
            return self.expected("a list");
        };
        let all: Vec<_> = items.iter().map(|node| read(Self::new(node, self.sink))).collect();
        all.into_iter().collect()
    }

    /// A list, or a single item in place of a list of one.
    pub fn one_or_more<T>(self, read: impl FnMut(Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let mut read = read;
        if self.is_list() {
            let all = self.list(read)?;
            return if all.is_empty() { self.expected("at least one item") } else { Some(all) };
        }
        read(self).map(|one| vec![one])
    }

    /// Text; numbers, booleans and null must be quoted to be text.
    pub fn string(self) -> Option<String> {
        match &self.node.content {
            Content::Scalar { text, quoted } if *quoted || scalar::plain(text) == Plain::Text => {
                Some(text.clone())
            }
            Content::Scalar { text, .. } if scalar::plain(text) != Plain::Null => {
                self.expected("text; put it in quotes")
            }
            _ => self.expected("text"),
        }
    }

    /// Text with at least one character that is not white space.
    pub fn text(self) -> Option<String> {
        let text = self.string()?;
        if text.trim().is_empty() { self.expected("text that is not empty") } else { Some(text) }
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        match self.plain().map(scalar::plain) {
            Some(Plain::Boolean(value)) => Some(value),
            _ => self.expected("true or false"),
        }
    }

    /// A whole number within `range`.
    pub fn integer<T>(self, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        let number = self.plain().and_then(scalar::integer).and_then(|number| T::try_from(number).ok());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.expected(&format!("a whole number from {} to {}", range.start(), range.end())),
        }
    }

    /// A decimal number within `range`.
    pub fn float(self, range: RangeInclusive<f64>) -> Option<f64> {
        match self.plain().and_then(scalar::float) {
            Some(number) if range.contains(&number) => Some(number),
            _ => self.expected(&format!("a number from {} to {}", range.start(), range.end())),
        }
    }

    /// A duration such as `250ms`, `30s` or `1h30m`.
    pub fn duration(self) -> Option<Duration> {
        match self.scalar().and_then(scalar::duration) {
            Some(duration) => Some(duration),
            None => self.expected("a duration with a unit, such as 250ms, 30s or 1h30m"),
        }
    }

    /// A size in bytes, such as `65536`, `64KiB` or `10MB`.
    pub fn bytes(self) -> Option<u64> {
        match self.scalar().and_then(scalar::bytes) {
            Some(bytes) => Some(bytes),
            None => self.expected("a size in bytes, such as 65536, 64KiB or 10MB"),
        }
    }

    /// One of a few words.
    pub fn choice<T: Clone>(self, choices: &[(&str, T)]) -> Option<T> {
        let word = self.scalar().unwrap_or_default();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(value.clone());
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let suggestion = nearest(word, names.iter().copied());
        self.problem_suggesting(format!("expected one of {}", names.join(", ")), suggestion);
        None
    }

    /// Text that a type parses, such as a socket address; `what` says what is expected.
    pub fn parsed<T: FromStr>(self, what: &str) -> Option<T> {
        match self.scalar().and_then(|text| text.parse().ok()) {
            Some(value) => Some(value),
            None => self.expected(what),
        }
    }

    /// The source text of a scalar, quoted or not, without any reading of types.
    pub fn scalar(&self) -> Option<&'a str> {
        match &self.node.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Reports `expected {what}` and yields nothing.
    pub fn expected<T>(&self, what: &str) -> Option<T> {
        self.problem(format!("expected {what}"));
        None
    }

    fn plain(&self) -> Option<&'a str> {
        match &self.node.content {
            Content::Scalar { text, quoted: false } => Some(text),
            _ => None,
        }
    }
}

/// A mapping being read: every key asked for becomes known, [`Map::finish`] reports the others.
#[must_use = "call finish() so that unknown keys are reported"]
pub struct Map<'a> {
    value: Value<'a>,
    entries: &'a [(Key, Node)],
    known: Vec<&'static str>,
}

impl<'a> Map<'a> {
    /// The value of `key`, if it stands in the file; makes the key known.
    pub fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        self.entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| Value::new(node, self.value.sink))
    }

    /// The value of a key that must stand in the file.
    pub fn required<T>(&mut self, key: &'static str, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        match self.get(key) {
            Some(value) => read(value),
            None => {
                self.value.problem(format!("key `{key}` is missing"));
                None
            }
        }
    }

    /// The value of a key that may be left out or be null.
    pub fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(Value<'a>) -> Option<T>) -> Option<T> {
        self.get(key).filter(|value| !value.is_null()).and_then(read)
    }

    /// The value of a key, or `default` when it is left out.
    pub fn or<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(Value<'a>) -> Option<T>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The mapping itself, for its place and for problems that concern several keys.
    pub fn value(&self) -> Value<'a> {
        self.value
    }

    /// Reports every key that was never asked for.
    pub fn finish(self) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.text.as_str())) {
            let suggestion = nearest(&key.text, self.known.iter().copied());
            self.value.problem_at(&key.spot, "unknown key", suggestion);
        }
    }
}
