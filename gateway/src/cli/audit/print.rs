//! Calls and records for people: a table, fields, and text that can't steer a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use weir_audit::PicoUsd;
use weir_index::CallRow;

const COLUMNS: [&str; 11] = [
    "TIME", "ID", "TENANT", "APP", "MODEL", "UPSTREAM", "DECISION", "STATUS", "TOKENS", "COST USD", "LATENCY",
];

pub(super) type Row = [String; COLUMNS.len()];

/// One line of the table.
pub(super) fn row(call: &CallRow) -> Row {
    let (announced, end) = (&call.announced, &call.end);
    let text = |it: Option<&str>| it.map_or_else(|| "-".to_owned(), plain);
    let tokens = end.input_tokens.zip(end.output_tokens).map(|(input, output)| format!("{input}/{output}"));
    let latency = end.latency_us.map(|it| format!("{}.{} ms", it / 1000, it % 1000 / 100));
    let cost = end.cost_pico.map(|it| PicoUsd(i128::from(it.0)).to_usd());
    [
        announced.time_us.stamp().to_string(),
        announced.record_id.to_string(),
        plain(&announced.tenant),
        text(announced.app.as_deref()),
        text(end.answered_model.as_deref().or(announced.requested_model.as_deref())),
        text(end.upstream.as_deref()),
        plain(end.decision.as_deref().unwrap_or(&end.state)),
        text(end.status.map(|it| it.to_string()).as_deref()),
        text(tokens.as_deref()),
        text(cost.as_deref()),
        text(latency.as_deref()),
    ]
}

/// Prints rows under a head.
pub(super) fn table(out: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
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
pub(super) fn fields(out: &mut dyn Write, value: &Value, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, it)| ((at + 1).to_string(), it)).collect(),
        _ => return Ok(()),
    };
    let width = parts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in parts {
        match value {
            Value::Object(_) | Value::Array(_) => {
                writeln!(out, "{indent}{name}")?;
                fields(out, value, depth + 1)?;
            }
            Value::String(text) => writeln!(out, "{indent}{name:width$}  {}", plain(text))?,
            other => writeln!(out, "{indent}{name:width$}  {other}")?,
        }
    }
    Ok(())
}

/// Prints one JSON object on a line.
pub(super) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)
}

/// Text that can't steer a terminal: control characters and those that turn the writing direction are shown
/// as `?`.
pub(super) fn plain(text: &str) -> String {
    let steers = |it: char| match it {
        '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        it => it.is_control(),
    };
    text.chars().map(|it| if steers(it) { '?' } else { it }).collect()
}
