//! Searches a text that arrives in pieces for listed terms, and holds back what may still become one.

use std::ops::Range;

use weir_classifiers::{Lexicon, Term};

use crate::pseudonym::Ended;

/// Most bytes held back on a channel. No term is longer unless someone stretches it with white space.
const HELD_LIMIT: usize = 16 << 10;
/// Bytes kept of what has been decided, as context for word boundaries.
const CONTEXT: usize = 32;

/// The state of one channel. No `Debug`: it holds text of the reply.
#[derive(Default)]
pub(crate) struct Screen {
    /// Context that has been decided, then text that has not.
    buffer: String,
    /// Where the undecided text begins.
    from: usize,
}

/// A stretch of text that has been decided.
pub(crate) struct Settled<'s> {
    /// Context, the decided text, and what follows it.
    pub(crate) text: &'s str,
    /// The decided text within it.
    pub(crate) range: Range<usize>,
    /// The terms that begin in it, in order.
    pub(crate) terms: Vec<Term>,
}

/// A term was stretched beyond every measure.
pub(crate) struct TooLong;

/// How many bytes may be held back; for faults.
pub(crate) const LIMIT: usize = HELD_LIMIT;

impl Screen {
    /// Takes the next piece and hands what is now decided to `judge`. No term of `whole` that begins in
    /// it reaches beyond it.
    pub(crate) fn push<T>(
        &mut self,
        lexicon: &Lexicon,
        piece: (&str, Ended),
        judge: impl FnOnce(Settled<'_>) -> T,
    ) -> Result<T, TooLong> {
        let (text, ended) = piece;
        self.buffer.push_str(text);
        let settled = match ended {
            Ended::Yes => self.buffer.len(),
            Ended::No => lexicon.settled(&self.buffer, self.from),
        };
        let last = if ended == Ended::Yes { settled + 1 } else { settled };
        let mut terms = lexicon.find_between(&self.buffer, self.from..last);
        // A term that crosses the border is decided together with what it reaches into.
        let mut border = settled;
        while let Some(crossing) =
            terms.iter().find(|term| term.range.start < border && border < term.range.end)
        {
            border = crossing.range.start;
        }
        terms.retain(|term| term.range.end <= border);
        if self.buffer.len() - border > HELD_LIMIT {
            return Err(TooLong);
        }
        let judged = judge(Settled { text: &self.buffer, range: self.from..border, terms });
        let drop = self.buffer.floor_char_boundary(border.saturating_sub(CONTEXT));
        self.buffer.drain(..drop);
        self.from = border - drop;
        Ok(judged)
    }
}
