//! Runs detectors over JSON lines: `tag rules|fast|both|accurate|unsure|all [MODEL] < texts.jsonl`.
//!
//! `both` is rules and the fast tagger, `unsure` also the accurate one where that is unsure, `all` rules and the
//! accurate one; `fast` and `accurate` are the taggers alone. MODEL is another fast tagger.
//!
//! Each line in has `text`; each line out has `entities` (offsets in code points) and `seconds`.

use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;
use weir_classifiers::{AccurateTagger, Deadline, Detectors, EntityType, Reading, Source, Tagger};

fn main() -> anyhow::Result<()> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let rules = Detectors::rules(EntityType::ALL);
    let tagger = match std::env::args_os().nth(2) {
        Some(model) => Tagger::read(&std::fs::read(model)?)?,
        None => Tagger::shipped()?,
    };
    let both = Detectors::with(EntityType::ALL, vec![Arc::new(tagger.clone())]);
    let reading = |reading| Detectors::reading(EntityType::ALL, reading);
    let deep = match mode.as_str() {
        "unsure" => Some(reading(Reading::Unsure)),
        "all" => Some(reading(Reading::Accurate)),
        _ => None,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = line.get("text").and_then(Value::as_str).unwrap_or_default();
        let begin = Instant::now();
        let found = match mode.as_str() {
            "rules" => rules.search(text)?,
            "fast" => tagger.find(text),
            "both" => both.search(text)?,
            "accurate" => Source::find(&AccurateTagger::shipped()?, text, Deadline::NEVER)?,
            _ if deep.is_some() => deep.as_ref().map_or(Ok(Vec::new()), |it| it.search(text))?,
            _ => anyhow::bail!("usage: tag rules|fast|both|accurate|unsure|all"),
        };
        let seconds = begin.elapsed().as_secs_f64();
        let place = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
        let entities: Vec<Value> = found
            .iter()
            .map(|f| {
                json!({"type": f.entity.name(), "start": place(f.range.start), "end": place(f.range.end), "score": f.score})
            })
            .collect();
        writeln!(out, "{}", json!({"id": line.get("id"), "entities": entities, "seconds": seconds}))?;
    }
    Ok(())
}
