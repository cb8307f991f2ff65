//! Continuous batching: one thread runs all texts, each step one token of every running text
//! plus pieces of prompts up to a token budget.

use crate::api::models::CHAT;
use crate::cache::KvCache;
use crate::error::InferenceError;
use crate::job::{Job, Refused};
use crate::kernels::Workers;
use crate::meter::thread_cpu;
use crate::model::{Batch, Buffers, Model, Row};
use crate::sequence::Sequence;
use crate::tokenizer::{Token, Tokenizer};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Limits of the engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Threads that share the arithmetic; 1 leaves the other cores to the gateway.
    pub threads: usize,
    /// Rows of one step: running texts and pieces of prompts together. More makes steps longer, and with
    /// them the time until a text gets its next token or a caller that left is noticed.
    /// At most this many texts run at once.
    pub token_budget: usize,
    /// Texts that may wait; further ones are refused with status 429.
    pub queue: usize,
    /// Bytes that the keys and values of all running texts may take together.
    pub kv_bytes: usize,
    /// Other names that the models answer to, as (name, model); the name `*` stands for all names.
    pub aliases: Vec<(String, String)>,
    /// Whether received texts are written to the log, at debug level, target `weir_inference::prompt`:
    /// to see what has reached the model. Off unless personal data may be in the log.
    pub log_prompts: bool,
}

impl EngineOptions {
    /// Whether a request for `name` is one for `model`.
    pub(crate) fn serves(&self, name: &str, model: &str) -> bool {
        let alias = |(alias, of): &(String, String)| (alias == name || alias == "*") && of == model;
        name.eq_ignore_ascii_case(model) || self.aliases.iter().any(alias)
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            token_budget: 32,
            queue: 256,
            kv_bytes: 512 << 20,
            aliases: Vec::new(),
            log_prompts: false,
        }
    }
}

/// Load of the engine at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Texts being generated.
    pub running: usize,
    /// Texts that wait for a place.
    pub waiting: usize,
    /// Share of the key/value memory that is reserved, 0 to 1.
    pub kv_usage: f64,
    /// Prompt tokens of all texts so far.
    pub prompt_tokens: u64,
    /// Tokens generated so far.
    pub generated_tokens: u64,
}

/// The engine's entrance; the thread ends when the last one is dropped.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    limit: usize,
    capacity: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// Its `waiting` is not kept up to date here.
    load: Load,
    /// Nobody can send more, or the thread is gone.
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Starts the thread; `ends` are the tokens that end a text.
    pub(crate) fn start(
        model: Model,
        (tokenizer, ends): (Arc<Tokenizer>, Vec<Token>),
        options: &EngineOptions,
    ) -> Result<Self, InferenceError> {
        let shared = Arc::new(Shared::default());
        let per_position = KvCache::bytes_per_position(model.shape());
        let capacity = model.shape().context.min(options.kv_bytes / per_position);
        let mut runner = Runner {
            model,
            tokenizer,
            ends,
            running: Vec::new(),
            buffers: Buffers::default(),
            budget: options.token_budget.max(1),
            kv_bytes: options.kv_bytes,
            kv_used: 0,
            generated: 0,
        };
        let theirs = Gone(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("weir-engine".into())
            .spawn(move || while runner.round(&theirs.0) {})
            .map_err(|error| InferenceError::Thread { reason: error.to_string() })?;
        Ok(Self { shared, limit: options.queue, capacity })
    }

    /// Queues all of a request's texts, or none.
    pub(crate) fn submit(&self, jobs: Vec<Job>) -> Result<(), Refused> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Refused::Stopped);
        }
        state.waiting.retain(|job| !job.events.is_closed());
        // An idle engine takes a request however many texts it has.
        let idle = state.waiting.is_empty() && state.load.running == 0;
        if !idle && state.waiting.len() + jobs.len() > self.limit {
            return Err(Refused::QueueFull);
        }
        state.waiting.extend(jobs);
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Positions that one text may have, prompt and answer together.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// What the engine is doing.
    pub(crate) fn load(&self) -> Load {
        let state = self.shared.lock();
        Load { waiting: state.waiting.len(), ..state.load }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

/// Closes the entrance when the thread ends, also by a panic, so that nobody waits for ever.
struct Gone(Arc<Shared>);

impl Drop for Gone {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.waiting.clear();
        state.load.running = 0;
        state.load.kv_usage = 0.0;
    }
}

/// The thread's side.
struct Runner {
    model: Model,
    tokenizer: Arc<Tokenizer>,
    ends: Vec<Token>,
    running: Vec<Sequence>,
    buffers: Buffers,
    budget: usize,
    kv_bytes: usize,
    kv_used: usize,
    generated: u64,
}

impl Runner {
    /// Admits, runs one step, hands out tokens. False when the engine is to stop.
    fn round(&mut self, shared: &Shared) -> bool {
        let before = cpu(self.model.workers());
        self.running.retain(|sequence| !sequence.abandoned());
        if !self.admit(shared) {
            return false;
        }
        self.running.retain_mut(|sequence| !sequence.end_if_empty());
        if self.running.is_empty() {
            return true;
        }
        let rows = self.plan();
        let shares = self.shares(&rows);
        self.step(&rows, |batch_cpu| {
            let spent = batch_cpu.saturating_sub(before);
            shares.iter().for_each(|(meter, share)| meter.add(spent.mul_f64(*share)));
        });
        true
    }

    /// Waits until there is something to do and moves waiting texts in while their cache fits,
    /// in the order they came. False when the engine is to stop.
    fn admit(&mut self, shared: &Shared) -> bool {
        let mut state = shared.lock();
        loop {
            state.waiting.retain(|job| !job.events.is_closed());
            self.kv_used = self.running.iter().map(|one| self.cache_bytes(one.cache.capacity())).sum();
            while self.running.len() < self.budget {
                let Some(job) = state.waiting.front() else { break };
                let positions = job.prompt.len() + job.max_tokens;
                let bytes = self.cache_bytes(positions);
                if self.kv_used + bytes > self.kv_bytes && !self.running.is_empty() {
                    break;
                }
                let Some(job) = state.waiting.pop_front() else { break };
                self.kv_used += bytes;
                state.load.prompt_tokens += job.prompt.len() as u64;
                self.running.push(Sequence::new(job, KvCache::new(self.model.shape(), positions)));
            }
            state.load.running = self.running.len();
            state.load.kv_usage = self.kv_used as f64 / self.kv_bytes.max(1) as f64;
            state.load.generated_tokens = self.generated;
            publish(&Load { waiting: state.waiting.len(), ..state.load });
            if !self.running.is_empty() {
                return true;
            }
            if state.closed {
                return false;
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn cache_bytes(&self, positions: usize) -> usize {
        KvCache::bytes(self.model.shape(), positions)
    }

    /// One row for each text that generates; what is left of the budget is shared evenly by the
    /// texts whose prompt is still being read, so that a long prompt can't keep a short one waiting.
    fn plan(&mut self) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.budget);
        let mut reading = self.running.iter().filter(|sequence| sequence.waiting() > 1).count();
        let generating = self.running.len() - reading;
        let mut left = self.budget.saturating_sub(generating).max(reading);
        for (index, sequence) in self.running.iter_mut().enumerate() {
            let mut count = 1;
            if sequence.waiting() > 1 {
                count = sequence.waiting().min(left / reading.max(1)).max(1);
                reading -= 1;
                left -= count.min(left);
            }
            sequence.take_rows(index, count, &mut rows);
        }
        rows
    }

    /// Runs the rows, settles the CPU time before anybody hears of a token, then hands tokens out.
    fn step(&mut self, rows: &[Row], settle: impl FnOnce(Duration)) {
        let vocabulary = self.tokenizer.len().max(1);
        let mut caches: Vec<&mut KvCache> = self.running.iter_mut().map(|one| &mut one.cache).collect();
        let scores = self.model.step(Batch { rows, caches: &mut caches }, &mut self.buffers);
        settle(cpu(self.model.workers()));
        let mut ended = vec![false; self.running.len()];
        self.generated += rows.iter().filter(|row| row.wants_scores).count() as u64;
        let wanted = rows.iter().filter(|row| row.wants_scores);
        for (row, scores) in wanted.zip(scores.chunks_exact(vocabulary)) {
            if let (Some(sequence), Some(ended)) =
                (self.running.get_mut(row.sequence), ended.get_mut(row.sequence))
            {
                *ended = sequence.advance(scores, (&self.tokenizer, &self.ends));
            }
        }
        let mut ended = ended.into_iter();
        self.running.retain(|_| !ended.next().unwrap_or(false));
    }

    /// Each request's share of a step's rows.
    fn shares(&self, rows: &[Row]) -> Vec<(crate::meter::Meter, f64)> {
        let mut counts = vec![0usize; self.running.len()];
        for row in rows {
            if let Some(count) = counts.get_mut(row.sequence) {
                *count += 1;
            }
        }
        let total = rows.len().max(1) as f64;
        let shares = self.running.iter().zip(counts);
        shares.map(|(sequence, count)| (sequence.meter().clone(), count as f64 / total)).collect()
    }
}

/// CPU time of this thread and of the threads that help it.
fn cpu(workers: &Workers) -> Duration {
    let helping = workers.pool.as_ref().map(|pool| pool.broadcast(|_| thread_cpu()).iter().sum());
    thread_cpu() + helping.unwrap_or(Duration::ZERO)
}

/// Tells the process's metrics recorder, if there is one.
fn publish(load: &Load) {
    for (name, value) in load.gauges() {
        metrics::gauge!(name, "model_name" => CHAT).set(value);
    }
    for (name, value) in load.counters() {
        metrics::counter!(name, "model_name" => CHAT).absolute(value);
    }
}
