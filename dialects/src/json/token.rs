//! The scanner's tokens: words, strings, numbers.

use super::scan::{Checked, Scanner, Strictness};
use super::text::next_special;
use super::{Node, NodeKind, Spelling};

/// Fewer digits than this are no phone, card or account number, so the number needs no node of its own when
/// it stands in an array.
const TELLING_DIGITS: usize = 7;

/// Whether a number could be a phone, card or account number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Telling,
    Slight,
}

impl Scanner<'_> {
    /// Reads `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &[u8], kind: NodeKind) -> Checked {
        let start = self.at;
        if !self.bytes.get(start..).unwrap_or_default().starts_with(word) {
            return Err("a value was expected");
        }
        self.at += word.len();
        self.push(kind, start).map(|_| ())
    }

    /// Reads a string or key, from its opening quote.
    pub(super) fn string(&mut self, kind: NodeKind) -> Checked {
        let start = self.at;
        let mut spelling = Spelling::Plain;
        self.at += 1;
        loop {
            self.at = next_special(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    spelling = Spelling::Escaped;
                    self.escape()?;
                }
                Some(_) => return Err("a control character in a string"),
                None => return Err("the JSON text ends too early"),
            }
        }
        self.at += 1;
        let index = self.push(kind, start)?;
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            node.spelling = spelling;
        }
        Ok(())
    }

    fn escape(&mut self) -> Checked {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                let unit = self.unit()?;
                let lone = match unit {
                    0xD800..0xDC00 => !self.low_surrogate()?,
                    0xDC00..0xE000 => true,
                    _ => false,
                };
                if lone && self.strictness == Strictness::Strict {
                    return Err("a lone surrogate in a string");
                }
            }
            _ => return Err("an unknown escape in a string"),
        }
        Ok(())
    }

    /// Consumes the second half of a surrogate pair when it is there.
    fn low_surrogate(&mut self) -> Checked<bool> {
        let before = self.at;
        if self.bytes.get(before..before + 2) != Some(b"\\u".as_slice()) {
            return Ok(false);
        }
        self.at += 2;
        let low = matches!(self.unit()?, 0xDC00..0xE000);
        if !low {
            self.at = before;
        }
        Ok(low)
    }

    fn unit(&mut self) -> Checked<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).unwrap_or_default();
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        let value = digits.iter().try_fold(0, |sum, byte| Some(sum * 16 + hex(byte)?));
        self.at += 4;
        value.filter(|_| digits.len() == 4).ok_or("an unknown escape in a string")
    }

    /// Reads a number.
    pub(super) fn number(&mut self) -> Checked {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if zero && digits > 1 {
            return Err("a number with a leading zero");
        }
        let mut weight = if digits >= TELLING_DIGITS { Weight::Telling } else { Weight::Slight };
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            weight = Weight::Slight;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            weight = Weight::Slight;
        }
        self.push_number(start, weight)
    }

    fn digits(&mut self) -> Checked<usize> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err("a malformed number") } else { Ok(count) }
    }

    fn push_number(&mut self, start: usize, weight: Weight) -> Checked {
        let parent = self.open.last().copied();
        let array = parent.and_then(|index| self.tape.nodes.get(index as usize));
        let array = array.filter(|node| node.kind == NodeKind::Array).and(parent);
        let (Some(array), Weight::Slight) = (array, weight) else {
            return self.push(NodeKind::Number, start).map(|_| ());
        };
        if self.run == Some(array)
            && let Some(node) = self.tape.nodes.last_mut()
        {
            node.end = self.at as u32;
            node.extent = node.extent.saturating_add(1);
            return Ok(());
        }
        let index = self.push(NodeKind::Numbers, start)?;
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            node.extent = 1;
        }
        self.run = Some(array);
        Ok(())
    }

    /// Appends a node that ends here.
    pub(super) fn push(&mut self, kind: NodeKind, start: usize) -> Checked<u32> {
        let index = self.tape.nodes.len();
        if index >= self.limits.leaves {
            return Err("too many values");
        }
        self.run = None;
        let spelling = Spelling::Plain;
        let node = Node { kind, spelling, start: start as u32, end: self.at as u32, extent: 0 };
        self.tape.nodes.push(node);
        Ok(index as u32)
    }
}
