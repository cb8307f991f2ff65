//! House rules that no other tool checks: sizes, names, first lines, dependency direction.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest file, in lines, not counting its `#[cfg(test)]` part.
const MAX_LINES: usize = 400;
/// Type names must say what the thing is; these endings say nothing.
const BANNED_ENDINGS: [&str; 7] = ["Manager", "Helper", "Helpers", "Util", "Utils", "Common", "Info"];
/// May end a type's name only as part of a word of the field (`PersonalData`).
const BANNED_WORD: (&str, &[&str]) = ("Data", &["PersonalData"]);
const BANNED_CRATES: [&str; 4] = ["core", "common", "utils", "util"];
/// The only place that may wait by the clock: the polling loop of the harness.
const MAY_SLEEP: [&str; 1] = ["tests/src/poll.rs"];

/// Which crates of the workspace a crate may depend on.
const MAY_DEPEND: [(&str, &[&str]); 13] = [
    ("accounting", &[]),
    ("audit", &[]),
    ("bench", &[]),
    ("callers", &["policies"]),
    ("classifiers", &[]),
    ("dialects", &["policies", "accounting"]),
    (
        "gateway",
        &[
            "accounting",
            "audit",
            "callers",
            "classifiers",
            "dialects",
            "index",
            "inference",
            "policies",
            "pseudonyms",
            "sinks",
        ],
    ),
    ("index", &["audit"]),
    ("inference", &[]),
    ("policies", &["accounting", "classifiers"]),
    ("pseudonyms", &["audit", "index"]),
    ("sinks", &["audit"]),
    ("tests", &[]),
];
/// Third-party crates, by prefix, that only some crates may know.
const RESERVED: [(&str, &[&str]); 4] = [
    ("pingora", &["gateway"]),
    ("candle", &["inference", "classifiers"]),
    ("rusqlite", &["index", "pseudonyms"]),
    ("tokio-postgres", &["audit", "index", "pseudonyms"]),
];

const REQUIRED: [&str; 10] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE",
    "NOTICE",
    "Makefile",
    "Cargo.lock",
    "deny.toml",
    ".ci/run",
];

/// A rule: looks at one file and says what is wrong with it.
type Rule = fn(&Source) -> Vec<String>;

/// One file of the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
    /// Numbered lines, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
    /// The lines before the file's own unit tests.
    fn without_tests(&self) -> usize {
        self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
    }
    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every text file git knows or would take, so that a new file is checked before it is committed.
fn sources() -> Vec<Source> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    let found: Vec<_> = names.lines().filter_map(read).collect();
    assert!(found.iter().any(|file| file.path == "Cargo.toml"), "the repository's files are not visible");
    found
}

fn check(rule: Rule) {
    let faults: Vec<_> = sources().iter().flat_map(rule).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn files_hold_one_idea() {
    check(|file| {
        let limit = if file.path.contains("/tests/") { MAX_LINES * 2 } else { MAX_LINES };
        let lines = file.without_tests();
        if !file.is_rust() || lines <= limit {
            return vec![];
        }
        vec![format!("{}: {lines} lines without tests, at most {limit}: more than one idea", file.path)]
    });
}

#[test]
fn files_say_what_they_are_for() {
    check(|file| match file.text.lines().next() {
        Some(first) if file.is_rust() && !first.starts_with("//! ") => {
            vec![file.at(1, "the first line must be a `//!` sentence")]
        }
        _ => vec![],
    });
}

/// The name a line declares, if it declares a type or a module.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        rest.strip_prefix("(crate)").or(rest.strip_prefix("(super)")).unwrap_or(rest).trim_start()
    });
    let rest = ["struct ", "enum ", "trait ", "type ", "mod ", "union "]
        .iter()
        .find_map(|keyword| line.strip_prefix(keyword))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

fn is_banned(name: &str) -> bool {
    let (word, fine) = BANNED_WORD;
    BANNED_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (name.ends_with(word) && !fine.contains(&name))
        || BANNED_CRATES.contains(&name)
        || ["helper", "helpers", "manager", "misc"].contains(&name)
}

#[test]
fn names_say_something() {
    check(|file| {
        let faulty = |(at, line)| {
            let name = declared(line).filter(|name| is_banned(name))?;
            Some(file.at(at, &format!("`{name}` says nothing: use the field's word")))
        };
        if file.is_rust() { file.lines().filter_map(faulty).collect() } else { vec![] }
    });
}

#[test]
fn names_are_told_apart() {
    let cases = [
        ("pub struct KeyManager {", true),
        ("    pub(crate) enum RequestData {", true),
        ("mod utils;", true),
        ("struct PersonalData;", false),
        ("pub struct Information;", false),
        ("let manager = 1;", false),
        ("use std::collections::Data;", false),
    ];
    for (line, banned) in cases {
        assert_eq!(declared(line).is_some_and(is_banned), banned, "{line}");
    }
}

#[test]
fn nothing_is_switched_off() {
    // Written in two parts so that this file doesn't match itself.
    let ignored = ["#[", "ignore"].concat();
    let always = ["assert!", "(true"].concat();
    let faults: Vec<_> = sources()
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(|file| {
            file.lines()
                .filter(|(_, line)| line.contains(&ignored) || line.contains(&always))
                .map(|(at, _)| file.at(at, "a test that can't run or can't fail"))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn tests_do_not_sleep() {
    let sleeps = ["thread::", "time::"].map(|module| format!("{module}{}", "sleep("));
    let mut faults = vec![];
    for file in sources().iter().filter(|file| file.is_rust() && !MAY_SLEEP.contains(&file.path.as_str())) {
        let first_test_line = file.without_tests();
        let all = file.path.starts_with("tests/") || file.path.contains("/tests/");
        for (at, line) in file.lines().filter(|(at, _)| all || *at > first_test_line) {
            if sleeps.iter().any(|sleep| line.contains(sleep)) {
                faults.push(file.at(at, "a test that sleeps: wait for the event, or poll by the harness"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn no_machine_paths() {
    // Written in two parts so that this file doesn't match itself.
    let places = ["/work", "/root", "/home"].map(|place| format!("{place}/"));
    let mut faults = vec![];
    for file in &sources() {
        for (at, line) in file.lines() {
            // A place counts when it starts a path, not inside a longer one or a URL.
            let starts = |place: &String| {
                line.match_indices(place.as_str()).any(|(start, _)| {
                    let before = line.get(..start).unwrap_or_default();
                    // A slot of a template is nobody's name.
                    let is_slot = line.get(start + place.len()..).is_some_and(|rest| rest.starts_with('{'));
                    !is_slot && !before.ends_with(|c: char| c.is_alphanumeric() || "._-}~$".contains(c))
                })
            };
            if places.iter().any(starts) {
                faults.push(file.at(at, "a path of one machine"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_project_is_complete() {
    let missing: Vec<_> = REQUIRED.iter().filter(|path| !root().join(path).is_file()).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changelog.contains("## [Unreleased]"), "CHANGELOG.md has no Unreleased part");
}

/// Names under `[dependencies]` and target-specific dependencies of one manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut in_section = false;
    let mut names = vec![];
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_section = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            if let Some((_, name)) = section.split_once("dependencies.") {
                names.push(name.to_owned());
            }
        } else if in_section && !line.starts_with('#') {
            names.extend(
                line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty()).map(str::to_owned),
            );
        }
    }
    names
}

#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<_, _> = MAY_DEPEND.into_iter().collect();
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
    let mut faults = vec![];
    for member in members.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty())
    {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let Some(fine) = allowed.get(member) else {
            faults.push(format!("{member}: a new crate; say in tidy.rs what it may depend on"));
            continue;
        };
        for dependency in dependencies(&manifest) {
            let ours = dependency.strip_prefix("weir-");
            if ours.is_some_and(|name| !fine.contains(&name)) {
                faults.push(format!("{member} must not depend on {dependency}"));
            }
            let reserved = RESERVED.iter().find(|(prefix, _)| dependency.starts_with(prefix));
            if reserved.is_some_and(|(_, who)| !who.contains(&member)) {
                faults.push(format!("{member} must not know {dependency}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
