//! Results as a Markdown table and as JSON: medians over the repeats, ratios to raw Envoy.

use std::fmt::Write as _;

use serde::Serialize;

use crate::error::BenchError;
use crate::machine::Machine;
use crate::measure::{AtRate, Plan, Repeat, Saturation};
use crate::memory::{Held, Hold};
use crate::peers::Peer;

/// One peer's results.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Which peer.
    pub peer: Peer,
    /// Its version as installed.
    pub version: Option<String>,
    /// What its repeats measured.
    pub repeats: Vec<Repeat>,
    /// Memory scenarios, with the reason where one failed.
    pub held: Vec<(Hold, Result<Held, Failure>)>,
    /// Why it, or one of its repeats, was not measured.
    pub failure: Option<Failure>,
}

/// Why a peer was not measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It is not installed.
    Missing(String),
    /// It did not start, answered wrongly or broke down.
    Broken(String),
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Missing(_) => Self::Missing(error.to_string()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Missing(reason) | Self::Broken(reason)) = self;
        f.write_str(&reason.replace(['|', '\n'], "/"))
    }
}

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where it ran.
    pub machine: Machine,
    /// How it was measured.
    pub plan: Plan,
    /// Cores of load generator and upstream.
    pub load_cpus: String,
    /// Cores of the measured process.
    pub proxy_cpus: String,
    /// One row a peer, in the order asked for.
    pub rows: Vec<Row>,
}

/// One column: title, and how a repeat gives its figure.
type Column = (&'static str, fn(&Repeat) -> Option<f64>);

const PLAIN: [Column; 9] = [
    ("CPU-µs a request", |r| cpu(&r.plain)),
    ("requests/s", |r| Some(r.plain.rate)),
    ("proxy core busy", |r| busy(&r.plain)),
    ("rate of the latency run", |r| Some(r.plain_at_rate.rate)),
    ("added p50 µs", |r| Some(r.plain_at_rate.added.p50)),
    ("added p99 µs", |r| Some(r.plain_at_rate.added.p99)),
    ("CPU-µs a request at that rate", |r| cpu_at(&r.plain_at_rate)),
    ("own share p50 µs, at most", |r| r.plain_at_rate.own.map(|own| own.p50)),
    ("own share p99 µs, at most", |r| r.plain_at_rate.own.map(|own| own.p99)),
];

const STREAM: [Column; 7] = [
    ("CPU-µs a stream", |r| cpu(&r.stream)),
    ("streams/s", |r| Some(r.stream.rate)),
    ("proxy core busy", |r| busy(&r.stream)),
    ("rate of the latency run", |r| Some(r.stream_at_rate.rate)),
    ("added first event p50 µs", |r| Some(r.stream_at_rate.added_first.p50)),
    ("added first event p99 µs", |r| Some(r.stream_at_rate.added_first.p99)),
    ("added whole stream p50 µs", |r| Some(r.stream_at_rate.added.p50)),
];

const PACED: [Column; 5] = [
    ("CPU-µs a stream", |r| cpu_at(&r.paced)),
    ("added first event p50 µs", |r| Some(r.paced.added_first.p50)),
    ("added first event p99 µs", |r| Some(r.paced.added_first.p99)),
    ("resident MiB", |r| r.memory.map(|m| m.resident_kib as f64 / 1024.0)),
    ("peak MiB", |r| r.memory.map(|m| m.peak_kib as f64 / 1024.0)),
];

const RATIOS: [Column; 5] = [
    ("CPU a request", |r| cpu(&r.plain)),
    ("requests/s", |r| Some(r.plain.rate)),
    ("CPU a stream", |r| cpu(&r.stream)),
    ("CPU a paced stream", |r| cpu_at(&r.paced)),
    ("resident memory", |r| r.memory.map(|m| m.resident_kib as f64)),
];

fn cpu(saturation: &Saturation) -> Option<f64> {
    saturation.cpu.map(|cpu| cpu.us_per_exchange)
}

fn busy(saturation: &Saturation) -> Option<f64> {
    saturation.cpu.map(|cpu| cpu.busy)
}

fn cpu_at(at: &AtRate) -> Option<f64> {
    at.cpu.map(|cpu| cpu.us_per_exchange)
}

impl Report {
    /// Whether something that is installed did not answer as it must.
    pub fn is_broken(&self) -> bool {
        let broken = |failure: &Failure| matches!(failure, Failure::Broken(_));
        self.rows.iter().any(|row| {
            let held = row.held.iter().filter_map(|(_, held)| held.as_ref().err());
            row.failure.iter().chain(held).any(broken)
        })
    }

    /// The whole report as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = self.heading();
        if self.rows.iter().any(|row| !row.repeats.is_empty()) {
            out += "### Plain replies (1 KiB prompt, 2 KiB reply)\n\n";
            out += &self.table(&PLAIN);
            out += "\n### Streams of 200 events, no pause between events\n\n";
            out += &self.table(&STREAM);
            writeln!(
                out,
                "\n### Streams of 200 events, {} ms between events, {} streams/s; memory after all runs\n",
                self.plan.pace_ms, self.plan.paced_rate
            )
            .ok();
            out += &self.table(&PACED);
            out += "\n### Ratios to raw Envoy (one worker)\n\n";
            out += &self.ratios();
        }
        out += &self.memory();
        out += &self.failures();
        out
    }

    fn heading(&self) -> String {
        let Machine { processor, cores, memory_gib, kernel, load_before, load_after, .. } = &self.machine;
        let repeats = self.rows.iter().map(|row| row.repeats.len()).max().unwrap_or(0);
        let Plan { seconds, warm_up, connections, streams, latency_ms, .. } = &self.plan;
        let mut out = format!(
            "Machine: {processor}, {cores} cores, {memory_gib:.1} GiB, Linux {kernel}; \
             load average {load_before} before, {load_after} after.\n\
             Load generator and upstream on core(s) {}, the measured process on core(s) {} (taskset).\n",
            self.load_cpus, self.proxy_cpus
        );
        if repeats > 0 {
            writeln!(
                out,
                "Medians of {repeats} interleaved repeats of {seconds} s after {warm_up} s of warm-up; \
                 closed loop with {connections} connections (plain) and {streams} (streams); \
                 upstream answers after {latency_ms} ms.\n"
            )
            .ok();
        }
        out
    }

    fn table(&self, columns: &[Column]) -> String {
        let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let mut out = header("", &titles);
        for row in self.measured() {
            let cells = columns.iter().map(|(_, figure)| cell(median(&row.repeats, *figure)));
            out += &line(&name(row), cells);
        }
        out
    }

    fn ratios(&self) -> String {
        let titles: Vec<String> = RATIOS.iter().map(|(title, _)| (*title).to_owned()).collect();
        let Some(envoy) = self.measured().find(|row| row.peer == Peer::Envoy) else {
            return "Envoy was not measured.\n".to_owned();
        };
        let mut out = header("", &titles);
        for row in self.measured().filter(|row| row.peer != Peer::None) {
            let cells = RATIOS.iter().map(|(_, figure)| {
                let (own, base) = (median(&row.repeats, *figure), median(&envoy.repeats, *figure));
                match (own, base) {
                    (Some(own), Some(base)) if base > 0.0 => format!("{:.2}", own / base),
                    _ => "–".to_owned(),
                }
            });
            out += &line(&name(row), cells);
        }
        out
    }

    fn memory(&self) -> String {
        let mut out = String::new();
        for hold in [Hold::Streams, Hold::SlowClient, Hold::SlowUpstream] {
            let mut rows = String::new();
            for row in &self.rows {
                let found = row.held.iter().filter(|(done, _)| *done == hold);
                rows.extend(found.map(|(_, result)| match result {
                    Ok(held) => line(&name(row), held_cells(held)),
                    Err(reason) => format!("| {} | failed: {} |\n", name(row), reason),
                }));
            }
            if !rows.is_empty() {
                let titles = [
                    "exchanges",
                    "most streams open",
                    "MiB before",
                    "MiB during",
                    "MiB after",
                    "KiB an exchange",
                    "seconds",
                    "upstream free after ms",
                ];
                let title = clap::ValueEnum::to_possible_value(&hold).map(|v| v.get_name().to_owned());
                writeln!(out, "\n### Memory: {}\n", title.unwrap_or_default()).ok();
                out += &header("", &titles.map(String::from));
                out += &rows;
            }
        }
        out
    }

    fn failures(&self) -> String {
        let failed = self.rows.iter().filter_map(|row| Some((row, row.failure.as_ref()?)));
        let lines: String = failed.map(|(row, reason)| format!("- {}: {reason}\n", name(row))).collect();
        if lines.is_empty() { lines } else { format!("\n{lines}") }
    }

    fn measured(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.repeats.is_empty())
    }
}

fn held_cells(held: &Held) -> impl Iterator<Item = String> {
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    [
        held.exchanges.to_string(),
        held.most_open.to_string(),
        mib(held.before_kib),
        mib(held.during_kib),
        mib(held.after_kib),
        format!("{:.1}", held.kib_per_exchange),
        format!("{:.1}", held.seconds),
        held.freed_ms.map_or_else(|| "not within 60,000".to_owned(), |ms| format!("{ms:.0}")),
    ]
    .into_iter()
}

fn name(row: &Row) -> String {
    match &row.version {
        Some(version) => format!("{} ({version})", row.peer),
        None => row.peer.to_string(),
    }
}

fn header(first: &str, titles: &[String]) -> String {
    let rule = "---:|".repeat(titles.len());
    format!("| {first} | {} |\n|---|{rule}\n", titles.join(" | "))
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> String {
    format!("| {name} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn cell(figure: Option<f64>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.0}"),
    }
}

/// The median of one figure over the repeats that have it.
fn median(repeats: &[Repeat], figure: fn(&Repeat) -> Option<f64>) -> Option<f64> {
    middle(repeats.iter().filter_map(figure).collect())
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(middle(vec![]), None);
        assert_eq!(middle(vec![3.0]), Some(3.0));
        assert_eq!(middle(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn figures_keep_their_size_readable() {
        assert_eq!(cell(Some(1.234)), "1.23");
        assert_eq!(cell(Some(1234.4)), "1234");
        assert_eq!(cell(None), "–");
    }
}
