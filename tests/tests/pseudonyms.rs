//! Modes of replacing, values that are kept beyond their exchange, and who may see them again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use weir_tests::gateway::ADMIN_KEY;
use weir_tests::openai;
use weir_tests::{Answer, Call, Config, Gateway, Script, Upstream, policy, poll, scenario};

const MAIL: &str = "ada.lovelace@example.com";
const CARD: &str = "4012 8888 8888 1881";

/// A policy with one rule.
fn rule(then: &str) -> String {
    format!(
        "weir: v1\npolicy: modes\nowner: tests\nrules:\n  - id: modes\n    on: request\n    \
         find: [email_address, credit_card]\n    then: {then}\n"
    )
}

async fn ask(gateway: &Gateway, headers: &[(&str, &str)], text: &str) -> Answer {
    let call = Call::post("/v1/chat/completions", &openai::chat(text)).key(gateway.key());
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    call.send(gateway.traffic()).await
}

fn said(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

async fn post(gateway: &Gateway, key: &str, (path, body): (&str, Value)) -> Answer {
    Call::post(path, &body).key(key).send(gateway.admin()).await
}

#[test]
fn each_mode_keeps_values_here_and_restores_what_it_promises() {
    scenario(async {
        for (then, restored) in [
            ("pseudonymise", true),
            ("{pseudonymise: {mode: surrogate}}", true),
            ("{redact: {mode: mask, keep_last: 4}}", false),
            ("{redact: {mode: hash}}", false),
            ("{redact: {mode: encrypt}}", false),
            ("{redact: {mode: drop}}", false),
        ] {
            let upstream = Upstream::start(openai::echo).await;
            let gateway = Gateway::start(Config::with(&upstream).policy("modes.yaml", &rule(then))).await;
            let text = format!("Write to {MAIL}, card {CARD}.");
            let answer = ask(&gateway, &[], &text).await;
            let asked = openai::asked(&upstream.requests()[0]);
            assert!(!asked.contains(MAIL) && !asked.contains(CARD), "{then}: {asked}");
            assert_eq!(said(&answer) == text, restored, "{then}: {asked} → {}", said(&answer));
            if !restored {
                assert_eq!(said(&answer), asked, "{then}");
            }
            let id = answer.header("x-request-id").unwrap();
            let record = poll::until("the completion", poll::SOON, async || {
                let path = format!("/api/v1/audit/calls/{id}");
                let call = Call::get(&path).key(ADMIN_KEY).send(gateway.admin()).await.json();
                let places = call["end"]["completion"]["places"].clone();
                places.is_array().then_some(places)
            })
            .await;
            let place = &record[0];
            assert_eq!(
                (&place["slot"], &place["entity"]),
                (&json!("/messages/0/content"), &json!("EMAIL_ADDRESS"))
            );
            let (start, end) = (place["start"].as_u64().unwrap(), place["end"].as_u64().unwrap());
            assert_eq!(&text[start as usize..end as usize], MAIL, "{then}");
        }
    });
}

#[test]
fn a_kept_value_comes_back_to_its_own_subject_after_a_restart_and_dies_with_it() {
    scenario(async {
        let says: Arc<Mutex<Option<String>>> = Arc::default();
        let shared = says.clone();
        let upstream = Upstream::start(move |seen| match shared.lock().unwrap().clone() {
            Some(text) => Script::json(200, &openai::says(&text)),
            None => openai::echo(seen),
        })
        .await;
        let config = Config::with(&upstream)
            .policy("personal.yaml", policy::PERSONAL)
            .yaml("pseudonyms: {vault: sqlite, retention: 90d}");
        let mut gateway = Gateway::start(config).await;
        let (ada, bob) = (("x-weir-subject", "ada"), ("x-weir-subject", "bob"));
        let there = ("x-weir-conversation", "c-17");
        ask(&gateway, &[ada, there], &format!("I am {MAIL}.")).await;
        let token =
            openai::asked(&upstream.requests()[0]).replace("I am ", "").trim_end_matches('.').to_owned();
        assert!(token.starts_with("⟦EMAIL_ADDRESS_"), "{token}");
        gateway.signal("TERM").await;
        gateway.ended().await;
        gateway.restart().await;

        *says.lock().unwrap() = Some(format!("You are {token}!"));
        let (own, other) = (format!("You are {MAIL}!"), format!("You are {token}!"));
        for (headers, expect) in [
            (&[ada][..], &own),
            (&[there], &own),
            (&[ada, ("x-weir-conversation", "c-18")], &own),
            (&[bob], &other),
            (&[bob, there], &other),
            (&[], &other),
        ] {
            assert_eq!(said(&ask(&gateway, headers, "Who am I?").await), *expect, "{headers:?}");
        }
        // A text of the caller's that looks like it is the caller's own text still.
        *says.lock().unwrap() = None;
        let written = format!("What is {token}?");
        assert_eq!(said(&ask(&gateway, &[ada], &written).await), written);
        *says.lock().unwrap() = Some(format!("You are {token}!"));

        let reviewer = gateway.another_key(&["--role", "reviewer"]).await;
        let auditor = gateway.another_key(&["--role", "auditor"]).await;
        let stranger = gateway.another_key(&["--role", "reviewer", "--tenant", "other"]).await;
        let wanted = |tenant: &str, pseudonym: &str| {
            let body = json!({"tenant": tenant, "pseudonym": pseudonym, "reason": "complaint 4711"});
            ("/api/v1/pseudonyms/reveal", body)
        };
        for (key, tenant, status) in
            [(auditor.as_str(), "demo", 403), (gateway.key(), "demo", 403), (stranger.as_str(), "demo", 400)]
        {
            let answer = post(&gateway, key, wanted(tenant, &token)).await;
            assert_eq!(answer.status, status, "{}", answer.text());
            assert!(!answer.text().contains("lovelace"), "{}", answer.text());
        }
        let shown = post(&gateway, &reviewer, wanted("demo", &token)).await.json();
        assert_eq!(shown, json!({"state": "revealed", "kind": "EMAIL_ADDRESS", "values": [MAIL]}));
        let elsewhere = post(&gateway, &stranger, wanted("other", &token)).await.json();
        assert_eq!(elsewhere, json!({"state": "unknown", "values": []}));
        let events = gateway.run(&["audit", "events", "--kind", "reveal"]).await;
        assert_eq!(events.lines().filter(|line| line.contains("complaint 4711")).count(), 2, "{events}");
        assert!(!events.contains("lovelace") && !events.contains(&token), "{events}");

        let about = json!({"tenant": "demo", "subject": "ada", "reason": "asked to be erased"});
        let erased = post(&gateway, ADMIN_KEY, ("/api/v1/audit/erasures", about)).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        assert_eq!(said(&ask(&gateway, &[ada], "Who am I?").await), other);
        let gone = post(&gateway, &reviewer, wanted("demo", &token)).await.json();
        assert_eq!(gone, json!({"state": "erased", "values": []}));
    });
}

/// Retention doesn't wait for a day of running: a gateway may be started anew more often than that.
#[test]
fn a_value_past_its_time_is_gone_after_the_next_start() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream)
            .policy("personal.yaml", policy::PERSONAL)
            .yaml("pseudonyms: {vault: sqlite, retention: 90d}");
        let mut gateway = Gateway::start(config).await;
        ask(&gateway, &[("x-weir-subject", "ada")], MAIL).await;
        ask(&gateway, &[("x-weir-subject", "bob")], CARD).await;
        gateway.signal("TERM").await;
        gateway.ended().await;

        let file = gateway.dir().join("data/pseudonyms.sqlite");
        let kept = || -> i64 {
            let vault = rusqlite::Connection::open(&file).unwrap();
            vault.query_row("SELECT count(*) FROM pseudonym", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(kept(), 2);
        let vault = rusqlite::Connection::open(&file).unwrap();
        let sql =
            "UPDATE pseudonym SET seen = seen - 91 * 86400 WHERE name = (SELECT min(name) FROM pseudonym)";
        assert_eq!(vault.execute(sql, []).unwrap(), 1);
        drop(vault);
        gateway.restart().await;
        poll::until("the old value to be removed", poll::SOON, async || (kept() == 1).then_some(())).await;
    });
}

#[test]
fn a_ciphertext_is_opened_by_command_for_a_reason() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).policy("modes.yaml", &rule("{redact: {mode: encrypt}}"));
        let gateway = Gateway::start(config).await;
        ask(&gateway, &[], MAIL).await;
        let sent = openai::asked(&upstream.requests()[0]);
        let reveal = ["pseudonyms", "reveal", &sent, "--tenant", "demo", "--reason", "complaint 4711"];
        let (code, shown) = gateway.try_run(&reveal).await;
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(MAIL) && shown.contains("EMAIL_ADDRESS"), "{shown}");
        let reveal = ["pseudonyms", "reveal", &sent, "--tenant", "other", "--reason", "complaint 4711"];
        let (code, shown) = gateway.try_run(&reveal).await;
        assert!(code == 1 && shown.contains("unknown") && !shown.contains(MAIL), "{shown}");
    });
}

#[test]
fn where_reading_takes_a_second_person_no_value_is_shown_and_the_attempt_is_recorded() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream)
            .policy("modes.yaml", &rule("{redact: {mode: encrypt}}"))
            .yaml("audit: {reveal: {second_person: required}}");
        let gateway = Gateway::start(config).await;
        ask(&gateway, &[], MAIL).await;
        let sent = openai::asked(&upstream.requests()[0]);
        let reveal = ["pseudonyms", "reveal", &sent, "--tenant", "demo", "--reason", "complaint 4711"];
        let (code, shown) = gateway.try_run(&reveal).await;
        assert!(code != 0 && shown.contains("second person") && !shown.contains(MAIL), "{code}: {shown}");
        let events = gateway.run(&["audit", "events", "--kind", "reveal"]).await;
        let told = events.lines().find(|line| line.contains("complaint 4711")).unwrap();
        assert!(told.contains("second_person"), "{told}");
    });
}

/// A rule that demands a vault lets a call leave only with its values on disk.
#[test]
fn a_call_that_must_be_kept_leaves_with_its_values_on_disk_or_not_at_all() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream)
            .policy("modes.yaml", &rule("{pseudonymise: {vault: required}}"))
            .yaml("pseudonyms: {vault: sqlite}");
        let mut gateway = Gateway::start(config).await;
        let ada = [("x-weir-subject", "ada")];
        let file = gateway.dir().join("data/pseudonyms.sqlite");
        let kept = || -> i64 {
            let vault = rusqlite::Connection::open(&file).unwrap();
            vault.query_row("SELECT count(*) FROM pseudonym", [], |row| row.get(0)).unwrap()
        };
        let text = format!("I am {MAIL}.");
        assert_eq!(said(&ask(&gateway, &ada, &text).await), text);
        assert_eq!(kept(), 1);
        // Many at once share their writes, and none leaves before its own.
        let asks = (0..40).map(|number| {
            let (gateway, text) = (&gateway, format!("I am ada{number}@example.com."));
            async move { said(&ask(gateway, &ada, &text).await) == text }
        });
        assert!(futures::future::join_all(asks).await.into_iter().all(|same| same));
        assert_eq!(kept(), 41);
        gateway.signal("KILL").await;
        gateway.ended().await;
        gateway.restart().await;
        assert_eq!(kept(), 41);

        // Somebody else holds the file: nothing can be written.
        let mut vault = rusqlite::Connection::open(&file).unwrap();
        let held = vault.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive).unwrap();
        let seen = upstream.requests().len();
        let refused = ask(&gateway, &ada, &format!("Card {CARD}.")).await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(refused.json()["error"]["code"], "policy_unavailable");
        assert!(!refused.text().contains(CARD));
        assert_eq!(upstream.requests().len(), seen, "it left");
        // What holds nothing to keep goes on.
        assert_eq!(said(&ask(&gateway, &ada, "Hello.").await), "Hello.");
        let id = refused.header("x-request-id").unwrap().to_owned();
        let call = poll::until("the record", poll::SOON, async || {
            let path = format!("/api/v1/audit/calls/{id}");
            let call = Call::get(&path).key(ADMIN_KEY).send(gateway.admin()).await.json();
            call["end"]["completion"]["status"].is_u64().then_some(call)
        })
        .await;
        assert_eq!(call["end"]["completion"]["error"], "policy_unavailable", "{call}");
        assert!(!call.to_string().contains("8888"), "{call}");
        let metrics = Call::get("/metrics").key(ADMIN_KEY).send(gateway.admin()).await.text();
        assert!(metrics.contains("weir_pseudonyms_not_kept_total 1"), "{metrics}");

        drop(held);
        drop(vault);
        poll::until("the vault to be written again", poll::SOON, async || {
            (ask(&gateway, &ada, &format!("Card {CARD}.")).await.status == 200).then_some(())
        })
        .await;
        assert!(!gateway.log().contains("8888") && !gateway.log().contains("lovelace"));
    });
}

#[test]
fn a_rule_that_demands_a_vault_is_an_error_where_there_is_none() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).policy("modes.yaml", &rule("pseudonymise"));
        let gateway = Gateway::start(config).await;
        std::fs::write(gateway.dir().join("modes.yaml"), rule("{pseudonymise: {vault: required}}")).unwrap();
        for command in [&["check"][..], &["serve"]] {
            let (code, told) = gateway.try_run(command).await;
            assert_ne!(code, 0, "{told}");
            assert!(told.contains("modes.yaml:8:") && told.contains("pseudonyms: {vault: sqlite}"), "{told}");
        }
        // A set that can't be met doesn't replace the one that is.
        gateway.signal("HUP").await;
        let text = format!("I am {MAIL}.");
        assert_eq!(said(&ask(&gateway, &[], &text).await), text);
    });
}
