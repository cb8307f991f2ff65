//! Splits a text into words, marks and line ends, and says what each looks like.

use super::gazetteer::Gazetteer;
use super::hash::{Hash, mix};

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Letters, none of them upper-case.
    Lower,
    /// One upper-case letter, then none.
    Title,
    /// Upper-case letters only, two or more.
    Upper,
    /// Upper-case and lower-case in another order.
    Mixed,
    /// Digits only.
    Digits,
    /// Letters and digits.
    Alphanumeric,
    /// One character that is neither letter nor digit.
    Mark,
    /// The end of a line, with all white space around it.
    Line,
}

impl Class {
    /// Whether it is a word or a number.
    pub fn is_word(self) -> bool {
        !matches!(self, Self::Mark | Self::Line)
    }
}

/// One token. All hashes are over folded text: lower-case, no accents, every digit a zero.
#[derive(Clone, Debug)]
pub struct Token {
    /// First byte in the text.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// What it is made of.
    pub class: Class,
    /// Hash of the whole word.
    pub word: u32,
    /// Hashes of its first two, three and four characters.
    pub prefixes: [u32; 3],
    /// Hashes of its last two, three and four characters.
    pub suffixes: [u32; 3],
    /// Runs of upper-case, lower-case and digits, one code each.
    pub shape: u32,
    /// For digits: how many, and what they may count.
    pub number: u32,
    /// Length in characters.
    pub length: usize,
    /// Lists that the word stands on.
    pub lists: u8,
    /// The character itself for a mark.
    pub mark: char,
    /// Whether white space or the start of the text stands before it.
    pub spaced: bool,
}

/// All tokens of `text`, in order.
pub fn tokens(text: &str, gazetteer: &Gazetteer) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 4);
    let mut chars = text.char_indices().peekable();
    let mut spaced = true;
    while let Some((start, c)) = chars.next() {
        if c.is_whitespace() {
            let after_line = tokens.last().is_none_or(|last| last.class == Class::Line);
            if c == '\n' && !after_line {
                tokens.push(Token::mark(start, c, Class::Line));
            }
            spaced = true;
            continue;
        }
        let mut token = if c.is_alphanumeric() {
            let mut word = Word::default();
            word.push(c);
            let mut end = start + c.len_utf8();
            while let Some((at, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || joins(*c)) {
                word.push(c);
                end = at + c.len_utf8();
            }
            let mut token = word.finish(start, end);
            token.lists = gazetteer.lists(token.word);
            token
        } else {
            Token::mark(start, c, Class::Mark)
        };
        token.spaced = std::mem::take(&mut spaced);
        tokens.push(token);
    }
    tokens
}

/// The hash under which the gazetteer keeps `word`.
pub fn word_hash(word: &str) -> u32 {
    let mut hashed = Word::default();
    word.chars().for_each(|c| hashed.push(c));
    hashed.hash.finish()
}

/// Characters that are written inside words without being letters: accents, joiners, soft hyphens.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{ad}' | '\u{2060}' | '\u{feff}')
}

/// The lower-case letter without its accent; a zero for every digit.
fn fold(c: char) -> char {
    if c.is_ascii() {
        return if c.is_ascii_digit() { '0' } else { c.to_ascii_lowercase() };
    }
    let mut base = None;
    unicode_normalization::char::decompose_canonical(c, |part| {
        base.get_or_insert(part);
    });
    let base = base.unwrap_or(c);
    if base.is_numeric() { '0' } else { base.to_lowercase().next().unwrap_or(base) }
}

/// A word while it is read.
#[derive(Default)]
struct Word {
    hash: Hash,
    prefixes: [u32; 3],
    /// The last four folded characters, the latest in the lowest place.
    last: [char; 4],
    length: usize,
    shape: u32,
    runs: u32,
    run: u32,
    upper: usize,
    lower: usize,
    digits: usize,
    first_upper: bool,
    /// Value of the digits as long as there are four at most.
    value: u32,
}

impl Word {
    fn push(&mut self, c: char) {
        if joins(c) {
            return;
        }
        let folded = fold(c);
        self.hash.add(u32::from(folded));
        self.length += 1;
        if let Some(prefix) = self.length.checked_sub(2).and_then(|at| self.prefixes.get_mut(at)) {
            *prefix = self.hash.finish();
        }
        self.last.rotate_right(1);
        if let Some(first) = self.last.first_mut() {
            *first = folded;
        }
        let kind = if c.is_uppercase() {
            self.upper += 1;
            self.first_upper |= self.length == 1;
            1
        } else if c.is_numeric() {
            self.digits += 1;
            let digit = c.to_digit(10).unwrap_or(0);
            self.value = self.value.saturating_mul(10).saturating_add(digit).min(99_999);
            2
        } else {
            self.lower += 1;
            3
        };
        self.add_to_shape(kind);
    }

    /// Eight runs at most are kept, each as one of its kind or several.
    fn add_to_shape(&mut self, kind: u32) {
        if self.run != kind {
            self.run = kind;
            self.runs += 1;
        }
        if self.runs <= 8 {
            let place = 4 * (self.runs - 1);
            let several = (self.shape >> place) & 3;
            self.shape |= (if several == 0 { kind } else { 4 }) << place;
        }
    }

    fn finish(&self, start: usize, end: usize) -> Token {
        let class = match (self.upper, self.lower, self.digits) {
            (0, 0, _) => Class::Digits,
            (_, _, 1..) => Class::Alphanumeric,
            (0, _, _) => Class::Lower,
            (1, _, _) if self.first_upper => Class::Title,
            (_, 0, _) => Class::Upper,
            _ => Class::Mixed,
        };
        let mut suffixes = [0; 3];
        let mut hash = Hash::default();
        for (at, c) in self.last.iter().enumerate().take(self.length) {
            hash.add(u32::from(*c));
            if let Some(suffix) = at.checked_sub(1).and_then(|at| suffixes.get_mut(at)) {
                *suffix = hash.finish();
            }
        }
        Token {
            start,
            end,
            class,
            word: self.hash.finish(),
            prefixes: self.prefixes,
            suffixes,
            shape: self.shape,
            number: if class == Class::Digits { self.number() } else { 0 },
            length: self.length,
            lists: 0,
            mark: ' ',
            spaced: false,
        }
    }

    /// Days, months, ages and years are told apart from other numbers of as many digits.
    fn number(&self) -> u32 {
        let kind = match (self.length, self.value) {
            (1 | 2, 1..=12) => 1,
            (1 | 2, 13..=31) => 2,
            (1 | 2, 32..) => 3,
            (3, 100..=119) => 4,
            (4, 1900..=1999) => 5,
            (4, 2000..=2039) => 6,
            _ => 7,
        };
        u32::try_from(self.length.min(20)).unwrap_or(20) * 8 + kind
    }
}

impl Token {
    fn mark(start: usize, c: char, class: Class) -> Self {
        let word = mix(0x6d61_726b, u32::from(c));
        Self {
            start,
            end: start + c.len_utf8(),
            class,
            word,
            prefixes: [0; 3],
            suffixes: [0; 3],
            shape: word,
            number: 0,
            length: 1,
            lists: 0,
            mark: c,
            spaced: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, Class)]) {
        let found = tokens(text, &Gazetteer::default());
        let found: Vec<(&str, Class)> =
            found.iter().map(|t| (text.get(t.start..t.end).unwrap(), t.class)).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn words_marks_and_lines_are_told_apart() {
        use Class::*;
        check("", &[]);
        check(
            "Ann met\n\n  Bob.",
            &[("Ann", Title), ("met", Lower), ("\n", Line), ("Bob", Title), (".", Mark)],
        );
        check(
            "id=AB12,  42 éÀ USA McD",
            &[
                ("id", Lower),
                ("=", Mark),
                ("AB12", Alphanumeric),
                (",", Mark),
                ("42", Digits),
                ("éÀ", Mixed),
                ("USA", Upper),
                ("McD", Mixed),
            ],
        );
        check("Jo\u{200b}hn e\u{301}t", &[("Jo\u{200b}hn", Title), ("e\u{301}t", Lower)]);
    }

    #[test]
    fn case_accents_and_hidden_characters_don_t_change_a_word() {
        for same in ["JOSÉ", "jose", "José", "Jose\u{301}", "jo\u{ad}sé"] {
            assert_eq!(word_hash(same), word_hash("José"), "{same}");
        }
        assert_ne!(word_hash("josa"), word_hash("jose"));
        assert_eq!(word_hash("a17"), word_hash("A99"));
    }

    #[test]
    fn shapes_show_runs() {
        let shape = |text: &str| tokens(text, &Gazetteer::default())[0].shape;
        assert_eq!(shape("Anna"), shape("Robert"));
        assert_eq!(shape("AB123"), shape("XYZ98"));
        for (a, b) in [("Anna", "anna"), ("AB12", "A12"), ("A1", "1A"), ("iPhone", "Iphone")] {
            assert_ne!(shape(a), shape(b), "{a} {b}");
        }
    }
}
