//! Reads YAML files into checked types and reports every problem at once, each with its place.
//!
//! A reader is a plain function from a [`Value`] to `Option<T>`. It asks for what it needs; whatever
//! does not fit is written down as a [`Problem`] with file, line, column, path and, where one is near,
//! a suggestion, and reading goes on. `None` only says "already reported". Keys nobody asked for are
//! reported by [`Map::finish`]. Messages never repeat values, only keys, so that a secret pasted into
//! a file does not end up in a log.
//!
//! ```
//! use std::time::Duration;
//! use weir_policies::document::{self, Value};
//!
//! #[derive(Clone, Copy, PartialEq, Debug)]
//! enum Mode { Strict, Observe }
//! struct Upstream { url: String, weight: u32 }
//! struct Settings { timeout: Duration, mode: Mode, body: u64, upstreams: Vec<(String, Upstream)> }
//!
//! fn upstream(value: Value<'_>) -> Option<Upstream> {
//!     let mut map = value.map()?;
//!     let url = map.required("url", Value::text);
//!     let weight = map.or("weight", 1, |v| v.integer(1..=100));
//!     map.finish();
//!     Some(Upstream { url: url?, weight })
//! }
//!
//! fn settings(value: Value<'_>) -> Option<Settings> {
//!     let mut map = value.map()?;
//!     let timeout = map.or("timeout", Duration::from_secs(30), Value::duration);
//!     let mode = map.or("mode", Mode::Strict, |v| {
//!         v.choice(&[("strict", Mode::Strict), ("observe", Mode::Observe)])
//!     });
//!     let body = map.or("max_body", 1 << 20, Value::bytes);
//!     let upstreams = map.required("upstreams", |v| v.entries(upstream));
//!     map.finish();
//!     Some(Settings { timeout, mode, body, upstreams: upstreams? })
//! }
//!
//! let good = "timeout: 1m30s\nmax_body: 4MiB\nupstreams:\n  local: {url: 'http://127.0.0.1:9'}\n";
//! let read = document::read("weir.yaml", good, settings).ok().unwrap();
//! assert_eq!((read.timeout.as_secs(), read.body, read.mode), (90, 4 << 20, Mode::Strict));
//! assert_eq!((read.upstreams[0].0.as_str(), read.upstreams[0].1.weight), ("local", 1));
//!
//! let bad = "timeuot: 5s\nmode: strickt\nupstreams:\n  local: {url: 'http://127.0.0.1:9', weight: 0}\n";
//! let problems: Vec<String> =
//!     document::read("weir.yaml", bad, settings).err().unwrap().iter().map(|p| p.to_string()).collect();
//! assert_eq!(problems, [
//!     "weir.yaml:1:1: timeuot: unknown key; did you mean `timeout`?",
//!     "weir.yaml:2:7: mode: expected one of strict, observe; did you mean `strict`?",
//!     "weir.yaml:4:46: upstreams.local.weight: expected a whole number from 1 to 100",
//! ]);
//! ```

mod scalar;
mod suggest;
mod tree;
mod value;

use std::cell::RefCell;
use std::fmt;

pub use suggest::nearest;
pub use value::{Map, Spot, Value};

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as it was named to the reader.
    pub file: String,
    /// Line, counted from 1; 0 when the problem is the file itself.
    pub line: usize,
    /// Column in characters, counted from 1; 0 when the problem is the file itself.
    pub column: usize,
    /// Keys and indexes that lead to the place, as in `rules[2].find`; empty at the root.
    pub path: String,
    /// What is wrong; never repeats a value of the file.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Problem {
    /// A problem of the file as a whole, such as one that can't be read.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            message: message.into(),
            suggestion: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", self.path)?;
        }
        write!(f, " {}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

/// Where problems of one file are collected while it is read.
struct Sink {
    file: String,
    problems: RefCell<Vec<Problem>>,
}

impl Sink {
    fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }
}

/// Reads a file that holds exactly one YAML document.
///
/// An empty file reads as an empty mapping. `file` only names the file in problems.
///
/// # Errors
/// All problems, in the order of the file: of syntax, of shape, and those the reader reported.
pub fn read<T>(
    file: &str,
    text: &str,
    reader: impl FnOnce(Value<'_>) -> Option<T>,
) -> Result<T, Vec<Problem>> {
    let mut reader = Some(reader);
    let mut all = read_documents(file, text, Some(1), |value| reader.take().and_then(|read| read(value)))?;
    all.pop().ok_or_else(|| vec![Problem::of_file(file, "nothing could be read")])
}

/// Reads a file that holds any number of YAML documents, separated by `---`.
///
/// # Errors
/// As [`read`].
pub fn read_all<T>(
    file: &str,
    text: &str,
    reader: impl FnMut(Value<'_>) -> Option<T>,
) -> Result<Vec<T>, Vec<Problem>> {
    read_documents(file, text, None, reader)
}

fn read_documents<T>(
    file: &str,
    text: &str,
    at_most: Option<usize>,
    mut reader: impl FnMut(Value<'_>) -> Option<T>,
) -> Result<Vec<T>, Vec<Problem>> {
    let sink = Sink { file: file.to_owned(), problems: RefCell::default() };
    let roots = tree::parse(text, at_most, &sink);
    let read: Vec<Option<T>> = roots.iter().map(|root| reader(Value::new(root, &sink))).collect();
    let mut problems = sink.problems.into_inner();
    let complete: Option<Vec<T>> = read.into_iter().collect();
    match complete {
        Some(values) if problems.is_empty() => Ok(values),
        _ => {
            if problems.is_empty() {
                problems.push(Problem::of_file(file, "could not be read"));
            }
            problems.sort_by_key(|problem| (problem.line, problem.column));
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests;
