//! Where a place stands in JSON source that arrives in pieces: inside how many strings, or between them.
//!
//! Models put JSON into strings of JSON: the arguments of a tool that takes a document. What is put into such
//! a place must be escaped once for every string around it, or the reader's parser fails.

/// Strings inside strings are followed this deep; what lies deeper is plain text.
const DEEPEST: u32 = 4;

/// How text must be written at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// How many strings lie around it.
    pub(crate) depth: u32,
    pub(crate) stands: Stands,
}

/// Whether a place is text already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// Inside a string.
    InText,
    /// Where JSON has a value or key, so that text needs quotes of its own.
    Between,
}

/// Follows JSON source from its beginning. It keeps no text.
#[derive(Default)]
pub(crate) struct Nesting(Level);

impl Nesting {
    /// Reads the next piece.
    pub(crate) fn push(&mut self, source: &str) {
        source.chars().for_each(|c| self.0.push(c, DEEPEST));
    }

    /// Where the source ends so far. What is no JSON at all counts as the inside of a string.
    pub(crate) fn place(&self) -> Place {
        match self.0.sort {
            Sort::Json => self.0.place(),
            _ => Place { depth: 1, stands: Stands::InText },
        }
    }
}

/// One document: the source itself, or the text of a string in it.
#[derive(Default)]
struct Level {
    sort: Sort,
    within: Within,
    /// What the string at this place means, read as a document of its own.
    inner: Option<Box<Level>>,
    is_inner: Inner,
}

/// What a text has turned out to be.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sort {
    /// Only white space so far.
    #[default]
    Unread,
    /// A bracket, which words may begin with too.
    Opened(char),
    Json,
    Words,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Inner {
    #[default]
    No,
    Yes,
}

/// Where a document ends so far.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Between,
    Text,
    Escape,
    /// `\u` and so many hexadecimal digits of a code.
    Code(u32, u32),
}

impl Level {
    fn push(&mut self, c: char, room: u32) {
        match self.sort {
            Sort::Words => return,
            Sort::Json => {}
            _ => self.sort = self.sorted(c),
        }
        self.within = match self.within {
            Within::Between if c == '"' => {
                self.inner = (room > 1).then(|| Box::new(Self { is_inner: Inner::Yes, ..Self::default() }));
                Within::Text
            }
            Within::Between => Within::Between,
            Within::Text => match c {
                '"' => {
                    self.inner = None;
                    Within::Between
                }
                '\\' => Within::Escape,
                _ => self.means(c, room),
            },
            Within::Escape => match c {
                'u' => Within::Code(0, 0),
                'n' | 'r' | 't' | 'b' | 'f' => self.means(' ', room),
                _ => self.means(c, room),
            },
            Within::Code(digits, code) => match c.to_digit(16) {
                Some(digit) if digits < 3 => Within::Code(digits + 1, code << 4 | digit),
                Some(digit) => self.means(char::from_u32(code << 4 | digit).unwrap_or('x'), room),
                None => self.means('x', room),
            },
        };
    }

    /// The string at this place goes on with a character that it means.
    fn means(&mut self, c: char, room: u32) -> Within {
        if let Some(inner) = &mut self.inner {
            inner.push(c, room.saturating_sub(1));
        }
        Within::Text
    }

    /// What the first characters say. In a string, a bracket alone may begin a sentence.
    fn sorted(&self, c: char) -> Sort {
        match (self.sort, c) {
            (sort, ' ' | '\n' | '\r' | '\t') => sort,
            (Sort::Unread, '{' | '[') if self.is_inner == Inner::Yes => Sort::Opened(c),
            (Sort::Unread, '{' | '[') => Sort::Json,
            (Sort::Unread, '"') if self.is_inner == Inner::No => Sort::Json,
            (Sort::Opened('{'), '"' | '}') | (Sort::Opened('['), '"' | '{' | '[') => Sort::Json,
            _ => Sort::Words,
        }
    }

    fn place(&self) -> Place {
        if self.within == Within::Between {
            return Place { depth: 0, stands: Stands::Between };
        }
        let inner = self.inner.as_ref().filter(|inner| inner.sort == Sort::Json).map(|inner| inner.place());
        let inner = inner.unwrap_or(Place { depth: 0, stands: Stands::InText });
        Place { depth: inner.depth + 1, ..inner }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The source up to `^` ends at such a place.
    fn check(source: &str, depth: u32, stands: Stands) {
        let (head, _) = source.split_once('^').unwrap();
        let mut nesting = Nesting::default();
        head.chars().for_each(|c| nesting.push(c.encode_utf8(&mut [0; 4])));
        assert_eq!(nesting.place(), Place { depth, stands }, "{source}");
    }

    #[test]
    fn places_are_as_deep_as_the_strings_around_them() {
        check(r#"{"to":"^"#, 1, Stands::InText);
        check(r#"{"^":1"#, 1, Stands::InText);
        check(r#"{"to":^"#, 0, Stands::Between);
        check(r#" ["a",^"#, 0, Stands::Between);
        check(r#"{"to":"a\"b^"#, 1, Stands::InText);
        check(r#"{"to":"a\\","x":^"#, 0, Stands::Between);
        check(r#"{"doc":"{\"to\":\"^"#, 2, Stands::InText);
        check(r#"{"doc":"{\"to\":^"#, 1, Stands::Between);
        check(r#"{"doc":" [\"^"#, 2, Stands::InText);
        check(r#"{"doc":"{\u0022to\u0022:\u0022^"#, 2, Stands::InText);
        check(r#"{"doc":"{\"in\":\"{\\\"to\\\":\\\"^"#, 3, Stands::InText);
        check(r#"{"doc":"{\"in\":\"{\\\"to\\\":\\\"x\\\"}\",\"b\":\"^"#, 2, Stands::InText);
        check(r#""{\"to\":\"^"#, 2, Stands::InText);
    }

    #[test]
    fn words_in_quotes_are_no_document() {
        check(r#"{"to":"say \"^"#, 1, Stands::InText);
        check(r#"{"to":"[1] \"^"#, 1, Stands::InText);
        check(r#"{"to":"{x} \"^"#, 1, Stands::InText);
        check("plain \"^", 1, Stands::InText);
        check("^", 1, Stands::InText);
    }
}
