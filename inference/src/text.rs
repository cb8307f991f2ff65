//! Turns tokens' bytes into text that never splits a character, and finds stop sequences in it.

/// Collects bytes and gives out whole characters.
#[derive(Default)]
pub(crate) struct Utf8Buffer {
    pending: Vec<u8>,
}

impl Utf8Buffer {
    /// Adds bytes and returns what is complete; bytes that can't become a character turn to U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut chunks = self.pending.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            if chunks.peek().is_none() && is_start(chunk.invalid()) {
                self.pending = chunk.invalid().to_vec();
                return text;
            }
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.pending.clear();
        text
    }

    /// What is left when no more bytes come.
    pub(crate) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.pending);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// Whether more bytes could make `bytes` a character.
fn is_start(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) => error.error_len().is_none(),
    }
}

/// Holds text back as long as it may be the beginning of a stop sequence.
pub(crate) struct StopScanner {
    stops: Vec<String>,
    held: String,
}

/// What a piece of text led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// May go out.
    pub text: String,
    /// A stop sequence was found; it and what follows are dropped.
    pub stopped: bool,
}

impl StopScanner {
    /// Empty stop sequences are ignored.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().filter(|stop| !stop.is_empty()).collect(), held: String::new() }
    }

    /// Adds text.
    pub(crate) fn push(&mut self, text: &str) -> Scanned {
        if self.stops.is_empty() {
            return Scanned { text: text.to_owned(), stopped: false };
        }
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.held.truncate(at);
            return Scanned { text: std::mem::take(&mut self.held), stopped: true };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        Scanned { text: std::mem::replace(&mut self.held, rest), stopped: false }
    }

    /// What was held back, when no more text comes.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Length of the longest end of `text` that `stop` begins with.
fn overlap(text: &str, stop: &str) -> usize {
    let starts = stop.char_indices().map(|(at, _)| at).skip(1);
    starts.filter(|length| stop.get(..*length).is_some_and(|start| text.ends_with(start))).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_never_split() {
        let source = "aé漢🦀 z";
        for first in 0..source.len() {
            for second in first..source.len() {
                let bytes = source.as_bytes();
                let mut buffer = Utf8Buffer::default();
                let mut text = buffer.push(&bytes[..first]);
                text += &buffer.push(&bytes[first..second]);
                text += &buffer.push(&bytes[second..]);
                text += &buffer.finish();
                assert_eq!(text, source);
            }
        }
    }

    #[test]
    fn broken_bytes_become_replacement_characters() {
        let mut buffer = Utf8Buffer::default();
        assert_eq!(buffer.push(b"a\xFFb\xE2\x82"), "a\u{FFFD}b");
        assert_eq!(buffer.push(b"c"), "\u{FFFD}c");
        assert_eq!(buffer.push(b"\xF0\x9F"), "");
        assert_eq!(buffer.finish(), "\u{FFFD}");
    }

    fn scan(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let mut scanner = StopScanner::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut out = Vec::new();
        for piece in pieces {
            let scanned = scanner.push(piece);
            out.push(scanned.text);
            if scanned.stopped {
                return (out, true);
            }
        }
        out.push(scanner.finish());
        (out, false)
    }

    #[test]
    fn stops_are_found_across_pieces_and_nothing_of_them_leaks() {
        assert_eq!(
            scan(&["END"], &["one E", "N", "D two"]),
            (vec!["one ".into(), "".into(), "".into()], true)
        );
        assert_eq!(
            scan(&["END"], &["one E", "N", "d"]),
            (vec!["one ".into(), "".into(), "ENd".into(), "".into()], false)
        );
        assert_eq!(scan(&["b", "ab"], &["xa", "b"]), (vec!["x".into(), "".into()], true));
        assert_eq!(scan(&["終わり"], &["これで終", "わり!"]), (vec!["これで".into(), "".into()], true));
        assert_eq!(scan(&[], &["x"]), (vec!["x".into(), "".into()], false));
    }

    #[test]
    fn what_was_held_comes_out_at_the_end() {
        assert_eq!(scan(&["\n\n"], &["a\n"]), (vec!["a".into(), "\n".into()], false));
    }
}
