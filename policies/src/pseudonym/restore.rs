//! Puts values back in place of their pseudonyms while a reply arrives in pieces.

use super::Vault;
use super::token::{Ended, Step, recognise};
use crate::Kind;
use crate::nesting::{Nesting, Place, Stands};

/// The state of one channel: what is held back, and the few characters before it.
///
/// Text is held back only while its end may still become a pseudonym. A restored value is never read
/// again. No `Debug`: it holds text of the reply.
#[derive(Default)]
pub(crate) struct Restorer {
    held: String,
    before: String,
    /// Where JSON source ends that has been decided.
    nesting: Nesting,
    /// Pseudonyms put back so far.
    restored: u32,
}

/// How many bytes before a place are kept to decide about it: three characters at least.
const CONTEXT: usize = 12;

impl Restorer {
    /// Takes the next piece of the channel and leaves in it what may be passed on.
    pub(crate) fn push(&mut self, vault: &Vault, piece: &mut String, place: (Kind, Ended)) {
        let (kind, ended) = place;
        if self.held.is_empty() && vault.first_begin(piece).is_none() {
            self.decided(piece, kind);
            self.remember(piece);
            return;
        }
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        *piece = self.restore(vault, &text, (kind, ended));
    }

    /// How many pseudonyms were put back.
    pub(crate) fn restored(&self) -> u32 {
        self.restored
    }

    /// What is held back; for the tests of its bound.
    #[cfg(test)]
    pub(super) fn held(&self) -> &str {
        &self.held
    }

    fn restore(&mut self, vault: &Vault, text: &str, place: (Kind, Ended)) -> String {
        let (kind, ended) = place;
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let mut copied = 0;
        while let Some(rest) = text.get(at..) {
            let Some(offset) = vault.first_begin(rest) else { break };
            at += offset;
            let Some(rest) = text.get(at..) else { break };
            let head = text.get(..at).unwrap_or_default();
            let joined: String;
            let before = if at < CONTEXT {
                joined = format!("{}{head}", self.before);
                joined.as_str()
            } else {
                head
            };
            match recognise(vault, before, rest, ended) {
                Step::Token(length, value, dressed) => {
                    let plain = text.get(copied..at).unwrap_or_default();
                    out.push_str(plain);
                    self.decided(plain, kind);
                    let place = (kind == Kind::Arguments).then(|| self.nesting.place());
                    let value = dressed.apply(value, place);
                    let written = text.get(at..at + length).unwrap_or_default();
                    out.push_str(&keep_list(&value, written, place));
                    self.restored += 1;
                    copied = at;
                    at += length;
                    self.decided(text.get(copied..at).unwrap_or_default(), kind);
                    copied = at;
                }
                Step::More => {
                    let plain = text.get(copied..at).unwrap_or_default();
                    out.push_str(plain);
                    self.decided(plain, kind);
                    self.held.push_str(rest);
                    self.remember(head);
                    return out;
                }
                Step::No => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        let plain = text.get(copied..).unwrap_or_default();
        out.push_str(plain);
        self.decided(plain, kind);
        self.remember(text);
        out
    }

    /// Follows the source of JSON, pseudonyms included.
    fn decided(&mut self, text: &str, kind: Kind) {
        if kind == Kind::Arguments {
            self.nesting.push(text);
        }
    }

    /// Keeps the last characters of what has been decided.
    fn remember(&mut self, text: &str) {
        let tail = text.floor_char_boundary(text.len().saturating_sub(CONTEXT));
        if tail > 0 {
            self.before.clear();
        }
        self.before.push_str(text.get(tail..).unwrap_or_default());
        let surplus = self.before.floor_char_boundary(self.before.len().saturating_sub(CONTEXT));
        self.before.drain(..surplus);
    }
}

/// A value with the square brackets that were taken for those of a pseudonym: where JSON has a value, they are
/// a list.
fn keep_list(value: &str, written: &str, place: Option<Place>) -> String {
    if !place.is_some_and(|place| place.stands == Stands::Between) {
        return value.to_owned();
    }
    let open = written.len() - written.trim_start_matches('[').len();
    let close = written.len() - written.trim_end_matches(']').len();
    format!("{}{value}{}", "[".repeat(open), "]".repeat(close))
}
