//! A normalised view of a text with a map back to the places of the original.

mod escapes;

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// How far around a letter its word is looked at, in characters.
const WORD: usize = 64;

/// Text as a detector reads it. Borrowed when nothing had to be changed.
pub(crate) struct View<'t> {
    text: Cow<'t, str>,
    /// Where lengths differ, in order: everything between two shifts maps byte by byte.
    shifts: Vec<Shift>,
}

/// A piece of the view that stands for a piece of another length in the original.
struct Shift {
    view: Range<usize>,
    original: Range<usize>,
}

/// What a view does with one character.
enum Folded {
    Same,
    Removed,
    Ascii(char),
    /// A letter of another script that looks like this one.
    Twin(char),
}

impl<'t> View<'t> {
    /// A view for identifiers: invisible characters removed, exotic spaces, hyphens, full-width
    /// characters and foreign digits as their ASCII counterparts. Letters keep their case.
    pub(crate) fn plain(text: &'t str) -> Self {
        if !escapes::holds_any(text) && text.chars().all(|c| c.is_ascii() || matches!(fold(c), Folded::Same))
        {
            return Self { text: Cow::Borrowed(text), shifts: Vec::new() };
        }
        let mut writer = Writer::new(text);
        let mut word = Word { range: 0..0, disguises: false };
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((c, length)) =
                escapes::first(rest).or_else(|| rest.chars().next().map(|c| (c, c.len_utf8())))
            else {
                break;
            };
            let place = at..at + length;
            at += length;
            let mut buffer = [0; 4];
            match fold(c) {
                Folded::Same => writer.put(c.encode_utf8(&mut buffer), place),
                Folded::Removed => writer.put("", place),
                Folded::Ascii(ascii) => writer.put(ascii.encode_utf8(&mut buffer), place),
                Folded::Twin(twin) => {
                    if !word.range.contains(&place.start) {
                        word = Word::around(text, place.clone());
                    }
                    let told = if word.disguises { twin } else { c };
                    writer.put(told.encode_utf8(&mut buffer), place);
                }
            }
        }
        writer.finish()
    }

    /// A view for words: as [`View::plain`], and besides compatibility forms (NFKC) and case folded,
    /// every run of white space as one space.
    pub(crate) fn words(text: &'t str) -> Self {
        if is_plain_words(text) {
            return Self { text: Cow::Borrowed(text), shifts: Vec::new() };
        }
        let mut writer = Writer::new(text);
        let mut chars = text.char_indices().peekable();
        let mut after_space = false;
        while let Some((start, first)) = chars.next() {
            let mut end = start + first.len_utf8();
            if first.is_whitespace() {
                if first.is_ascii() && !after_space {
                    writer.text.push(' ');
                } else {
                    writer.put(if after_space { "" } else { " " }, start..end);
                }
                after_space = true;
                continue;
            }
            let marked =
                matches!(chars.peek(), Some((_, next)) if !next.is_ascii() && is_combining_mark(*next));
            if first.is_ascii() && !marked {
                writer.text.push(first.to_ascii_lowercase());
                after_space = false;
                continue;
            }
            while let Some((at, mark)) =
                chars.next_if(|(_, next)| !next.is_ascii() && is_combining_mark(*next))
            {
                end = at + mark.len_utf8();
            }
            let folded = fold_case(text.get(start..end).unwrap_or_default());
            after_space = after_space && folded.is_empty();
            writer.put(&folded, start..end);
        }
        writer.finish()
    }

    /// The normalised text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The original bytes that `range` of the view stands for.
    pub(crate) fn original(&self, range: Range<usize>) -> Range<usize> {
        self.start(range.start)..self.end(range.end)
    }

    fn start(&self, at: usize) -> usize {
        let before = self.shifts.partition_point(|shift| shift.view.end <= at);
        match self.shifts.get(before) {
            Some(inside) if inside.view.start <= at => inside.original.start,
            _ => self.after(before, at),
        }
    }

    fn end(&self, at: usize) -> usize {
        let before = self.shifts.partition_point(|shift| shift.view.start < at);
        match before.checked_sub(1).and_then(|last| self.shifts.get(last)) {
            Some(inside) if at <= inside.view.end => inside.original.end,
            _ => self.after(before, at),
        }
    }

    /// A place that follows the first `count` shifts.
    fn after(&self, count: usize, at: usize) -> usize {
        match count.checked_sub(1).and_then(|last| self.shifts.get(last)) {
            Some(shift) => shift.original.end + (at - shift.view.end),
            None => at,
        }
    }
}

/// Writes a view and notes where lengths differ.
struct Writer {
    text: String,
    shifts: Vec<Shift>,
}

impl Writer {
    fn new(original: &str) -> Self {
        Self { text: String::with_capacity(original.len()), shifts: Vec::new() }
    }

    fn put(&mut self, piece: &str, original: Range<usize>) {
        let start = self.text.len();
        self.text.push_str(piece);
        // Places inside a piece of several characters have no counterpart of their own.
        if piece.len() != original.len()
            || (!piece.is_ascii() || piece.len() > 1) && piece.chars().nth(1).is_some()
        {
            self.shifts.push(Shift { view: start..self.text.len(), original });
        }
    }

    fn finish<'t>(self) -> View<'t> {
        View { text: Cow::Owned(self.text), shifts: self.shifts }
    }
}

/// Whether a text needs no view for words: ASCII, single spaces, and case left to the matcher.
fn is_plain_words(text: &str) -> bool {
    let mut before = b'x';
    text.bytes().all(|byte| {
        let plain = byte.is_ascii() && !(byte.is_ascii_whitespace() && (byte != b' ' || before == b' '));
        before = byte;
        plain
    })
}

/// NFKC and simple case folding of one character and its marks; sharp s as ss, final sigma as sigma.
fn fold_case(segment: &str) -> String {
    let mut folded = String::with_capacity(segment.len());
    let mut chars = segment.chars();
    // Most letters beyond ASCII are whole and have no compatibility form.
    if let (Some(c @ 'à'..='ÿ'), None) = (chars.next(), chars.next()) {
        folded.push(c);
        return folded;
    }
    for c in segment.nfkc().filter(|c| !matches!(fold(*c), Folded::Removed)) {
        match c {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

fn fold(c: char) -> Folded {
    match c {
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => Folded::Removed,
        '\u{2060}'..='\u{2069}' | '\u{feff}' => Folded::Removed,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Folded::Ascii(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Folded::Ascii('-'),
        '\u{ff01}'..='\u{ff5e}' => ascii(u32::from(c) - 0xff01 + 0x21),
        '\u{660}'..='\u{669}' => ascii(u32::from(c) - 0x660 + 0x30),
        '\u{6f0}'..='\u{6f9}' => ascii(u32::from(c) - 0x6f0 + 0x30),
        '\u{966}'..='\u{96f}' => ascii(u32::from(c) - 0x966 + 0x30),
        '\u{370}'..='\u{52f}' => twin(c).map_or(Folded::Same, Folded::Twin),
        '\u{2070}'..='\u{209f}'
        | '\u{2460}'..='\u{24ff}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f130}'..='\u{1f189}' => compatible(c),
        _ => Folded::Same,
    }
}

/// The ASCII character a letter or digit of another style stands for (NFKC).
fn compatible(c: char) -> Folded {
    let mut forms = std::iter::once(c).nfkc();
    match (forms.next(), forms.next()) {
        (Some(form), None) if form.is_ascii() => Folded::Ascii(form),
        _ => Folded::Same,
    }
}

/// The Latin letter that a Greek or Cyrillic one looks like (Unicode Technical Standard 39).
fn twin(c: char) -> Option<char> {
    const TWINS: [(&str, &str); 2] = [
        ("абсԁеһіјӏорԛѕтухѵԝгкмнв", "a6cdehijlopqstyxvwrkmhb"),
        ("АВСЕНІЈКМОРЅТУХԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαινρ", "ABCEHIJKMOPSTYXGQWABEZHIKMNOPTYXoaivp"),
    ];
    TWINS.iter().find_map(|(from, to)| {
        from.chars().zip(to.chars()).find(|(twin, _)| *twin == c).map(|(_, latin)| latin)
    })
}

/// A word with letters that look like Latin ones.
struct Word {
    range: Range<usize>,
    /// Whether ASCII letters or digits stand in it too: only then are the others in disguise.
    disguises: bool,
}

impl Word {
    fn around(text: &str, place: Range<usize>) -> Self {
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+');
        let before = text.get(..place.start).unwrap_or_default();
        let head =
            before.chars().rev().take(WORD).take_while(|c| inside(*c)).map(char::len_utf8).sum::<usize>();
        let after = text.get(place.end..).unwrap_or_default();
        let tail = after.chars().take(WORD).take_while(|c| inside(*c)).map(char::len_utf8).sum::<usize>();
        let range = place.start - head..place.end + tail;
        let word = text.get(range.clone()).unwrap_or_default();
        Self { disguises: word.bytes().any(|byte| byte.is_ascii_alphanumeric()), range }
    }
}

fn ascii(code: u32) -> Folded {
    char::from_u32(code).map_or(Folded::Same, Folded::Ascii)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a wrong offset should fail the test")]
mod tests {
    use super::*;

    fn check(text: &str, needle: &str, expect: &str) {
        let view = View::words(text);
        let at = view.text().find(needle).unwrap();
        assert_eq!(&text[view.original(at..at + needle.len())], expect, "{text}");
    }

    #[test]
    fn places_map_back_to_the_original() {
        check("a\u{200b}b", "b", "b");
        check("x to\u{200b}p \n\t Secret\u{200b} y", "top secret", "to\u{200b}p \n\t Secret");
        check("GROSSE STRAßE!", "strasse", "STRAßE");
        check("cafe\u{301} noir", "café", "cafe\u{301}");
        check("ﬁne", "fin", "ﬁn");
        check("ÄÖÜ", "öü", "ÖÜ");
        check("İstanbul x", "x", "x");
    }

    #[test]
    fn plain_view_keeps_ordinary_text_borrowed() {
        for text in ["plain", "Grüße aus Köln", "日本語"] {
            assert!(matches!(View::plain(text).text, Cow::Borrowed(_)), "{text}");
        }
        let view = View::plain("a４１\u{200d}１\u{a0}１b");
        assert_eq!(view.text(), "a411 1b");
        assert_eq!(view.original(1..6), 1..18);
        assert_eq!(view.original(0..3), 0..7);
        assert_eq!(view.original(3..4), 10..13);
    }

    #[test]
    fn every_place_maps_to_a_character_boundary_in_order() {
        let text = "ａ\u{200b}\u{200b}é e\u{301} ß\u{a0}\u{a0}٣ﬁ x\n\n ☃";
        for view in [View::plain(text), View::words(text)] {
            let mut last = 0;
            for at in (0..=view.text().len()).filter(|at| view.text().is_char_boundary(*at)) {
                assert!(text.is_char_boundary(view.start(at)) && text.is_char_boundary(view.end(at)));
                assert!(view.start(at) >= last && view.end(at) <= text.len());
                last = view.start(at);
            }
        }
    }
}
