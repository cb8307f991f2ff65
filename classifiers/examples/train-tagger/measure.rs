//! What a model finds in the texts of the dev files: calibration, a quick table, and texts to hold it to.

use crate::corpus::{Numbers, Reader};
use crate::field::Field;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use weir_classifiers::tagger::training::{Gazetteer, Parts};
use weir_classifiers::{EntityType, Tagger};

/// A line of a dev file.
struct Line {
    text: String,
    spans: Vec<(EntityType, Range<usize>)>,
    /// Types that were looked for.
    marked: Vec<EntityType>,
}

fn lines(path: &Path) -> anyhow::Result<Vec<Line>> {
    std::fs::read_to_string(path)?.lines().map(|line| parse(&serde_json::from_str(line)?)).collect()
}

fn parse(line: &Value) -> anyhow::Result<Line> {
    let text = line.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut spans = Vec::new();
    for span in line.get("spans").and_then(Value::as_array).into_iter().flatten() {
        let at =
            |name| span.get(name).and_then(Value::as_u64).and_then(|at| starts.get(at as usize)).copied();
        let entity = span.get("type").and_then(Value::as_str).and_then(EntityType::parse);
        if let (Some(entity), Some(start), Some(end)) = (entity, at("start"), at("end")) {
            spans.push((entity, start..end));
        }
    }
    let names = line.get("marked").and_then(Value::as_array);
    let marked = match names {
        Some(names) => names.iter().filter_map(Value::as_str).filter_map(EntityType::parse).collect(),
        None => EntityType::ALL.to_vec(),
    };
    Ok(Line { text, spans, marked })
}

/// Slope and offset under which scores are chances, by gradient descent on the log loss over all dev
/// findings; a finding is right when a span of its type overlaps it by half.
pub fn calibrate(parts: &Parts, dev: &[PathBuf]) -> anyhow::Result<[f32; 2]> {
    let tagger = Tagger::from(parts.clone());
    let mut seen: Vec<(f32, f32)> = Vec::new();
    for path in dev {
        for line in lines(path)? {
            for finding in tagger.find(&line.text) {
                if line.marked.contains(&finding.entity) {
                    let right = line.spans.iter().any(|(entity, span)| {
                        *entity == finding.entity && share(span, &finding.range) >= 0.5
                    });
                    let score = finding.score.clamp(1e-4, 1.0 - 1e-4);
                    seen.push(((score / (1.0 - score)).ln(), f32::from(u8::from(right))));
                }
            }
        }
    }
    let [mut slope, mut offset] = [1.0f32, 0.0f32];
    for _ in 0..2000 {
        let (mut by_slope, mut by_offset) = (0.0, 0.0);
        for (logit, right) in &seen {
            let error = 1.0 / (1.0 + (-(slope * logit + offset)).exp()) - right;
            by_slope += error * logit;
            by_offset += error;
        }
        let count = seen.len().max(1) as f32;
        slope -= 0.05 * by_slope / count;
        offset -= 0.05 * by_offset / count;
    }
    println!("calibration: slope {slope:.3}, offset {offset:.3}, {} findings", seen.len());
    Ok([slope, offset])
}

/// Intersection over union.
fn share(a: &Range<usize>, b: &Range<usize>) -> f32 {
    let both = a.end.min(b.end).saturating_sub(a.start.max(b.start));
    both as f32 / (a.len() + b.len()).saturating_sub(both).max(1) as f32
}

/// Prints exact matches by file and type for some biases.
pub fn measure(parts: &Parts, dev: &[PathBuf]) -> anyhow::Result<()> {
    for bias in [parts.bias, 0.0] {
        let tagger = Tagger::from(Parts { bias, ..parts.clone() });
        for path in dev {
            let mut counts: BTreeMap<EntityType, [usize; 3]> = BTreeMap::new();
            for line in lines(path)? {
                let found = tagger.find(&line.text);
                for (entity, _) in line.spans.iter().filter(|(entity, _)| parts.types.contains(entity)) {
                    count(&mut counts, *entity, 0);
                }
                for finding in found.iter().filter(|finding| line.marked.contains(&finding.entity)) {
                    count(&mut counts, finding.entity, 1);
                    if line.spans.contains(&(finding.entity, finding.range.clone())) {
                        count(&mut counts, finding.entity, 2);
                    }
                }
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            print!("bias {bias} {name}:");
            for (entity, [there, found, right]) in counts {
                let f1 = 2.0 * right as f64 / (there + found).max(1) as f64;
                print!(" {} {f1:.3} ({right}/{found}/{there})", entity.name());
            }
            println!();
        }
    }
    Ok(())
}

fn count(counts: &mut BTreeMap<EntityType, [usize; 3]>, entity: EntityType, column: usize) {
    if let Some(place) = counts.entry(entity).or_default().get_mut(column) {
        *place += 1;
    }
}

/// Writes labels of the weights before rounding for texts of our own (no others may be shipped).
pub fn golden(field: &Field, parts: &Parts, dev: &[PathBuf], into: &Path) -> anyhow::Result<()> {
    let Some(path) = dev.iter().find(|path| path.ends_with("dev/unseen.jsonl")) else {
        anyhow::bail!("no dev/unseen.jsonl")
    };
    let gazetteer = Gazetteer::new(&parts.words, parts.lists.clone());
    let numbers: Numbers = parts.features.iter().copied().zip(0..).collect();
    let mut file = String::new();
    for line in std::fs::read_to_string(path)?.lines().step_by(10).take(60) {
        let line: Value = serde_json::from_str(line)?;
        let counts = vec![0; parts.features.len()];
        let mut reader =
            Reader { types: &parts.types, gazetteer: &gazetteer, numbers: numbers.clone(), counts };
        let mut emissions = field.emissions(&reader.text(&line)?);
        for row in &mut emissions {
            row.iter_mut().take(1).for_each(|other| *other -= parts.bias);
        }
        let labels = field.steps().best(&emissions);
        file += &format!("{}\n", json!({"text": line.get("text"), "labels": labels}));
    }
    Ok(std::fs::write(into, file)?)
}
