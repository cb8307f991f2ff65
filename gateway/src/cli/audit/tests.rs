//! The commands on a log that no gateway writes.

use std::path::Path;

use clap::Parser;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use uuid::Uuid;
use weir_audit::{Completion, Decision, Intent, Log, Options, exchange::Usage};

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: AuditArgs,
}

fn sample() -> (TempDir, Vec<Uuid>) {
    tokio::runtime::Runtime::new().unwrap().block_on(written())
}

async fn written() -> (TempDir, Vec<Uuid>) {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(&dir.path().join("audit"), options).unwrap();
    let mut ids = Vec::new();
    for (tenant, decision) in [("acme", Decision::Allow), ("b\u{202e}ta", Decision::Blocked)] {
        let intent =
            Intent { tenant: tenant.into(), requested_model: Some("small".into()), ..Intent::default() };
        let usage = Some(Usage { input: 12, output: 34, ..Usage::default() });
        let mut completion = Completion { status: 200, decision, usage, ..Completion::default() };
        completion.latency.total_us = 1_234_567;
        ids.push(log.settled(intent, completion).await.unwrap());
    }
    log.close().await.unwrap();
    (dir, ids)
}

fn output(dir: &Path, arguments: &[&str]) -> (String, End) {
    let dir = dir.to_str().unwrap();
    let all = [&["audit"], arguments, &["--data-dir", dir]].concat();
    let mut out = Vec::new();
    let code = Program::try_parse_from(all).unwrap().args.run(&mut out).unwrap();
    (String::from_utf8(out).unwrap(), code)
}

#[test]
fn a_list_is_a_table_newest_first() {
    let (dir, ids) = sample();
    let (table, _) = output(dir.path(), &["list"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0][..3], ["TIME", "ID", "TENANT"]);
    let id = ids[1].to_string();
    assert_eq!(
        lines[1][1..],
        [&id, "b?ta", "-", "small", "-", "blocked", "200", "12/34", "-", "1234.5", "ms"]
    );
    assert_eq!(lines[2][2], "acme");
}

#[test]
fn filters_and_json_are_taken() {
    let (dir, ids) = sample();
    let check = |arguments: &[&str], expect: &[Uuid]| {
        let (lines, _) = output(dir.path(), &[arguments, &["--json"]].concat());
        let found: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let found: Vec<&str> = found.iter().map(|it| it["record_id"].as_str().unwrap()).collect();
        let expect: Vec<String> = expect.iter().map(Uuid::to_string).collect();
        assert_eq!(found, expect, "{arguments:?}");
    };
    check(&["list"], &[ids[1], ids[0]]);
    check(&["list", "--limit", "1"], &[ids[1]]);
    check(&["list", "--tenant", "acme"], &[ids[0]]);
    check(&["list", "--decision", "blocked"], &[ids[1]]);
    check(&["list", "--model", "large"], &[]);
    check(&["list", "--app", "desk"], &[]);
    check(&["list", "--since", "1h"], &[ids[1], ids[0]]);
    check(&["list", "--since", "2999-01-01"], &[]);
}

#[test]
fn one_call_is_shown_as_fields_or_json() {
    let (dir, ids) = sample();
    let id = ids[1].to_string();
    let (fields, _) = output(dir.path(), &["show", &id]);
    assert!(fields.contains("decision") && fields.contains("b?ta") && !fields.contains('\u{202e}'));
    let (json, _) = output(dir.path(), &["show", &id, "--json"]);
    let call: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(call["end"]["completion"]["latency"]["total_us"], 1_234_567);
}

#[test]
fn what_is_not_there_is_said() {
    let (dir, _) = sample();
    let (text, code) = output(dir.path(), &["show", "01a20000-0000-7000-8000-000000000000"]);
    assert_eq!((text.as_str(), code), ("no call or record has this id\n", End::Finding));
    let empty = tempdir().unwrap();
    let path = empty.path().to_str().unwrap();
    let args = Program::try_parse_from(["audit", "list", "--data-dir", path]).unwrap().args;
    assert!(matches!(args.run(&mut Vec::new()), Err(Failure::Work(_))));
}

#[test]
fn bad_arguments_are_refused() {
    let (dir, _) = sample();
    let path = dir.path().to_str().unwrap();
    for arguments in
        [["list", "--since", "perhaps"], ["list", "--decision", "perhaps"], ["list", "--after", "x"]]
    {
        let all = [&["audit"], &arguments[..], &["--data-dir", path]].concat();
        let refused = Program::try_parse_from(all).unwrap().args.run(&mut Vec::new());
        assert!(matches!(refused, Err(Failure::Usage(_))), "{arguments:?}");
    }
    for arguments in [["list", "--limit", "0"], ["show", "no-id", "--json"]] {
        assert!(Program::try_parse_from(["audit"].iter().chain(&arguments)).is_err(), "{arguments:?}");
    }
}
