//! Commands from their line to their output and exit code.

use std::{fs, path::Path};

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;
use tempfile::TempDir;

use super::{End, Line, run};

const GOOD: &str = "weir: v1\ndata_dir: state\nupstreams: [{name: a, url: 'http://127.0.0.1:9/v1'}]\nroutes: [{models: m, upstreams: a}]\n";

/// Runs a line with the settings file of a folder.
fn weir(folder: &Path, line: &str) -> (End, String) {
    let config = folder.join("weir.yaml").display().to_string();
    let words = line.split(' ').map(str::to_owned).chain(["--config".to_owned(), config]);
    let mut out = Vec::new();
    let end = run(Line::try_parse_from(words).unwrap().command, &mut out);
    (end, String::from_utf8(out).unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bed(settings: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("weir.yaml"), settings).unwrap();
    folder
}

#[test]
fn the_command_line_is_consistent() {
    Line::command().debug_assert();
}

#[test]
fn documented_lines_are_understood() {
    for line in [
        "weir check",
        "weir check --config weir.yaml --json",
        "weir keys create NAME --tenant T --app A",
        "weir keys create NAME --endpoints chat --tenant T --app A --json",
        "weir keys create NAME --tenant T --team X --expires 30d --models gpt-*,o3 --endpoints chat --role admin",
        "weir keys list --json",
        "weir keys revoke key_x",
        "weir models verify --models models",
        "weir detect --input in.jsonl --output out.jsonl",
        "weir detect --input - --output - --types email_address,secrets",
        "weir infer serve",
        "weir infer serve --models models --addr 127.0.0.1:8090 --threads 2",
    ] {
        assert!(Line::try_parse_from(line.split(' ')).is_ok(), "{line}");
    }
    for line in [
        "weir",
        "weir keys create NAME",
        "weir keys create NAME --tenant T --endpoints chats",
        "weir keys create NAME --tenant T --expires 30",
        "weir frobnicate",
        "weir detect --input in.jsonl",
    ] {
        assert!(Line::try_parse_from(line.split(' ')).is_err(), "{line}");
    }
}

#[test]
fn a_key_is_made_listed_and_revoked() {
    let folder = bed(GOOD);
    let (end, text) = weir(folder.path(), "weir keys create demo --tenant t --app a --expires 7d --json");
    assert_eq!(end, End::Fine);
    let made = json(&text);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("weir-"));
    assert!(folder.path().join("state/keys.json").exists());

    let (_, text) = weir(folder.path(), "weir keys list --json");
    let listed = json(&text);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["state"], &listed[0]["app"]),
        (&id.into(), &"active".into(), &"a".into())
    );
    assert!(!text.contains(key), "a key is shown once");

    let (end, _) = weir(folder.path(), &format!("weir keys revoke {id}"));
    assert_eq!(end, End::Fine);
    let (_, text) = weir(folder.path(), "weir keys list");
    assert!(text.lines().nth(1).unwrap().starts_with(&format!("{id}  revoked")), "{text}");
    assert_eq!(weir(folder.path(), "weir keys revoke key_x").0, End::Finding);
    assert_eq!(weir(folder.path(), "weir keys create a\nb --tenant t").0, End::Usage);
}

#[test]
fn keys_need_no_secret_of_the_gateway() {
    let folder = bed(&GOOD.replace("name: a,", "name: a, api_key: {env: WEIR_TEST_NOT_SET},"));
    assert_eq!(weir(folder.path(), "weir check").0, End::Usage);
    assert_eq!(weir(folder.path(), "weir keys list").0, End::Fine);
}

#[test]
fn check_tells_problems_and_fails() {
    let folder = bed(GOOD);
    assert_eq!(weir(folder.path(), "weir check"), (End::Fine, "no problem found\n".to_owned()));
    assert_eq!(json(&weir(folder.path(), "weir check --json").1)["ok"], true);

    fs::write(folder.path().join("weir.yaml"), GOOD.replace("routes", "ruotes")).unwrap();
    let (end, text) = weir(folder.path(), "weir check");
    assert_eq!(end, End::Usage);
    assert!(text.contains("weir.yaml:4:1: ruotes: unknown key; did you mean `routes`?"), "{text}");
    let found = json(&weir(folder.path(), "weir check --json").1);
    assert_eq!(found["ok"], false);
    assert_eq!(found["problems"][1]["line"], 4);
    assert_eq!(found["problems"][1]["suggestion"], "routes");
}

#[test]
fn check_looks_at_the_models() {
    let folder = bed("weir: v1\n");
    fs::create_dir(folder.path().join("models")).unwrap();
    let (end, text) = weir(folder.path(), "weir check");
    assert_eq!(end, End::Usage);
    assert_eq!(text.matches("is missing: fetch it with `make models`").count(), 3, "{text}");
}
