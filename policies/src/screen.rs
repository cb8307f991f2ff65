//! Searches a text that arrives in pieces for listed terms, and holds back what may still become one.

use std::ops::Range;

use weir_classifiers::{Lexicon, Term};

use crate::pseudonym::Ended;
use crate::slot::Kind;
use crate::unescape::{is_fill, unescape};

/// Most bytes held back on a channel. No term is longer unless someone stretches it with white space.
const HELD_LIMIT: usize = 16 << 10;
/// Bytes kept of what has been decided, as context for word boundaries and for the words before a term.
const CONTEXT: usize = 96;

/// The state of one channel. No `Debug`: it holds text of the reply.
#[derive(Default)]
pub(crate) struct Screen {
    /// Context that has been decided, then text that has not.
    buffer: String,
    /// What the buffer means, as far as it can be read: the same bytes, or, in JSON source, its escapes
    /// read in place.
    meant: String,
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

/// A term was stretched beyond every measure. Holds the undecided text; the screen starts anew.
pub(crate) struct TooLong(pub(crate) String);

/// How many bytes may be held back; for faults.
pub(crate) const LIMIT: usize = HELD_LIMIT;

/// A piece of a channel.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'p> {
    pub(crate) text: &'p str,
    pub(crate) kind: Kind,
    pub(crate) ended: Ended,
}

impl Screen {
    /// Takes the next piece and hands what is now decided to `judge`. No term that begins in it reaches
    /// beyond it.
    pub(crate) fn push<T>(
        &mut self,
        lexicon: &Lexicon,
        piece: Piece<'_>,
        judge: impl FnOnce(Settled<'_>) -> T,
    ) -> Result<T, TooLong> {
        self.read(piece);
        let settled = match piece.ended {
            Ended::Yes => self.meant.len(),
            Ended::No => lexicon.settled(&self.meant, self.from),
        };
        let last = if piece.ended == Ended::Yes { settled + 1 } else { settled };
        let mut terms = lexicon.find_between(&self.meant, self.from..last);
        for term in &mut terms {
            term.range.end = self.filled(term.range.end);
        }
        // A term that crosses the border is decided together with what it reaches into.
        let mut border = settled;
        while let Some(crossing) =
            terms.iter().find(|term| term.range.start < border && border < term.range.end)
        {
            border = crossing.range.start;
        }
        terms.retain(|term| term.range.end <= border);
        border = self.boundary(border).max(self.from);
        if self.buffer.len() - border > HELD_LIMIT {
            let undecided = self.buffer.split_off(self.from);
            *self = Self::default();
            return Err(TooLong(undecided));
        }
        let judged = judge(Settled { text: &self.buffer, range: self.from..border, terms });
        let drop = self.boundary(border.saturating_sub(CONTEXT));
        self.buffer.drain(..drop);
        self.meant.drain(..drop);
        self.from = border - drop;
        Ok(judged)
    }

    fn read(&mut self, piece: Piece<'_>) {
        self.buffer.push_str(piece.text);
        let fresh = self.buffer.get(self.meant.len()..).unwrap_or_default();
        let read = if piece.kind == Kind::Arguments { unescape(fresh, &mut self.meant) } else { 0 };
        if piece.kind != Kind::Arguments || piece.ended == Ended::Yes {
            self.meant.push_str(fresh.get(read..).unwrap_or_default());
        }
    }

    /// The end of the escape that a term ends in.
    fn filled(&self, end: usize) -> usize {
        if self.buffer.is_char_boundary(end)
            && !self.meant.get(end..).is_some_and(|rest| rest.starts_with(is_fill))
        {
            return end;
        }
        let rest = self.meant.get(end..).unwrap_or_default();
        end + rest.len() - rest.trim_start_matches(is_fill).len()
    }

    /// The last place up to `at` where both texts can be cut.
    fn boundary(&self, at: usize) -> usize {
        let both = |at: &usize| self.buffer.is_char_boundary(*at) && self.meant.is_char_boundary(*at);
        (0..=at).rev().find(both).unwrap_or(0)
    }
}
