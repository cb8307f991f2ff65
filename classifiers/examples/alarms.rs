//! Counts what detectors find in the files below a folder, where nothing should be: false alarms per megabyte.
//!
//! `alarms FOLDER TYPE_OR_GROUP… [show]` — `show` prints every finding with its place.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a tool for the desk of its makers"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use weir_classifiers::{Detectors, EntityType, Group};

/// What was seen so far.
#[derive(Default)]
struct Tally {
    files: usize,
    bytes: usize,
    spent: Duration,
    found: BTreeMap<&'static str, usize>,
}

fn main() {
    let mut words: Vec<String> = env::args().skip(1).collect();
    let show = words.iter().position(|word| word == "show").map(|at| words.remove(at)).is_some();
    let (folder, names) = words.split_first().unwrap();
    let types: Vec<EntityType> = names
        .iter()
        .flat_map(|name| match Group::parse(name) {
            Some(group) => group.types(),
            None => EntityType::parse(name).into_iter().collect(),
        })
        .collect();
    let detectors = Detectors::rules(&types);
    let mut tally = Tally::default();
    visit(Path::new(folder), &mut |path| {
        let Ok(text) = fs::read_to_string(path) else { return };
        if text.len() > Detectors::LONGEST {
            return;
        }
        let begun = Instant::now();
        let Ok(found) = detectors.search(&text) else { return };
        tally.spent += begun.elapsed();
        tally.files += 1;
        tally.bytes += text.len();
        for it in found {
            *tally.found.entry(it.entity.name()).or_default() += 1;
            if show {
                let line = text[..it.range.start].lines().count();
                println!(
                    "{} {:.2} {}:{line} {:?}",
                    it.entity.name(),
                    it.score,
                    path.display(),
                    &text[it.range]
                );
            }
        }
    });
    let megabytes = tally.bytes as f64 / 1e6;
    println!(
        "{} files, {megabytes:.1} MB, {:.1} µs/KB",
        tally.files,
        tally.spent.as_secs_f64() * 1e9 / tally.bytes as f64
    );
    for (name, count) in &tally.found {
        println!("{name} {count}, {:.2} per MB", *count as f64 / megabytes);
    }
}

fn visit(path: &Path, act: &mut dyn FnMut(&Path)) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path).unwrap().filter_map(|it| Some(it.ok()?.path())).collect();
        entries.sort();
        entries.iter().filter(|it| !it.is_symlink()).for_each(|it| visit(it, act));
    } else {
        act(path);
    }
}
