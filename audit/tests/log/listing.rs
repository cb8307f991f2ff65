//! Pages of calls: filters, order, paging, and reading while the writer runs.

use std::time::{Duration, SystemTime};

use tempfile::tempdir;
use weir_audit::read::{Filter, list};
use weir_audit::{Completion, Decision, Intent, Log, Options};

use crate::support::*;

fn sample(number: u16) -> (Intent, Completion) {
    let decision = if number.is_multiple_of(3) { Decision::Blocked } else { Decision::Allow };
    let tenant = if number.is_multiple_of(2) { "even" } else { "odd" };
    let intent = Intent { app: Some(format!("app-{}", number % 5).into()), ..intent(tenant) };
    let upstream = Some(format!("up-{}", number % 4).into());
    let answered_model = Some(format!("model-{}", number % 7).into());
    (intent, Completion { decision, upstream, answered_model, ..completion(number) })
}

/// Forty calls over several segments, with statuses 0 to 39.
fn sample_log(dir: &std::path::Path) -> Log {
    let options = Options { segment_bytes: 4096, min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir, options).unwrap();
    run(async {
        for (intent, completion) in (0..40).map(sample) {
            log.settled(intent, completion).await.unwrap();
        }
    });
    log
}

fn statuses(dir: &std::path::Path, filter: &Filter) -> Vec<u16> {
    let page = list(dir, filter).unwrap();
    page.calls.iter().map(|call| call.completion().unwrap().status).collect()
}

#[test]
fn each_filter_keeps_what_matches_newest_first() {
    let dir = tempdir().unwrap();
    let _log = sample_log(dir.path());
    let all = || (0..40).rev();
    let check = |name: &str, filter: Filter, keep: &dyn Fn(&u16) -> bool| {
        assert_eq!(statuses(dir.path(), &filter), all().filter(keep).collect::<Vec<_>>(), "{name}");
    };
    let text = |it: &str| Some(it.to_owned());
    check("none", Filter::default(), &|_| true);
    check("tenant", Filter { tenant: text("odd"), ..Filter::default() }, &|it| it % 2 == 1);
    check("app", Filter { app: text("app-3"), ..Filter::default() }, &|it| it % 5 == 3);
    check("answered", Filter { model: text("model-2"), ..Filter::default() }, &|it| it % 7 == 2);
    check("requested", Filter { model: text("small"), ..Filter::default() }, &|_| true);
    check("upstream", Filter { upstream: text("up-1"), ..Filter::default() }, &|it| it % 4 == 1);
    check("decision", Filter { decision: Some(Decision::Blocked), ..Filter::default() }, &|it| it % 3 == 0);
    check("nothing", Filter { tenant: text("nobody"), ..Filter::default() }, &|_| false);
    let both = Filter { tenant: text("even"), decision: Some(Decision::Blocked), ..Filter::default() };
    check("both", both, &|it| it % 6 == 0);
    check("limit", Filter { limit: 7, ..Filter::default() }, &|it| *it >= 33);
}

#[test]
fn time_bounds_are_from_and_before() {
    let dir = tempdir().unwrap();
    let _log = sample_log(dir.path());
    let times: Vec<SystemTime> = list(dir.path(), &Filter::default())
        .unwrap()
        .calls
        .iter()
        .rev()
        .map(|call| call.time().time())
        .collect();
    let since = Filter { since: Some(times[30]), ..Filter::default() };
    let expect = |keep: &dyn Fn(&SystemTime) -> bool| times.iter().filter(|it| keep(it)).count();
    assert_eq!(statuses(dir.path(), &since).len(), expect(&|it| *it >= times[30]));
    let until = Filter { until: Some(times[30]), ..Filter::default() };
    assert_eq!(statuses(dir.path(), &until).len(), expect(&|it| *it < times[30]));
    let future = Filter { since: Some(times[39] + Duration::from_secs(7200)), ..Filter::default() };
    assert!(statuses(dir.path(), &future).is_empty());
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    let dir = tempdir().unwrap();
    let log = sample_log(dir.path());
    for limit in [1, 7, 39, 40, 41] {
        let mut filter = Filter { limit, ..Filter::default() };
        let mut seen = Vec::new();
        loop {
            let page = list(dir.path(), &filter).unwrap();
            seen.extend(page.calls.iter().filter_map(|call| call.completion()).map(|it| it.status));
            // A call that comes in meanwhile does not move the pages.
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        assert_eq!(seen, (0..40).rev().collect::<Vec<_>>(), "limit {limit}");
    }
    run(log.settled(intent("late"), completion(99))).unwrap();
    assert_eq!(statuses(dir.path(), &Filter { limit: 1, ..Filter::default() }), [99]);
}

#[test]
fn calls_are_seen_in_every_state_while_the_writer_runs() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    run(async {
        let running = log.intent(intent("acme")).await.unwrap();
        drop(log.intent(intent("acme")).await.unwrap());
        log.settled(intent("acme"), completion(200)).await.unwrap();
        let page = list(dir.path(), &Filter::default()).unwrap();
        let states: Vec<_> = page.calls.iter().map(|call| call.state()).collect();
        assert_eq!(states, ["completed", "abandoned", "open"]);
        let json = serde_json::to_value(&page.calls[2]).unwrap();
        assert_eq!((json["state"].as_str(), json["end"].is_null()), (Some("open"), true));
        running.complete(completion(200));
    });
}

#[test]
fn a_reader_beside_a_busy_writer_never_fails_and_never_goes_back() {
    let dir = tempdir().unwrap();
    let options = Options { segment_bytes: 8192, min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    let path = dir.path().to_owned();
    let reader = std::thread::spawn(move || {
        let mut seen = 0;
        while seen < 400 {
            let count = weir_audit::read::iterate(&path).unwrap().map(Result::unwrap).count();
            assert!(count >= seen, "{count} after {seen}");
            seen = count;
            list(&path, &Filter { limit: 5, ..Filter::default() }).unwrap();
        }
    });
    run(async {
        for _ in 0..200 {
            log.settled(intent("acme"), completion(200)).await.unwrap();
        }
        log.close().await.unwrap();
    });
    reader.join().unwrap();
}
