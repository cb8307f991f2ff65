//! `weir detect`: all detectors over lines of JSON, on all cores, in order.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Read, Write},
    num::NonZero,
    path::PathBuf,
    thread,
};

use anyhow::Context as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};
use weir_classifiers::{Detectors, Tier};

use super::{End, Failure, calm::calm};
use crate::detection::{entities, tiers, types};

/// Lines that are read, searched and written at a time.
const BATCH: usize = 512;
/// Longest line, in bytes: a text of the longest kind with every character escaped.
const LONGEST_LINE: u64 = 6 * Detectors::LONGEST as u64;

/// `weir detect`.
#[derive(Args)]
pub struct Detect {
    /// Lines of `{"id", "text"}`; `-` is standard input
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Lines of `{"id", "entities": [{"type", "start", "end", "score"}], "labels"}`; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Types and groups to look for, such as `email_address,secrets`; all without it
    #[arg(long, value_delimiter = ',', value_name = "TYPES")]
    types: Vec<String>,
    /// Who looks: rules, fast (the fast tagger), accurate (the accurate tagger: a hundred times slower, and beside
    /// fast only where that is unsure); rules and fast without it
    #[arg(long, value_delimiter = ',', value_name = "TIERS")]
    tiers: Vec<String>,
}

/// A line of the input. Other keys are left unread.
#[derive(Deserialize)]
struct Row {
    id: Value,
    text: String,
}

/// What became of a line.
struct Answer {
    line: String,
    /// What is wrong with it, without its content.
    fault: Option<String>,
}

impl Detect {
    /// Runs the command.
    ///
    /// # Errors
    /// When a type isn't known, or a file can't be read or written.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let types = types(self.types.iter().map(String::as_str))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let tiers = tiers(self.tiers.iter().map(String::as_str))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if tiers.contains(&Tier::Accurate) {
            calm();
        }
        let detectors = Detectors::tiers(&types, &tiers);
        let (mut input, bar) = self.open()?;
        if self.output.as_os_str() == "-" {
            return search(&detectors, &mut input, (out, &bar));
        }
        let file = File::create(&self.output)
            .with_context(|| format!("{} can't be written", self.output.display()))?;
        let mut file = BufWriter::new(file);
        let end = search(&detectors, &mut input, (&mut file, &bar))?;
        file.flush()?;
        Ok(end)
    }

    fn open(&self) -> Result<(Box<dyn BufRead>, ProgressBar), Failure> {
        if self.input.as_os_str() == "-" {
            return Ok((Box::new(BufReader::new(io::stdin())), ProgressBar::hidden()));
        }
        let file =
            File::open(&self.input).with_context(|| format!("{} can't be read", self.input.display()))?;
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new(file.metadata()?.len())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        {
            bar.set_style(style);
        }
        Ok((Box::new(BufReader::new(file)), bar))
    }
}

/// Searches batch by batch, so that memory stays bounded.
fn search(
    detectors: &Detectors,
    input: &mut dyn BufRead,
    ends: (&mut dyn Write, &ProgressBar),
) -> Result<End, Failure> {
    let (out, bar) = ends;
    let mut number = 0;
    let mut end = End::Fine;
    loop {
        let lines = batch(input)?;
        if lines.is_empty() {
            bar.finish_and_clear();
            return Ok(end);
        }
        bar.inc(lines.iter().map(|line| line.len() as u64).sum());
        for answer in answers(detectors, &lines) {
            number += 1;
            if let Some(fault) = &answer.fault {
                bar.suspend(|| eprintln!("weir: line {number}: {fault}"));
                end = End::Finding;
            }
            if !answer.line.is_empty() {
                writeln!(out, "{}", answer.line)?;
            }
        }
    }
}

/// The next lines, each with its line break; a line that is too long is cut, and then not JSON.
fn batch(input: &mut dyn BufRead) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while lines.len() < BATCH && bytes < LONGEST_LINE {
        let mut line = Vec::new();
        if input.take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        bytes += line.len() as u64;
        lines.push(line);
    }
    Ok(lines)
}

/// Answers in the order of `lines`; neighbours are searched by one thread.
fn answers(detectors: &Detectors, lines: &[Vec<u8>]) -> Vec<Answer> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = lines.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let work = |part: &[Vec<u8>]| part.iter().map(|line| answer(detectors, line)).collect::<Vec<_>>();
        let handles: Vec<_> =
            lines.chunks(share).map(|part| (part.len(), scope.spawn(move || work(part)))).collect();
        handles
            .into_iter()
            .flat_map(|(count, handle)| {
                handle.join().unwrap_or_else(|_| (0..count).map(|_| broken()).collect())
            })
            .collect()
    })
}

/// The answer to a line that a detector failed on.
fn broken() -> Answer {
    refused(Value::Null, "could not be searched")
}

fn answer(detectors: &Detectors, line: &[u8]) -> Answer {
    if line.trim_ascii().is_empty() {
        return Answer { line: String::new(), fault: None };
    }
    match serde_json::from_slice::<Row>(line) {
        Ok(row) if row.text.len() > Detectors::LONGEST => refused(row.id, "the text is longer than 16 MiB"),
        Ok(row) => match detectors.search(&row.text) {
            Ok(found) => {
                let entities = entities(&row.text, &found);
                let line = json!({"id": row.id, "entities": entities, "labels": {}}).to_string();
                Answer { line, fault: None }
            }
            Err(unsearched) => refused(row.id, &unsearched.to_string()),
        },
        Err(error) => {
            let id = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("id").cloned());
            refused(id.unwrap_or_default(), &format!("not {{\"id\", \"text\"}} at column {}", error.column()))
        }
    }
}

fn refused(id: Value, fault: &str) -> Answer {
    Answer { line: json!({"id": id, "error": fault}).to_string(), fault: Some(fault.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run(input: &str, types: &[&str]) -> (End, Vec<Value>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.jsonl");
        fs::write(&path, input).unwrap();
        let types = types.iter().map(|it| (*it).to_owned()).collect();
        let mut out = Vec::new();
        let end = Detect { input: path, output: "-".into(), types, tiers: Vec::new() }.run(&mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        (end, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn lines_are_answered_in_order_and_bad_ones_named() {
        let many: String =
            (0..1500).map(|n| format!("{{\"id\":{n},\"text\":\"é bob{n}@x.org\"}}\n")).collect();
        let (end, rows) = run(&many, &["contact"]);
        assert_eq!((end, rows.len()), (End::Fine, 1500));
        for (n, row) in rows.iter().enumerate() {
            assert_eq!(row["id"], n);
            assert_eq!(row["entities"][0]["start"], 2);
            assert!(row["labels"].as_object().unwrap().is_empty());
        }
        let (end, rows) =
            run("{\"id\":1,\"text\":\"a\",\"role\":\"user\"}\n\nnope\n{\"id\":\"x\",\"text\":5}\n", &[]);
        assert_eq!((end, rows.len()), (End::Finding, 3));
        assert_eq!((&rows[1]["id"], &rows[2]["id"]), (&Value::Null, &Value::from("x")));
        assert!(rows[1]["error"].is_string() && !rows[1].to_string().contains("nope"));
    }

    #[test]
    fn only_the_chosen_types_are_found() {
        let line = "{\"id\":1,\"text\":\"bob@x.org 4111 1111 1111 1111\"}\n";
        assert_eq!(run(line, &["credit_card"]).1[0]["entities"][0]["type"], "CREDIT_CARD");
        assert_eq!(run(line, &[]).1[0]["entities"].as_array().unwrap().len(), 2);
        let unknown =
            Detect { input: "-".into(), output: "-".into(), types: vec!["titel".into()], tiers: Vec::new() };
        assert!(matches!(unknown.run(&mut Vec::new()), Err(Failure::Usage(_))));
    }
}
