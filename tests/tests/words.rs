//! People and places in requests: who reads them as the policy says, and what becomes of a request that takes too
//! long to read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code: a scenario reads best in one piece"
)]

use weir_tests::openai;
use weir_tests::{Call, Config, Gateway, Upstream, poll, scenario};

fn policy(tagger: &str) -> String {
    format!(
        "weir: v1\npolicy: people\nowner: tests\ntagger: {tagger}\n\
         rules: [{{id: names, on: [request, reply], find: [person, location], then: pseudonymise}}]\n"
    )
}

const LETTER: &str =
    "Please write a friendly letter to Mrs Margaret Thompson in Birmingham about the broken heater.";

#[test]
fn people_do_not_leave_whoever_reads_and_come_back() {
    scenario(async {
        for tagger in ["fast", "unsure", "accurate"] {
            let upstream = Upstream::start(openai::echo).await;
            let config = Config::with(&upstream).policy("people.yaml", &policy(tagger));
            let gateway = Gateway::start(config).await;
            // The model is made ready at the first of several calls at once.
            let letter = openai::chat(LETTER);
            let calls = (0..4).map(|_| gateway.chat(&letter));
            for answer in futures::future::join_all(calls).await {
                assert_eq!(answer.status, 200, "{tagger} {}", answer.text());
                assert_eq!(answer.json()["choices"][0]["message"]["content"], LETTER, "{tagger}");
            }
            for sent in upstream.requests() {
                let sent = openai::asked(&sent);
                assert!(!sent.contains("Thompson") && !sent.contains("Birmingham"), "{tagger} {sent}");
                assert!(sent.contains("broken heater"), "{tagger} {sent}");
            }
        }
    });
}

#[test]
fn a_request_that_takes_too_long_to_read_is_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).policy("people.yaml", &policy("accurate"));
        let config = config.yaml("limits: {inspection: 50ms}\n");
        let gateway = Gateway::start(config).await;
        let long = LETTER.repeat(200);
        let answer = gateway.chat(&openai::chat(&long)).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "policy_unavailable");
        assert!(upstream.requests().is_empty());
        let id = answer.header("x-request-id").unwrap();
        poll::until("the record to say why", poll::SOON, async || {
            let record = gateway.run(&["audit", "show", id, "--json"]).await;
            record.contains("policy_unavailable").then_some(())
        })
        .await;
    });
}

#[test]
fn others_are_served_while_long_requests_are_read() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).policy("people.yaml", &policy("accurate"));
        let gateway = Gateway::start(config).await;
        let long = openai::chat(&LETTER.repeat(100));
        // More at once than there are workers, each some seconds of work.
        let reading = futures::future::join_all((0..4).map(|_| gateway.chat(&long)));
        tokio::pin!(reading);
        let mut served = 0;
        let answers = loop {
            let other = Call::get("/v1/models").key(gateway.key());
            tokio::select! {
                biased;
                answers = &mut reading => break answers,
                models = other.send(gateway.traffic()) => served += u32::from(models.status == 200),
            }
        };
        assert!(answers.iter().all(|answer| answer.status == 200));
        // A worker that reads serves nobody: there would be a handful.
        assert!(served >= 40, "{served}");
    });
}
