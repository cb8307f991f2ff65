//! Recognises pseudonyms in what a model writes, in every form that models give them.
//!
//! The decision about a place depends on the text from there on and on nothing that has not been read:
//! whenever the text ends before it can be made, the answer is "more". So the cutting of a stream
//! cannot change it.

use super::Vault;
use super::spelling::{self, Dress, Sign};
use super::stand_in;
use crate::nesting::{Place, Stands};

/// Whether more text may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Nothing follows.
    Yes,
    /// More may follow.
    No,
}

/// What stands at a place of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'v> {
    /// No pseudonym.
    No,
    /// The text ends before that can be said.
    More,
    /// A pseudonym of so many bytes, the value it stands for, and how to write it.
    Token(usize, &'v str, Dressed),
}

/// How a restored value must be escaped; see [`Dressed::apply`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dressed(Dress);

/// Most brackets, spaces inside them, and separators between words that a model may write.
const BRACKETS: usize = 2;
const SPACES: usize = 2;
const SEPARATORS: usize = 3;
/// Most signs of an id, with one more to see that it ends.
const ID_SIGNS: usize = 41;

impl Dressed {
    /// As the text that a value is put in place of.
    pub(super) fn in_place_of(dress: Dress) -> Self {
        Self(dress)
    }

    /// The value as it must be written in place of the pseudonym; in JSON source as its place demands: escaped
    /// for every string around it, and in quotes (or as a number) where there is none.
    pub(crate) fn apply(self, value: &str, place: Option<Place>) -> String {
        let Some(place) = place else { return spelling::dress(value, self.0) };
        let (value, levels) = match self.0 {
            Dress::Json(levels) => (value.to_owned(), place.depth.max(levels)),
            Dress::Plain => (value.to_owned(), place.depth),
            other => (spelling::dress(value, other), place.depth),
        };
        match place.stands {
            Stands::InText => spelling::dress(&value, Dress::Json(levels)),
            Stands::Between if is_number(&value) => value,
            Stands::Between => spelling::quoted(&value, place.depth),
        }
    }
}

/// Whether a text is a number in JSON (RFC 8259, section 6), fractions and exponents aside.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leading && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Says whether a pseudonym or a surrogate of `vault` stands at the beginning of `rest`; `before` is what stands
/// before it, of which the last few characters count.
pub(crate) fn recognise<'v>(vault: &'v Vault, before: &str, rest: &str, ended: Ended) -> Step<'v> {
    let mut cursor = Cursor { rest, at: 0, ended, dress: Dress::Plain };
    let found = cursor.token(vault, before);
    match found {
        Ok(value) => Step::Token(cursor.at, value, Dressed(cursor.dress)),
        Err(Miss::No) => stand_in::recognise(vault, before, rest, ended),
        Err(Miss::More) => Step::More,
    }
}

/// Most bytes that may be held back while a pseudonym with a type of `kind` bytes is undecided.
#[cfg(test)]
pub(super) fn longest(kind: usize) -> usize {
    let escaped = 2 * BRACKETS + 2 * SPACES + SEPARATORS * (kind / 2 + 1) + 1;
    kind + ID_SIGNS + escaped * spelling::LONGEST_SIGN
}

/// Why no pseudonym was recognised.
enum Miss {
    No,
    More,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// ⟦ ⟧ and signs that look like them: nothing else uses them.
    Own,
    /// Square brackets, which have uses of their own.
    Square,
}

struct Cursor<'t> {
    rest: &'t str,
    at: usize,
    ended: Ended,
    dress: Dress,
}

impl<'t> Cursor<'t> {
    fn token<'v>(&mut self, vault: &'v Vault, before: &str) -> Result<&'v str, Miss> {
        // Nearly all candidates are letters, and nearly all of those stand inside a word.
        let letter = self.rest.starts_with(|c: char| c.is_ascii_alphabetic());
        if letter && touches_word(before) {
            return Err(Miss::No);
        }
        let (family, opened) = if letter { (Family::Own, 0) } else { self.open()? };
        if !letter && opened == 0 {
            return Err(Miss::No);
        }
        if opened > 0 {
            self.spaces()?;
        }
        let start = self.at;
        let mut more = false;
        for (kind, name) in vault.kinds().iter().enumerate() {
            self.at = start;
            match self.core(vault, kind, name) {
                Ok(value) => {
                    self.close(family, opened)?;
                    return Ok(value);
                }
                Err(Miss::More) => more = true,
                Err(Miss::No) => {}
            }
        }
        Err(if more { Miss::More } else { Miss::No })
    }

    /// Opening brackets, at most two of a kind.
    fn open(&mut self) -> Result<(Family, usize), Miss> {
        let Some(first) = self.sign()? else { return Err(Miss::No) };
        let family = match first.0 {
            '⟦' | '〚' | '【' => Family::Own,
            '[' => Family::Square,
            _ => return Ok((Family::Own, 0)),
        };
        self.take(first);
        let mut opened = 1;
        while opened < BRACKETS {
            match self.sign()? {
                // In another dress it is the writer's own bracket before a pseudonym.
                Some(next) if next.0 == first.0 && next.2 == first.2 => self.take(next),
                _ => break,
            }
            opened += 1;
        }
        Ok((family, opened))
    }

    /// The type's words and the id, with whatever stands between them.
    fn core<'v>(&mut self, vault: &'v Vault, kind: usize, name: &str) -> Result<&'v str, Miss> {
        for (index, word) in name.split('_').enumerate() {
            if index > 0 {
                self.separators()?;
            }
            for letter in word.chars() {
                match self.plain()? {
                    Some(c) if c.eq_ignore_ascii_case(&letter) => self.at += 1,
                    _ => return Err(Miss::No),
                }
            }
        }
        self.separators()?;
        self.id(vault, kind)
    }

    /// The id: all letters and digits that follow must be one the vault knows, or one and a plural s.
    fn id<'v>(&mut self, vault: &'v Vault, kind: usize) -> Result<&'v str, Miss> {
        let mut id = String::new();
        let mut known: Option<(usize, &'v str)> = None;
        while id.len() < ID_SIGNS {
            let Some(c) = self.plain()?.filter(char::is_ascii_alphanumeric) else { break };
            id.push(c.to_ascii_uppercase());
            self.at += 1;
            if let Some(value) = vault.value(kind, &id) {
                known = Some((self.at, value));
            } else if !vault.may_continue(kind, &id) {
                let plural = known.is_some_and(|(end, _)| end + 1 == self.at) && c == 's';
                let alone = plural && !self.plain()?.is_some_and(|c| c.is_ascii_alphanumeric());
                if !alone {
                    return Err(Miss::No);
                }
                break;
            }
        }
        match known {
            Some((end, value)) if end == self.at => Ok(value),
            Some((end, value)) if end + 1 == self.at && id.ends_with('S') => {
                self.at = end;
                Ok(value)
            }
            _ => Err(Miss::No),
        }
    }

    /// Closing brackets: a single one of our own may be missing, doubled and square ones must match, and
    /// square ones must not begin a link.
    fn close(&mut self, family: Family, opened: usize) -> Result<(), Miss> {
        let end = self.at;
        if opened > 0 {
            self.spaces()?;
        }
        let most = opened.max(1);
        let mut closed = 0;
        while closed < most {
            match self.sign()? {
                Some(sign) if closes(sign.0, family) => self.take(sign),
                _ => break,
            }
            closed += 1;
        }
        match family {
            Family::Own if opened > 1 && closed != opened => return Err(Miss::No),
            Family::Own if closed == 0 => self.at = end,
            Family::Own => {}
            Family::Square if closed != opened => return Err(Miss::No),
            Family::Square => {
                if self.plain()? == Some('(') {
                    return Err(Miss::No);
                }
            }
        }
        Ok(())
    }

    /// What may stand inside the brackets: white space, and signs of emphasis or code.
    fn spaces(&mut self) -> Result<(), Miss> {
        self.skip(SPACES, |c| matches!(c, ' ' | '\n' | '\t' | '\u{a0}' | '\u{202f}' | '*' | '`'))
    }

    fn separators(&mut self) -> Result<(), Miss> {
        let separates =
            |c| matches!(c, '_' | '-' | ' ' | ':' | '\u{a0}' | '\u{2010}' | '\u{2011}' | '\u{2013}');
        self.skip(SEPARATORS, separates)
    }

    fn skip(&mut self, most: usize, skips: impl Fn(char) -> bool) -> Result<(), Miss> {
        for _ in 0..most {
            match self.sign()? {
                Some(sign) if skips(sign.0) => self.take(sign),
                _ => break,
            }
        }
        Ok(())
    }

    /// The next sign in any dress; nothing at the end of a text that has ended.
    fn sign(&self) -> Result<Option<(char, usize, Dress)>, Miss> {
        let rest = self.rest.get(self.at..).unwrap_or_default();
        match spelling::read(rest) {
            Sign::Is(c, length, dress) => Ok(Some((c, length, dress))),
            Sign::Unfinished if self.ended == Ended::No => Err(Miss::More),
            Sign::Unfinished => Ok(rest.chars().next().map(|c| (c, c.len_utf8(), Dress::Plain))),
        }
    }

    /// The next character as it stands.
    fn plain(&self) -> Result<Option<char>, Miss> {
        match self.rest.get(self.at..).and_then(|rest| rest.chars().next()) {
            None if self.ended == Ended::No => Err(Miss::More),
            next => Ok(next),
        }
    }

    fn take(&mut self, (c, length, dress): (char, usize, Dress)) {
        self.at += length;
        let bracket = matches!(c, '⟦' | '〚' | '【' | '[');
        if bracket && self.dress == Dress::Plain {
            self.dress = dress;
        }
    }
}

fn closes(c: char, family: Family) -> bool {
    match family {
        Family::Own => matches!(c, '⟧' | '〛' | '】'),
        Family::Square => c == ']',
    }
}

/// Whether a word that begins after `before` would be the end of a longer one. The letter of an escape
/// (`\n`, `%20`) is not part of a word.
pub(super) fn touches_word(before: &str) -> bool {
    if !before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return false;
    }
    let mut last = before.chars().rev();
    let (first, second, third) = (last.next(), last.next(), last.next());
    let escape = second == Some('\\') && matches!(first, Some('n' | 'r' | 't' | 'b' | 'f'));
    let encoded = third == Some('%') && [first, second].into_iter().flatten().all(|c| c.is_ascii_hexdigit());
    !escape && !encoded
}
