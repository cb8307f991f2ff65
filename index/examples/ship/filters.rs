//! How long questions take over many rows, made by the database itself.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use weir_audit::Decision;
use weir_index::{
    CallPage, CallState, IndexError, Micros, Pico, PostgresIndex, PostgresSettings, PostgresStore, Query,
    Scope, SqliteIndex, SqliteStore, Store,
};

/// 2026-01-01T00:00:00Z, and a row every second and a half: ten million rows are about six months.
const START: i64 = 1_767_225_600_000_000;
const STEP: i64 = 1_500_000;
const QUESTIONS: usize = 300;
/// What every target asks for.
const LIMIT: Duration = Duration::from_millis(300);

/// The columns and how each is made of the row's number `n`; `ID`, `SOURCE` and `HASH` are the database's own ways to
/// make a value.
const COLUMNS: [(&str, &str); 25] = [
    ("time_us", "TIME"),
    ("record_id", "ID"),
    ("tenant", TENANT),
    ("app", "'app-' || (n % 53)"),
    ("key_id", "'key-' || (n % 509)"),
    ("subject_ref", "CASE WHEN n % 4 <> 0 THEN 'subject-' || (n * 7919 % 200003) END"),
    ("conversation", "'conversation-' || (n / 7)"),
    ("endpoint", "'chat'"),
    ("requested_model", "MODEL"),
    ("policy_set", "'3a7bd3e2360a3d29eea436fcfb7e44c7'"),
    ("stream", "n % 2"),
    ("request_bytes", "2000 + n % 1000"),
    ("source", "SOURCE"),
    ("lane", "0"),
    ("node_id", "'node-1'"),
    ("boot_id", "SOURCE"),
    ("intent_seq", "n * 2 + 1"),
    ("intent_hash", "HASH"),
    ("shed", "0"),
    ("state", "CASE WHEN n % 9973 = 0 THEN 'open' WHEN n % 1009 = 0 THEN 'abandoned' ELSE 'completed' END"),
    (
        "decision",
        "CASE WHEN n % 97 = 0 THEN 'blocked' WHEN n % 53 = 0 THEN 'flagged' WHEN n % 13 = 0 THEN 'transformed' ELSE 'allow' END",
    ),
    ("status", "CASE WHEN n % 97 = 0 THEN 400 WHEN n % 401 = 0 THEN 502 ELSE 200 END"),
    ("upstream", "'upstream-' || (n % 5)"),
    ("cost_pico", "n * 7907 % 1000003 * 1000000"),
    ("review", "CASE WHEN n % 53 = 0 AND n % 97 <> 0 THEN 'pending' END"),
];

/// Twenty tenants, the first with a third of all calls.
const TENANT: &str = "'tenant-' || (CASE WHEN n % 3 = 0 THEN 0 ELSE n % 20 END)";
/// One model in a thousand calls is a rare one.
const MODEL: &str = "'model-' || (CASE WHEN n % 1000 = 0 THEN 12 + n / 1000 % 7 ELSE n % 12 END)";

struct Words<'a> {
    id: &'a str,
    source: &'a str,
    hash: &'a str,
    numbers: &'a dyn Fn(i64, i64) -> String,
    schema: &'a str,
}

impl Words<'_> {
    /// The statements that add the rows from one number to another.
    fn rows(&self, from: i64, to: i64) -> String {
        let time = format!("{START} + n * {STEP}");
        let fill = |text: &str| {
            let text = text.replace("TIME", &time).replace("ID", self.id).replace("MODEL", MODEL);
            text.replace("SOURCE", self.source).replace("HASH", self.hash)
        };
        let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let values: Vec<_> = COLUMNS.iter().map(|(_, value)| fill(value)).collect();
        let (schema, numbers) = (self.schema, (self.numbers)(from, to));
        let term = |kind: &str, value: &str, which: &str| {
            let value = fill(value);
            let row = format!("'{kind}', {value}, {time}, {}, {TENANT}", self.id);
            format!(
                "INSERT INTO {schema}terms (kind, value, time_us, record_id, tenant) SELECT {row} FROM {numbers} WHERE {which};\n"
            )
        };
        let calls = format!(
            "INSERT INTO {schema}calls ({}) SELECT {} FROM {numbers};\n",
            names.join(", "),
            values.join(", ")
        );
        [
            calls,
            term("model", "MODEL", "n >= 0"),
            term("rule", "'rule-' || (n / 10 % 31)", "n % 10 = 0"),
            term("label", "'LABEL_' || (n / 10 % 13)", "n % 10 = 0"),
        ]
        .concat()
    }
}

pub fn sqlite(rows: i64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index.sqlite");
    drop(SqliteStore::open(&path).unwrap());
    let edit = rusqlite::Connection::open(&path).unwrap();
    edit.execute_batch("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -500000")
        .unwrap();
    let indexes: Vec<(String, String)> = edit
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'calls'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    indexes.iter().for_each(|(name, _)| edit.execute_batch(&format!("DROP INDEX {name}")).unwrap());
    let numbers = |from: i64, to: i64| {
        format!(
            "(WITH RECURSIVE c(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM c WHERE n + 1 < {to}) SELECT n FROM c)"
        )
    };
    let id = "unhex(printf('%012x7000800000000000%04x', n, n % 65536))";
    let words = Words { id, source: "zeroblob(16)", hash: "zeroblob(32)", numbers: &numbers, schema: "" };
    let started = Instant::now();
    load(rows, |from, to| edit.execute_batch(&format!("BEGIN; {} COMMIT", words.rows(from, to))).unwrap());
    indexes.iter().for_each(|(_, sql)| edit.execute_batch(sql).unwrap());
    edit.execute_batch("PRAGMA journal_mode = wal").unwrap();
    drop(edit);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("sqlite: {rows} rows made in {:.0} s, {} MB", started.elapsed().as_secs_f64(), bytes >> 20);
    let index = SqliteIndex::new(&path, Duration::from_secs(60));
    ask("sqlite", rows, |query| index.calls(query));
    let started = Instant::now();
    println!(
        "sqlite: sums over {} calls took {:?}",
        index.totals(&all()).unwrap().all().calls,
        started.elapsed()
    );
}

pub fn postgres(rows: i64) {
    let Some(cluster) = crate::server() else { return };
    let settings =
        PostgresSettings { patience: Duration::from_secs(60), ..PostgresSettings::new(cluster.url()) };
    let lane = weir_index::LaneId::new(uuid::Uuid::nil(), 0);
    PostgresStore::new(settings.clone()).unwrap().watermark(lane).unwrap();
    let last = START + rows * STEP;
    cluster.ask(&format!(
        "SELECT weir.make_month(t) FROM generate_series({START}::bigint, {last} + 31 * 86400000000, 20 * 86400000000) t"
    ));
    let indexes = cluster.ask("SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE schemaname = 'weir' AND tablename = 'calls' AND indexname <> 'calls_pkey'");
    let names = cluster.ask("SELECT string_agg('weir.' || indexname, ', ') FROM pg_indexes WHERE schemaname = 'weir' AND tablename = 'calls' AND indexname <> 'calls_pkey'");
    cluster.ask(&format!("DROP INDEX {names}"));
    let numbers = |from: i64, to: i64| format!("generate_series({from}::bigint, {to} - 1) n");
    let id = "(lpad(to_hex(n), 12, '0') || '7000800000000000' || lpad(to_hex(n % 65536), 4, '0'))::uuid";
    let source = "'00000000-0000-0000-0000-000000000000'::uuid";
    let words =
        Words { id, source, hash: "decode(repeat('00', 32), 'hex')", numbers: &numbers, schema: "weir." };
    let started = Instant::now();
    load(rows, |from, to| drop(cluster.ask(&words.rows(from, to))));
    indexes.lines().for_each(|it| drop(cluster.ask(it)));
    cluster.ask("VACUUM ANALYZE weir.calls");
    cluster.ask("VACUUM ANALYZE weir.terms");
    let size = cluster.ask("SELECT pg_size_pretty(pg_database_size('postgres'))");
    println!("postgres: {rows} rows made in {:.0} s, {size}", started.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let index = PostgresIndex::new(&settings).unwrap();
    ask("postgres", rows, |query| runtime.block_on(index.calls(query)));
    let started = Instant::now();
    let totals = runtime.block_on(index.totals(&all())).unwrap().all();
    println!("postgres: sums over {} calls took {:?}", totals.calls, started.elapsed());
}

fn all() -> Query {
    Query { scope: Scope::All, ..Query::default() }
}

fn load(rows: i64, mut add: impl FnMut(i64, i64)) {
    const PART: i64 = 500_000;
    let mut from = 0;
    while from < rows {
        let to = rows.min(from + PART);
        add(from, to);
        from = to;
    }
}

/// One to three filters at random, half of the time within a tenant.
fn question(random: &mut StdRng, rows: i64) -> Query {
    let mut query = all();
    if random.random_bool(0.5) {
        query.scope = Scope::Tenant(format!("tenant-{}", random.random_range(0..20)));
    }
    for _ in 0..random.random_range(1..=3) {
        match random.random_range(0..13) {
            0 => query.app = Some(format!("app-{}", random.random_range(0..53))),
            1 => query.caller = Some(format!("key-{}", random.random_range(0..509))),
            2 => query.subject_ref = Some(format!("subject-{}", random.random_range(0..200_003))),
            3 => query.model = Some(format!("model-{}", random.random_range(0..20))),
            4 => query.upstream = Some(format!("upstream-{}", random.random_range(0..5))),
            5 => {
                query.decision = Some(
                    [Decision::Allow, Decision::Transformed, Decision::Flagged, Decision::Blocked]
                        [random.random_range(0..4)],
                )
            }
            6 => query.rule = Some(format!("rule-{}", random.random_range(0..31))),
            7 => query.label = Some(format!("LABEL_{}", random.random_range(0..13))),
            8 => query.min_cost = Some(Pico(random.random_range(0..1_000_000) * 1_000_000)),
            9 => {
                query.state = Some(
                    [CallState::Open, CallState::Completed, CallState::Abandoned][random.random_range(0..3)],
                )
            }
            10 => query.status = Some([200, 400, 502][random.random_range(0..3)]),
            11 => query.review = Some("pending".to_owned()),
            _ => query.until = Some(Micros(START + random.random_range(0..rows) * STEP)),
        }
    }
    query
}

fn ask(name: &str, rows: i64, mut answer: impl FnMut(&Query) -> Result<CallPage, IndexError>) {
    let mut random = StdRng::seed_from_u64(7);
    let mut times = Vec::new();
    let mut slowest = Vec::new();
    for _ in 0..QUESTIONS {
        let mut query = question(&mut random, rows);
        // The first page and the second.
        for _ in 0..2 {
            let started = Instant::now();
            let page = answer(&query).unwrap();
            let took = started.elapsed();
            times.push(took);
            slowest.push((took, page.rows.len(), format!("{query:?}")));
            let Some(next) = page.next else { break };
            query.after = Some(next);
        }
    }
    times.sort_unstable();
    let at = |percent| crate::share(&times, percent);
    println!(
        "{name}: {} pages over {rows} rows: median {:?}, p95 {:?}, p99 {:?}, slowest {:?}",
        times.len(),
        at(50),
        at(95),
        at(99),
        at(100)
    );
    slowest.sort_unstable_by_key(|(took, _, _)| std::cmp::Reverse(*took));
    for (took, found, query) in slowest.iter().take(3) {
        let set: Vec<_> = query.split(", ").filter(|part| !part.ends_with("None")).collect();
        println!("  {took:?}, {found} rows: {}", set.join(", "));
    }
    assert!(at(95) <= LIMIT, "p95 is {:?}, at most {LIMIT:?}", at(95));
}
