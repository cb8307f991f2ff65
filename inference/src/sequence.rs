//! One text being generated: where it stands, and what a new token does to it.

use crate::cache::KvCache;
use crate::job::{Event, Finish, Job, Scored};
use crate::model::Row;
use crate::sampler::Sampler;
use crate::text::{StopScanner, Utf8Buffer};
use crate::tokenizer::{Token, Tokenizer};

/// A running text.
pub(crate) struct Sequence {
    job: Job,
    pub cache: KvCache,
    sampler: Sampler,
    utf8: Utf8Buffer,
    stops: StopScanner,
    /// Tokens of the prompt and generated ones.
    tokens: Vec<Token>,
    /// How many of them are in the cache.
    cached: usize,
    generated: usize,
    /// Scores whose text is still held back.
    scored: Vec<Scored>,
}

impl Sequence {
    /// Starts with an empty cache. The prompt holds at least one token.
    pub(crate) fn new(mut job: Job, cache: KvCache) -> Self {
        Self {
            sampler: Sampler::new(job.sampling.clone()),
            stops: StopScanner::new(std::mem::take(&mut job.stops)),
            tokens: std::mem::take(&mut job.prompt),
            utf8: Utf8Buffer::default(),
            cached: 0,
            generated: 0,
            scored: Vec::new(),
            cache,
            job,
        }
    }

    /// Nobody listens any more.
    pub(crate) fn abandoned(&self) -> bool {
        self.job.events.is_closed()
    }

    /// The request's CPU time.
    pub(crate) fn meter(&self) -> &crate::meter::Meter {
        &self.job.meter
    }

    /// Tokens that wait to be run: more than one while the prompt is read.
    pub(crate) fn waiting(&self) -> usize {
        self.tokens.len() - self.cached
    }

    /// Takes up to `count` waiting tokens as rows; the last of all wants scores.
    pub(crate) fn take_rows(&mut self, sequence: usize, count: usize, rows: &mut Vec<Row>) {
        let count = count.min(self.waiting());
        let last = self.tokens.len() - 1;
        for (position, token) in self.tokens.iter().enumerate().skip(self.cached).take(count) {
            rows.push(Row { sequence, position, token: *token, wants_scores: position == last });
        }
        self.cached += count;
    }

    /// Chooses the next token and reports it. True when the text has ended.
    pub(crate) fn advance(&mut self, scores: &[f32], (tokenizer, ends): (&Tokenizer, &[Token])) -> bool {
        let Self { job, sampler, .. } = self;
        let (token, report) = job.meter.measure(|| sampler.pick(scores));
        self.generated += 1;
        if ends.contains(&token) {
            self.flush();
            return self.end(Finish::Stop);
        }
        self.tokens.push(token);
        self.scored.extend(report.map(|report| Scored { token, report }));
        let text = self.utf8.push(tokenizer.bytes(token));
        let scanned = self.stops.push(&text);
        if scanned.stopped {
            self.send(scanned.text);
            return self.end(Finish::Stop);
        }
        if !scanned.text.is_empty() {
            self.send(scanned.text);
        }
        if self.generated >= self.job.max_tokens {
            self.flush();
            return self.end(Finish::Length);
        }
        false
    }

    /// Ends a text that may not have a single token.
    pub(crate) fn end_if_empty(&mut self) -> bool {
        self.job.max_tokens == 0 && self.end(Finish::Length)
    }

    fn send(&mut self, text: String) {
        let scored = std::mem::take(&mut self.scored);
        let piece = Event::Piece { choice: self.job.choice, text, scored };
        // A closed receiver is noticed before the next step.
        drop(self.job.events.send(piece));
    }

    /// Sends what was held back.
    fn flush(&mut self) {
        let rest = self.utf8.finish();
        let scanned = self.stops.push(&rest);
        let text = scanned.text + &self.stops.finish();
        if !text.is_empty() || !self.scored.is_empty() {
            self.send(text);
        }
    }

    fn end(&mut self, finish: Finish) -> bool {
        drop(self.job.events.send(Event::End { choice: self.job.choice, finish, tokens: self.generated }));
        true
    }
}
