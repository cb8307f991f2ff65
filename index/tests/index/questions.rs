//! Every filter, page and sum against a plain reading of the log.

use proptest::prelude::*;
use tempfile::tempdir;
use uuid::Uuid;
use weir_audit::read::{self, Filter};
use weir_audit::{Log, PicoUsd};
use weir_index::{
    CallRow, CallState, Cursor, EventQuery, IndexError, MAX_IDS, Micros, Page, Pico, Query, Scope,
    SqliteIndex,
};

use crate::support::*;

fn sample() -> impl Strategy<Value = Sample> {
    let small = (0..11_u8, 0..4_u8, 0..4_u8, 0..3_u8, 0..4_u8, 0..5_u8);
    (small, 0..9_i64, 0..5_u8).prop_map(|((who, model, answered, upstream, decision, rule), cost, ending)| {
        Sample { who, model, answered, upstream, decision, rule, cost: cost * 1_000_000, ending }
    })
}

/// A question with about `set` of its parts set, by numbers that name existing and missing values.
pub fn query() -> impl Strategy<Value = Query> {
    fn maybe<T: std::fmt::Debug + Clone + 'static>(
        it: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<Option<T>> {
        prop_oneof![4 => Just(None), 1 => it.prop_map(Some)].boxed()
    }
    let word = |name: &'static str, most: u8| maybe((0..most).prop_map(move |it| format!("{name}-{it}")));
    let tenant = || prop_oneof![Just("acme"), Just("globex"), Just("nobody")].prop_map(str::to_owned);
    let scope =
        prop_oneof![6 => Just(Scope::All), 2 => tenant().prop_map(Scope::Tenant), 1 => Just(Scope::None)];
    let time = || maybe((0..300_i64).prop_map(|it| Micros(START as i64 + it * 1000)));
    let cost = || maybe((0..9_i64).prop_map(|it| Pico(it * 1_000_000)));
    let states = [CallState::Open, CallState::Completed, CallState::Abandoned];
    let names = (word("app", 3), word("key", 5), word("subject", 11), word("model", 5), word("upstream", 4));
    let hits = (
        word("rule", 5),
        maybe((0..4_u8).prop_map(|it| format!("LABEL_{it}"))),
        maybe(Just("pending".to_owned())),
    );
    let ends = (
        maybe((0..4_usize).prop_map(|it| DECISIONS[it])),
        maybe((0..3_usize).prop_map(move |it| states[it])),
        maybe(prop_oneof![Just(200_u16), Just(400), Just(503)]),
    );
    let limits = ((time(), time()), maybe(tenant()), (cost(), cost()));
    (scope, names, hits, ends, limits).prop_map(
        |(scope, names, hits, ends, ((since, until), tenant, (min_cost, max_cost)))| {
            let ((app, caller, subject_ref, model, upstream), (rule, label, review)) = (names, hits);
            let (decision, state, status) = ends;
            let named =
                Query { app, caller, subject_ref, model, upstream, rule, label, review, ..Query::default() };
            Query { scope, decision, state, status, since, until, tenant, min_cost, max_cost, ..named }
        },
    )
}

/// All pages of a question, and that no page is longer than asked for.
pub fn pages(mut ask: impl FnMut(&Query) -> Page<CallRow>, query: &Query, limit: usize) -> Vec<Uuid> {
    let mut query = Query { limit, ..query.clone() };
    let mut found = Vec::new();
    loop {
        let page = ask(&query);
        assert!(page.rows.len() <= limit);
        found.extend(page.rows.iter().map(|it| it.announced.record_id));
        let Some(next) = page.next else { return found };
        assert_eq!(page.rows.len(), limit);
        // As a caller would: written out and read again.
        query.after = Some(next.to_string().parse::<Cursor>().unwrap());
    }
}

fn same_as_the_log(dir: &std::path::Path, index: &SqliteIndex, query: &Query) {
    let calls = plain(dir);
    let expect: Vec<Uuid> = calls.iter().filter(|it| matches(query, it)).map(read::Call::id).collect();
    for limit in [2, 7, 1000] {
        assert_eq!(pages(|it| index.calls(it).unwrap(), query, limit), expect, "{query:?} by {limit}");
    }
    let totals = index.totals(query).unwrap().all();
    let matching: Vec<_> = calls.iter().filter(|it| matches(query, it)).collect();
    let costs = matching.iter().filter_map(|it| it.completion()?.cost.as_ref()).map(|it| it.total.0);
    assert_eq!((totals.calls, totals.cost), (expect.len() as u64, PicoUsd(costs.sum())), "{query:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_answer_is_that_of_a_plain_reading(
        samples in prop::collection::vec(sample(), 1..60),
        queries in prop::collection::vec(query(), 30),
    ) {
        let dir = tempdir().unwrap();
        let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
        let open = run(write(&log, &samples));
        let (_, index) = indexed(dir.path());
        for query in &queries {
            same_as_the_log(dir.path(), &index, query);
        }
        drop(open);
    }
}

#[test]
fn the_existing_listing_of_the_log_agrees() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(150)));
    let (_, index) = indexed(dir.path());
    let text = |it: &str| Some(it.to_owned());
    let filters = [
        Filter::default(),
        Filter { tenant: text("acme"), ..Filter::default() },
        Filter { app: text("app-1"), model: text("model-2"), ..Filter::default() },
        Filter { upstream: text("upstream-1"), decision: Some(DECISIONS[3]), ..Filter::default() },
    ];
    for filter in filters {
        let listed = read::list(dir.path(), &Filter { limit: 1000, ..filter.clone() }).unwrap();
        let Filter { tenant, app, model, upstream, decision, .. } = filter;
        let query = Query { tenant, app, model, upstream, decision, ..everything() };
        assert!(!listed.calls.is_empty());
        assert_eq!(pages(|it| index.calls(it).unwrap(), &query, 10), ids(&listed.calls));
    }
}

#[test]
fn ids_are_looked_up_within_the_scope_only() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(30)));
    let (_, index) = indexed(dir.path());
    let all = ids(&plain(dir.path()));
    for tenant in TENANTS {
        let query = Query { scope: Scope::Tenant(tenant.into()), ids: Some(all.clone()), ..Query::default() };
        let found = index.calls(&query).unwrap().rows;
        assert!(!found.is_empty() && found.iter().all(|it| it.announced.tenant == tenant));
    }
    let none = Query { ids: Some(vec![]), ..everything() };
    assert_eq!(index.calls(&none).unwrap().rows, []);
    let many = Query { ids: Some(vec![Uuid::nil(); MAX_IDS + 1]), ..everything() };
    assert!(matches!(index.calls(&many), Err(IndexError::TooManyIds { .. })));
    let nobody = index.calls(&Query::default()).unwrap();
    assert_eq!((nobody.rows.len(), index.events(&EventQuery::default()).unwrap().rows.len()), (0, 0));
}

#[test]
fn a_sum_may_be_more_than_sixty_four_bits_hold() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let dear = Sample { cost: i64::MAX - 1, ..Sample::default() };
    let _open = run(write(&log, &[dear; 5]));
    let (_, index) = indexed(dir.path());
    let totals = index.totals(&everything()).unwrap().all();
    assert_eq!(totals.cost, PicoUsd(i128::from(i64::MAX - 1) * 5));
    assert_eq!((totals.calls, totals.priced, totals.input_tokens), (6, 5, 50));
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(2000)));
    let (_, index) = indexed(dir.path());
    assert!(index.totals(&everything()).is_ok());
    let hurried = SqliteIndex::new(&dir.path().join("index.sqlite"), std::time::Duration::ZERO);
    assert!(matches!(hurried.totals(&everything()), Err(IndexError::Late { .. })));
}

#[test]
fn a_row_is_spelled_for_readers_and_hides_itself_from_debug() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let sample = Sample { who: 7, cost: 3, rule: 2, ..Sample::default() };
    let _open = run(write(&log, &[sample]));
    let (_, index) = indexed(dir.path());
    let rows = index.calls(&everything()).unwrap().rows;
    let row = rows.last().unwrap();
    let json = serde_json::to_value(row).unwrap();
    assert_eq!(json["cost_pico"], "3");
    assert_eq!(json["time_us"], row.announced.time_us.stamp().to_string());
    assert_eq!(json["hits"][0]["rule"], "rule-2");
    assert_eq!(json["subject_ref"], "subject-7");
    assert!(!format!("{row:?}").contains("subject-7"));
}
