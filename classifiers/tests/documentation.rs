//! The table of kinds in the documentation says what the registry says.
#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a missing page should fail the test")]

use std::collections::BTreeMap;
use std::{env, fs};

use weir_classifiers::{Check, EntityType, Trigger, registry};

const BEGIN: &str = "<!-- kinds: written by the registry -->\n";
const END: &str = "<!-- end of kinds -->";

#[test]
fn the_table_of_kinds_is_the_registry() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/detection.md");
    let page = fs::read_to_string(path).unwrap();
    let (begin, end) = (page.find(BEGIN).unwrap() + BEGIN.len(), page.find(END).unwrap());
    let table = table();
    if env::var_os("WEIR_WRITE_DOCS").is_some() {
        fs::write(path, format!("{}{table}{}", &page[..begin], &page[end..])).unwrap();
        return;
    }
    assert!(
        page[begin..end] == *table,
        "docs/detection.md is out of date: run this test with WEIR_WRITE_DOCS=1"
    );
}

/// One row a type, its kinds in it.
fn table() -> String {
    let mut rows: BTreeMap<EntityType, Vec<String>> = BTreeMap::new();
    for kind in registry() {
        let found = match (kind.trigger, kind.check) {
            (Trigger::Label, _) => "behind a label",
            (_, Check::Sum(_)) if kind.score + 0.25 < 0.5 => "check digit and a word nearby",
            (_, Check::Sum(_)) => "check digit, or a word nearby",
            (_, _) if kind.score < 0.5 => "shape and a word nearby",
            (_, Check::Must(_)) => "shape and a check",
            (_, Check::None) => "shape",
        };
        rows.entry(kind.entity).or_default().push(format!("{} ({found})", kind.name.replace('|', "\\|")));
    }
    let mut table = "\n| type | kinds, and what makes a finding |\n|---|---|\n".to_owned();
    for (entity, kinds) in rows {
        table += &format!("| `{}` | {} |\n", entity.name(), kinds.join("; "));
    }
    table + "\n"
}
