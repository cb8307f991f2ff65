//! Logs with calls of every sort, and a plain reading of them to compare answers with.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;
use weir_audit::exchange::{Cost, Hit, Latency, Redaction, Usage};
use weir_audit::read::{self, Filter};
use weir_audit::{Ambient, Completion, Decision, Intent, Log, Options, PicoUsd, Ticket};
use weir_index::{CallState, Lane, Query, Scope, SqliteIndex, SqliteStore, catch_up};

/// 2026-11-25T00:00:00Z.
pub const START: u64 = 1_795_564_800_000_000;

/// A clock that moves on by a millisecond whenever it is looked at, and numbers for randomness.
pub struct Clock(AtomicU64);

impl Clock {
    pub fn at(micros: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(micros)))
    }

    pub fn set(&self, micros: u64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Ambient for Clock {
    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.0.fetch_add(1000, Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
    fn random(&self) -> [u8; 10] {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        bytes
    }
}

pub fn options(clock: &Arc<Clock>) -> Options {
    Options { min_free_bytes: 0, ambient: clock.clone(), ..Options::default() }
}

pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A call by small numbers, so that filters meet some.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    pub who: u8,
    pub model: u8,
    pub answered: u8,
    pub upstream: u8,
    pub decision: u8,
    pub rule: u8,
    pub cost: i64,
    /// 0 and 1 complete at once, 2 later, 3 stays open, 4 is abandoned.
    pub ending: u8,
}

pub const TENANTS: [&str; 2] = ["acme", "globex"];
pub const DECISIONS: [Decision; 4] =
    [Decision::Allow, Decision::Transformed, Decision::Flagged, Decision::Blocked];

impl Sample {
    pub fn intent(&self) -> Intent {
        Intent {
            app: (!self.who.is_multiple_of(3)).then(|| format!("app-{}", self.who % 3).into()),
            conversation: Some(format!("talk-{}", self.who).into()),
            endpoint: "chat".into(),
            key_id: Some(format!("key-{}", self.who % 4).into()),
            policy_set: "abc".into(),
            requested_model: (self.model > 0).then(|| format!("model-{}", self.model).into()),
            subject_ref: (self.who > 2).then(|| format!("subject-{}", self.who).into()),
            tenant: TENANTS[usize::from(self.who % 2)].into(),
            ..Intent::default()
        }
    }

    pub fn completion(&self) -> Completion {
        let decision = DECISIONS[usize::from(self.decision % 4)];
        let hit = Hit {
            action: "mask".into(),
            count: 2,
            entity: format!("LABEL_{}", self.rule % 2).into(),
            policy: "pii".into(),
            rule: format!("rule-{}", self.rule).into(),
            ..Hit::default()
        };
        let redaction = Redaction { count: 1, entity: format!("LABEL_{}", self.rule % 3).into() };
        let cost = Cost { total: PicoUsd(i128::from(self.cost)), ..Cost::default() };
        Completion {
            answered_model: (self.answered > 0).then(|| format!("model-{}", self.answered).into()),
            cost: (self.cost > 0).then_some(cost),
            decision,
            hits: if self.rule > 0 { vec![hit] } else { vec![] },
            latency: Latency { total_us: 1000, ..Latency::default() },
            redactions: if self.rule > 1 { vec![redaction] } else { vec![] },
            status: if decision == Decision::Blocked { 400 } else { 200 },
            upstream: (self.upstream > 0).then(|| format!("upstream-{}", self.upstream).into()),
            usage: Some(Usage { input: 10, output: 5, ..Usage::default() }),
            ..Completion::default()
        }
    }
}

/// Writes the calls; those that stay open keep their tickets.
pub async fn write(log: &Log, samples: &[Sample]) -> Vec<Ticket> {
    let (mut open, mut later) = (Vec::new(), Vec::new());
    for sample in samples {
        match sample.ending {
            0 | 1 => drop(log.settled(sample.intent(), sample.completion()).await.unwrap()),
            2 => later.push((log.intent(sample.intent()).await.unwrap(), sample)),
            3 => open.push(log.intent(sample.intent()).await.unwrap()),
            _ => drop(log.intent(sample.intent()).await.unwrap()),
        }
    }
    for (ticket, sample) in later {
        ticket.complete_durable(sample.completion()).await.unwrap();
    }
    // The ends of abandoned calls are behind this one when it is durable.
    log.settled(Intent::default(), Completion::default()).await.unwrap();
    open
}

/// Some calls of every sort.
pub fn samples(count: u32) -> Vec<Sample> {
    let sample = |number: u32| {
        let digit = |prime: u32, most: u32| u8::try_from(number * prime / 3 % most).unwrap();
        Sample {
            who: digit(7, 11),
            model: digit(5, 4),
            answered: digit(11, 4),
            upstream: digit(13, 3),
            decision: digit(17, 7),
            rule: digit(19, 5),
            cost: i64::from(number % 9) * 1_000_000_000,
            ending: digit(23, 5),
        }
    };
    (0..count).map(sample).collect()
}

/// The lanes of a log that nobody writes any more, or whose writer has synced all.
pub fn lanes(dir: &Path) -> Vec<Lane> {
    let mut lanes = Lane::idle(dir, &*Clock::at(START)).unwrap();
    lanes.retain(|lane| lane.dir.is_dir());
    for lane in &mut lanes {
        lane.until = Arc::new(|| u64::MAX);
    }
    lanes
}

/// An index of the log, built anew.
pub fn indexed(dir: &Path) -> (SqliteStore, SqliteIndex) {
    let path = dir.join("index.sqlite");
    let mut store = SqliteStore::open(&path).unwrap();
    catch_up(&mut store, lanes(dir)).unwrap();
    (store, SqliteIndex::new(&path, Duration::from_secs(60)))
}

pub fn everything() -> Query {
    Query { scope: Scope::All, ..Query::default() }
}

/// What the log itself holds, newest first.
pub fn plain(dir: &Path) -> Vec<read::Call> {
    read::list(dir, &Filter { limit: 1_000_000, ..Filter::default() }).unwrap().calls
}

/// Whether a call of the log is one that the question asks for; written without a look at how the index does it.
pub fn matches(query: &Query, call: &read::Call) -> bool {
    let intent = call.announced().unwrap();
    let end = call.completion();
    let is = |wanted: &Option<String>, found: &[Option<String>]| {
        wanted.as_ref().is_none_or(|it| found.iter().flatten().any(|text| text == it))
    };
    let own = |text: Option<&weir_audit::Text>| text.map(|it| it.as_str().to_owned());
    let tenant = call.tenant().as_str();
    let micros = i64::try_from(call.time().unix_micros()).unwrap();
    let cost = end.and_then(|it| it.cost.as_ref()).map(|it| it.total.0);
    let hits = end.map(|it| it.hits.as_slice()).unwrap_or_default();
    let rules: Vec<_> = hits.iter().map(|it| own(Some(&it.rule))).collect();
    let redactions = end.map(|it| it.redactions.as_slice()).unwrap_or_default();
    let found = hits.iter().map(|it| &it.entity).chain(redactions.iter().map(|it| &it.entity));
    let labels: Vec<_> = found.map(|it| own(Some(it))).collect();
    let models = [own(intent.requested_model.as_ref()), own(end.and_then(|it| it.answered_model.as_ref()))];
    let review = (call.decision() == Some(Decision::Flagged)).then(|| "pending".to_owned());
    (match &query.scope {
        Scope::None => false,
        Scope::Tenant(it) => it == tenant,
        Scope::All => true,
    }) && query.since.is_none_or(|it| micros >= it.0)
        && query.until.is_none_or(|it| micros < it.0)
        && query.tenant.as_ref().is_none_or(|it| it == tenant)
        && is(&query.app, &[own(intent.app.as_ref())])
        && is(&query.caller, &[own(intent.key_id.as_ref())])
        && is(&query.subject_ref, &[own(intent.subject_ref.as_ref())])
        && is(&query.model, &models)
        && is(&query.upstream, &[own(end.and_then(|it| it.upstream.as_ref()))])
        && is(&query.rule, &rules)
        && is(&query.label, &labels)
        && is(&query.review, &[review])
        && query.decision.is_none_or(|it| call.decision() == Some(it))
        && query.min_cost.is_none_or(|it| cost.is_some_and(|cost| cost >= i128::from(it.0)))
        && query.max_cost.is_none_or(|it| cost.is_some_and(|cost| cost <= i128::from(it.0)))
        && query.state.is_none_or(|it: CallState| it.as_str() == call.state())
        && query.status.is_none_or(|it| end.is_some_and(|end| end.status == it))
        && query.ids.as_ref().is_none_or(|it| it.contains(&call.id()))
}

pub fn ids(calls: &[read::Call]) -> Vec<Uuid> {
    calls.iter().map(read::Call::id).collect()
}
