//! One vault of pseudonyms in PostgreSQL for two gateways: values, erasures and outages as both see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

#[path = "../../index/tests/support/cluster.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod cluster;

use std::sync::{Arc, Mutex};

use cluster::Cluster;
use serde_json::{Value, json};
use weir_tests::gateway::ADMIN_KEY;
use weir_tests::openai;
use weir_tests::{Answer, Call, Config, Gateway, Script, Upstream, poll, scenario};

const MAIL: &str = "ada.lovelace@example.com";
const CARD: &str = "4012 8888 8888 1881";
const ADA: (&str, &str) = ("x-weir-subject", "ada");

fn policy(then: &str) -> String {
    format!(
        "weir: v1\npolicy: modes\nowner: tests\nrules:\n  - id: modes\n    on: request\n    \
         find: [email_address, credit_card]\n    then: {then}\n"
    )
}

/// What the upstream says: what it was asked, unless it is told otherwise.
type Says = Arc<Mutex<Option<String>>>;

async fn upstream(says: &Says) -> Upstream {
    let says = says.clone();
    Upstream::start(move |seen| match says.lock().unwrap().clone() {
        Some(text) => Script::json(200, &openai::says(&text)),
        None => openai::echo(seen),
    })
    .await
}

/// Two gateways with one secret and one vault; values and keys stand in databases of their own.
async fn pair(upstream: &Upstream, cluster: &Cluster, then: &str) -> (Gateway, Gateway) {
    cluster.attempt("CREATE DATABASE keys").unwrap_or_default();
    let keys = cluster.url().replace("/postgres", "/keys");
    let config = || {
        Config::with(upstream)
            .policy("modes.yaml", &policy(then))
            .file("values.url", &cluster.url())
            .file("keys.url", &keys)
            .yaml("pseudonyms: {vault: {postgres: {file: values.url}, keys: {file: keys.url}}}")
    };
    let one = Gateway::start(config()).await;
    let mut two = Gateway::start(config()).await;
    two.signal("TERM").await;
    two.ended().await;
    std::fs::copy(one.dir().join("data/pseudonym.key"), two.dir().join("data/pseudonym.key")).unwrap();
    two.restart().await;
    (one, two)
}

async fn ask(gateway: &Gateway, headers: &[(&str, &str)], text: &str) -> Answer {
    let call = Call::post("/v1/chat/completions", &openai::chat(text)).key(gateway.key());
    let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
    call.send(gateway.traffic()).await
}

async fn said(gateway: &Gateway, headers: &[(&str, &str)], text: &str) -> String {
    let answer = ask(gateway, headers, text).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// Waits until a gateway's reply reads so: what another node writes is there a moment later.
async fn reads(gateway: &Gateway, headers: &[(&str, &str)], expect: &str) {
    poll::until("the reply to be restored", poll::SOON, async || {
        (said(gateway, headers, "Who am I?").await == expect).then_some(())
    })
    .await;
}

async fn post(gateway: &Gateway, path: &str, body: Value) -> Answer {
    Call::post(path, &body).key(ADMIN_KEY).send(gateway.admin()).await
}

#[test]
fn what_one_node_keeps_another_restores_until_either_erases_it() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    scenario(async {
        let says = Says::default();
        let upstream = upstream(&says).await;
        let (one, two) = pair(&upstream, &cluster, "pseudonymise").await;
        assert_eq!(said(&one, &[ADA], &format!("I am {MAIL}.")).await, format!("I am {MAIL}."));
        let token =
            openai::asked(&upstream.requests()[0]).replace("I am ", "").trim_end_matches('.').to_owned();
        let there = ("x-weir-conversation", "c-17");
        said(&one, &[there], CARD).await;
        let card = openai::asked(&upstream.requests()[1]);
        *says.lock().unwrap() = Some(format!("You are {token}, {card}!"));
        let (own, other) = (format!("You are {MAIL}, {card}!"), format!("You are {token}, {card}!"));
        for node in [&two, &one] {
            reads(node, &[ADA], &own).await;
            reads(node, &[there], &format!("You are {token}, {CARD}!")).await;
            for headers in [&[("x-weir-subject", "bob")][..], &[("x-weir-subject", "bob"), there], &[]] {
                assert_eq!(said(node, headers, "Who am I?").await, other, "{headers:?}");
            }
        }
        let reviewer = two.another_key(&["--role", "reviewer"]).await;
        let reveal = async || {
            let body = json!({"tenant": "demo", "pseudonym": token, "reason": "complaint 4711"});
            Call::post("/api/v1/pseudonyms/reveal", &body).key(&reviewer).send(two.admin()).await.json()
        };
        assert_eq!(reveal().await["values"], json!([MAIL]));
        // Nothing in either database says who or what.
        let whole = cluster.ask("SELECT string_agg(p::text, '') FROM weir_vault.pseudonym p");
        let hex: String = MAIL.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!whole.is_empty() && !whole.contains(&hex) && !whole.contains(MAIL), "{whole}");
        assert_eq!(
            cluster.ask("SELECT to_regclass('weir_keys.subject_key') IS NULL"),
            "t",
            "keys are elsewhere"
        );

        // Erased where the values were only read: at once they are nobody's, on the other node too.
        let about = json!({"tenant": "demo", "subject": "ada", "reason": "asked to be erased"});
        let erased = post(&two, "/api/v1/audit/erasures", about).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        for node in [&one, &two] {
            assert_eq!(said(node, &[ADA], "Who am I?").await, other);
            assert_eq!(said(node, &[there], "Who am I?").await, format!("You are {token}, {CARD}!"));
        }
        assert_eq!(reveal().await, json!({"state": "erased", "values": []}));
        let left = "SELECT count(*) FROM weir_vault.pseudonym WHERE sealed IS NOT NULL";
        assert_eq!(cluster.ask(left), "1");
        // She may call again, and is known from then on.
        *says.lock().unwrap() = None;
        poll::until("a new key", poll::SOON, async || {
            said(&one, &[ADA], MAIL).await;
            (cluster.ask(left) == "2").then_some(())
        })
        .await;
        *says.lock().unwrap() = Some(format!("You are {token}, {card}!"));
        reads(&two, &[ADA], &own).await;
        for node in [&one, &two] {
            let log = node.log();
            assert!(!log.contains("lovelace") && !log.contains("8888"), "{log}");
        }
    });
}

#[test]
fn an_outage_of_the_database_stops_no_call_but_those_that_must_be_kept() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    scenario(async {
        for (then, status) in [("pseudonymise", 200), ("{pseudonymise: {vault: required}}", 503)] {
            let says = Says::default();
            let upstream = upstream(&says).await;
            let (one, mut two) = pair(&upstream, &cluster, then).await;
            poll::until("the vault", poll::SOON, async || {
                (ask(&one, &[ADA], MAIL).await.status == 200).then_some(())
            })
            .await;
            let token = openai::asked(&upstream.requests()[0]);
            *says.lock().unwrap() = Some(token.clone());
            reads(&two, &[ADA], MAIL).await;
            cluster.crash();
            *says.lock().unwrap() = None;
            let seen = upstream.requests().len();
            let answer = ask(&one, &[ADA], CARD).await;
            assert_eq!(answer.status, status, "{}", answer.text());
            assert_eq!(upstream.requests().len() - seen, usize::from(status == 200));
            assert_eq!(said(&one, &[ADA], "Hello.").await, "Hello.");
            poll::until("the loss to be counted", poll::SOON, async || {
                ask(&one, &[ADA], CARD).await;
                let metrics = Call::get("/metrics").send(one.admin()).await.text();
                let counted = |name: &str| metrics.lines().any(|line| line.starts_with(name));
                (counted("weir_pseudonyms_not_kept_total") && counted("weir_pseudonyms_not_recalled_total"))
                    .then_some(())
            })
            .await;
            // An erasure that can't be done says so.
            let about = json!({"tenant": "demo", "subject": "ada", "reason": "asked to be erased"});
            assert!(post(&two, "/api/v1/audit/erasures", about).await.status >= 500);
            cluster.resume();
            *says.lock().unwrap() = Some(token.clone());
            reads(&one, &[ADA], MAIL).await;
            // It is finished at the next start, by what is on disk and in the database alone.
            two.signal("KILL").await;
            two.ended().await;
            two.restart().await;
            poll::until("the erasure to be finished", poll::SOON, async || {
                (said(&one, &[ADA], "Who am I?").await == token).then_some(())
            })
            .await;
            *says.lock().unwrap() = None;
            let bob = ("x-weir-subject", "bob");
            poll::until("the vault to be written again", poll::SOON, async || {
                let answer = ask(&one, &[bob], CARD).await;
                let kept = cluster.ask("SELECT count(*) FROM weir_vault.pseudonym WHERE sealed IS NOT NULL");
                (answer.status == 200 && kept != "0").then_some(())
            })
            .await;
            cluster.ask("DELETE FROM weir_vault.pseudonym");
        }
    });
}

#[test]
fn a_node_with_another_secret_reads_nothing() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    scenario(async {
        let says = Says::default();
        let upstream = upstream(&says).await;
        let (one, _two) = pair(&upstream, &cluster, "{pseudonymise: {vault: required}}").await;
        poll::until("the vault", poll::SOON, async || {
            (ask(&one, &[ADA], MAIL).await.status == 200).then_some(())
        })
        .await;
        let token = openai::asked(upstream.requests().last().unwrap());
        *says.lock().unwrap() = Some(token.clone());
        let keys = cluster.url().replace("/postgres", "/keys");
        let config = Config::with(&upstream)
            .policy("modes.yaml", &policy("pseudonymise"))
            .file("values.url", &cluster.url())
            .file("keys.url", &keys)
            .yaml("pseudonyms: {vault: {postgres: {file: values.url}, keys: {file: keys.url}}}");
        let stranger = Gateway::start(config).await;
        reads(&one, &[ADA], MAIL).await;
        assert_eq!(said(&stranger, &[ADA], "Who am I?").await, token);
    });
}
