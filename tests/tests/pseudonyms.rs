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
        let mut gateway = Gateway::start(config).await;
        let tells =
            |told: &str| told.contains("modes.yaml:8:") && told.contains("pseudonyms: {vault: sqlite}");
        std::fs::write(gateway.dir().join("modes.yaml"), rule("{pseudonymise: {vault: required}}")).unwrap();
        poll::until("the set to be refused", poll::SOON, async || tells(&gateway.log()).then_some(())).await;
        // A set that can't be met doesn't replace the one that is.
        let text = format!("I am {MAIL}.");
        assert_eq!(said(&ask(&gateway, &[], &text).await), text);
        gateway.signal("TERM").await;
        gateway.ended().await;
        for command in [&["check"][..], &["serve"]] {
            let (code, told) = gateway.try_run(command).await;
            assert!(code != 0 && tells(&told), "{code}: {told}");
        }
    });
}

/// Answers `/v1/responses` with the given id and text, streamed or not as the request wants.
fn responds(seen: &weir_tests::Seen, id: &str, text: &str) -> Script {
    let object = |status: &str, output: Value| {
        json!({"id": id, "object": "response", "created_at": 1_700_000_000, "model": "scripted", "status": status,
            "output": output, "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}})
    };
    let item = |text: &str| {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    if seen.json()["stream"] != json!(true) {
        return Script::json(200, &object("completed", json!([item(text)])));
    }
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
    let event = |number: usize, sort: &str, more: Value| {
        let mut event = json!({"type": sort, "sequence_number": number});
        let members = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(members);
        format!("event: {sort}\ndata: {event}\n\n")
    };
    let with = |key: &str, value: Value| {
        let mut place = place.clone();
        place[key] = value;
        place
    };
    let mut events = vec![
        event(0, "response.created", json!({"response": object("in_progress", json!([]))})),
        event(
            1,
            "response.output_item.added",
            json!({"output_index": 0, "item": {"id": "msg_1", "type": "message",
            "role": "assistant", "status": "in_progress", "content": []}}),
        ),
        event(
            2,
            "response.content_part.added",
            with("part", json!({"type": "output_text", "text": "", "annotations": []})),
        ),
    ];
    for piece in openai::pieces(text, &[3, 7, 11]) {
        events.push(event(events.len(), "response.output_text.delta", with("delta", json!(piece))));
    }
    let count = events.len();
    events.push(event(count, "response.output_text.done", with("text", json!(text))));
    events.push(event(
        count + 1,
        "response.content_part.done",
        with("part", json!({"type": "output_text", "text": text, "annotations": []})),
    ));
    events.push(event(
        count + 2,
        "response.output_item.done",
        json!({"output_index": 0, "item": item(text)}),
    ));
    events.push(event(
        count + 3,
        "response.completed",
        json!({"response": object("completed", json!([item(text)]))}),
    ));
    Script::cut(&events.concat(), &[])
}

/// What a reply of `/v1/responses` says, whichever way it came.
fn responded(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        let events = openai::Events::of(answer);
        let deltas = events.values.iter().filter(|event| event["type"] == "response.output_text.delta");
        return deltas.filter_map(|event| event["delta"].as_str()).collect();
    }
    answer.json()["output"][0]["content"][0]["text"].as_str().unwrap().to_owned()
}

/// The upstream holds the conversation: a request says only which reply, or which conversation, it goes on from.
#[test]
fn a_conversation_that_the_upstream_holds_gets_its_own_values_back_and_nobody_elses() {
    scenario(async {
        // Names the id of the next reply, and what it says; without, it says what was asked.
        let next: Arc<Mutex<(String, Option<String>)>> = Arc::default();
        let shared = next.clone();
        let upstream = Upstream::start(move |seen| {
            let (id, says) = shared.lock().unwrap().clone();
            let asked = seen.json()["input"].as_str().unwrap_or_default().to_owned();
            responds(seen, &id, &says.unwrap_or(asked))
        })
        .await;
        let config = Config::with(&upstream)
            .policy("personal.yaml", policy::PERSONAL)
            .yaml("pseudonyms: {vault: sqlite}");
        let mut gateway = Gateway::start(config).await;
        let key = gateway.key().to_owned();
        let beside = gateway.another_key(&["--tenant", "demo", "--app", "demo"]).await;
        let stranger = gateway.another_key(&["--tenant", "other", "--app", "demo"]).await;
        let respond = async |gateway: &Gateway, (key, subject): (&str, &str), id: &str, body: Value| {
            next.lock().unwrap().0 = id.to_owned();
            let call = Call::post("/v1/responses", &body).key(key);
            let call = if subject.is_empty() { call } else { call.header("x-weir-subject", subject) };
            responded(&call.send(gateway.traffic()).await)
        };
        let body = |input: &str, stream: bool, (origin, id): (&str, &str)| json!({"model": "scripted", "input": input, "stream": stream, origin: id});
        let none = ("user", "u");
        let sent = |at: usize| upstream.requests()[at].json()["input"].as_str().unwrap().to_owned();
        for (turn, stream) in [false, true].into_iter().enumerate() {
            let id = |name: &str| format!("resp_{name}{turn}");
            let (first, second, third) = (id("a"), id("b"), id("c"));
            let at = upstream.requests().len();
            let mine = (key.as_str(), "");
            // Two turns: each puts in a value, the second goes on from the first.
            respond(&gateway, mine, &first, body(MAIL, stream, none)).await;
            let says =
                respond(&gateway, mine, &second, body(CARD, stream, ("previous_response_id", &first))).await;
            assert_eq!(says, CARD);
            let (mail, card) = (sent(at), sent(at + 1));
            assert!(!mail.contains(MAIL) && !card.contains(CARD), "{mail} {card}");
            let (told, own) = (format!("{mail} and {card}"), format!("{MAIL} and {CARD}"));
            next.lock().unwrap().1 = Some(told.clone());
            // Right away: what was tied must not be missed because it is on its way to the disk.
            let on_second = body("Who am I?", stream, ("previous_response_id", &second));
            assert_eq!(respond(&gateway, mine, &third, on_second.clone()).await, own);
            gateway.signal("KILL").await;
            gateway.ended().await;
            gateway.restart().await;
            // Of the whole chain, also by a reply whose own request held no value.
            for origin in [&second, &third] {
                let on = body("Who am I?", stream, ("previous_response_id", origin));
                assert_eq!(respond(&gateway, mine, &id("d"), on).await, own, "{origin}");
            }
            let on_first = body("Who am I?", stream, ("previous_response_id", &first));
            assert_eq!(respond(&gateway, mine, &id("e"), on_first).await, format!("{MAIL} and {card}"));
            // Whoever else names the id gets nothing: another key, another subject, another tenant.
            for who in
                [(beside.as_str(), ""), (stranger.as_str(), ""), (key.as_str(), "ada"), (&beside, "ada")]
            {
                assert_eq!(respond(&gateway, who, &id("f"), on_second.clone()).await, told);
            }
            // And what it says of itself goes on from nothing of ours.
            let on = body("Who am I?", stream, ("previous_response_id", &id("f")));
            assert_eq!(respond(&gateway, mine, &id("g"), on).await, told);
            next.lock().unwrap().1 = None;
        }
        // By the conversation's id, for a subject: any of the tenant's keys may state it.
        let (bob, conversation) = ((key.as_str(), "bob"), ("conversation", "conv_1"));
        let at = upstream.requests().len();
        respond(&gateway, bob, "resp_h", body(MAIL, false, conversation)).await;
        let told = sent(at);
        next.lock().unwrap().1 = Some(told.clone());
        let nobody = (key.as_str(), "");
        assert_eq!(respond(&gateway, bob, "resp_i", body("Who?", true, conversation)).await, MAIL);
        let object = json!({"model": "scripted", "input": "Who?", "conversation": {"id": "conv_1"}});
        assert_eq!(respond(&gateway, (&beside, "bob"), "resp_j", object).await, MAIL);
        for who in [nobody, (key.as_str(), "ada"), (stranger.as_str(), "bob")] {
            assert_eq!(respond(&gateway, who, "resp_k", body("Who?", false, conversation)).await, told);
        }
        // Without a subject, by the key.
        let mine = ("conversation", "conv_2");
        next.lock().unwrap().1 = None;
        let at = upstream.requests().len();
        respond(&gateway, nobody, "resp_l", body(CARD, true, mine)).await;
        let told = sent(at);
        next.lock().unwrap().1 = Some(told.clone());
        assert_eq!(respond(&gateway, nobody, "resp_m", body("Which?", false, mine)).await, CARD);
        assert_eq!(respond(&gateway, (&beside, ""), "resp_n", body("Which?", false, mine)).await, told);

        // An erasure takes them along.
        let about = json!({"tenant": "demo", "subject": "bob", "reason": "asked to be erased"});
        let erased = post(&gateway, ADMIN_KEY, ("/api/v1/audit/erasures", about)).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        assert_eq!(respond(&gateway, bob, "resp_o", body("Who?", false, conversation)).await, told);
    });
}
