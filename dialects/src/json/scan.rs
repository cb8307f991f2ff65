//! The strict scanner: bytes to tape in one pass, without recursion.

use super::text::next_special;
use super::{Doc, Fault, Node, NodeKind, Tape, fault};
use crate::Limits;

/// How forgiving the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Requests: duplicate keys and lone surrogates are refused, since readers differ on what they mean.
    Strict,
    /// Replies and nested JSON: both are let through, since every value is inspected anyway.
    Lenient,
}

/// Fewer digits than this are no phone, card or account number, so the number needs no node of its own when
/// it stands in an array.
const TELLING_DIGITS: usize = 7;
/// Objects up to this size are checked for duplicate keys by comparing all pairs.
const PAIRWISE: usize = 12;

/// Scans `bytes` as one JSON text.
///
/// # Errors
/// The first violation found.
pub fn scan(bytes: &[u8], limits: &Limits, strictness: Strictness) -> Result<Tape, Fault> {
    let root = |reason| Fault { steps: Vec::new(), reason };
    if u32::try_from(bytes.len()).is_err() {
        return Err(root("longer than 4 GiB"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(root("not valid UTF-8"));
    }
    let nodes = Vec::with_capacity((bytes.len() / 32).clamp(16, 4096));
    let mut scanner =
        Scanner { bytes, at: 0, tape: Tape { nodes }, open: Vec::new(), run: None, limits, strictness };
    match scanner.document() {
        Ok(()) => Ok(scanner.tape),
        Err(reason) => Err(Fault { steps: fault::steps(&Doc::new(bytes, &scanner.tape), &scanner.open), reason }),
    }
}

type Checked<T = ()> = Result<T, &'static str>;

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    tape: Tape,
    /// Indices of the open containers.
    open: Vec<u32>,
    /// The array whose newest element is a number run.
    run: Option<u32>,
    limits: &'a Limits,
    strictness: Strictness,
}

impl Scanner<'_> {
    fn document(&mut self) -> Checked {
        loop {
            self.space();
            if self.value()? {
                continue;
            }
            if !self.after_value()? {
                break;
            }
        }
        self.space();
        if self.at < self.bytes.len() { Err("bytes after the end of the JSON text") } else { Ok(()) }
    }

    /// Reads one value; true when it opened a container whose first value comes next.
    fn value(&mut self) -> Checked<bool> {
        match self.peek() {
            Some(b'{') => self.enter(NodeKind::Object),
            Some(b'[') => self.enter(NodeKind::Array),
            Some(b'"') => self.string(NodeKind::String).map(|()| false),
            Some(b't') => self.word(b"true", NodeKind::True),
            Some(b'f') => self.word(b"false", NodeKind::False),
            Some(b'n') => self.word(b"null", NodeKind::Null),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(_) => Err("a value was expected"),
            None => Err("the JSON text ends too early"),
        }
    }

    /// Closes what ends here; true when another value follows, false at the end of the document.
    fn after_value(&mut self) -> Checked<bool> {
        loop {
            let Some(&top) = self.open.last() else { return Ok(false) };
            let array = self.tape.nodes.get(top as usize).is_some_and(|node| node.kind == NodeKind::Array);
            self.space();
            match self.peek() {
                Some(b',') if array => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b',') => {
                    self.at += 1;
                    return self.key().map(|()| true);
                }
                Some(b']') if array => self.leave()?,
                Some(b'}') if !array => self.leave()?,
                Some(_) => return Err("a comma or the end of the array or object was expected"),
                None => return Err("the JSON text ends too early"),
            }
        }
    }

    fn enter(&mut self, kind: NodeKind) -> Checked<bool> {
        if self.open.len() >= self.limits.depth {
            return Err("nested too deeply");
        }
        let start = self.at;
        self.at += 1;
        let index = self.push(kind, start, false)?;
        self.open.push(index);
        self.space();
        match (kind, self.peek()) {
            (NodeKind::Array, Some(b']')) | (NodeKind::Object, Some(b'}')) => {
                self.leave()?;
                Ok(false)
            }
            (NodeKind::Object, _) => self.key().map(|()| true),
            _ => Ok(true),
        }
    }

    fn leave(&mut self) -> Checked {
        self.at += 1;
        let Some(&index) = self.open.last() else { return Ok(()) };
        let (end, extent) = (self.at as u32, self.tape.nodes.len() as u32);
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            node.end = end;
            node.extent = extent;
            if node.kind == NodeKind::Object && self.strictness == Strictness::Strict {
                self.unique_keys(index)?;
            }
        }
        self.open.pop();
        self.run = None;
        Ok(())
    }

    fn key(&mut self) -> Checked {
        self.space();
        if self.peek() != Some(b'"') {
            return Err("a key in quotes was expected");
        }
        self.string(NodeKind::Key)?;
        self.space();
        if self.peek() != Some(b':') {
            return Err("a colon was expected");
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: NodeKind) -> Checked<bool> {
        let start = self.at;
        if !self.bytes.get(start..).unwrap_or_default().starts_with(word) {
            return Err("a value was expected");
        }
        self.at += word.len();
        self.push(kind, start, false).map(|_| false)
    }

    fn string(&mut self, kind: NodeKind) -> Checked {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = next_special(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err("a control character in a string"),
                None => return Err("the JSON text ends too early"),
            }
        }
        self.at += 1;
        self.push(kind, start, escaped).map(|_| ())
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

    fn number(&mut self) -> Checked {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let digits = self.digits()?;
        if zero && digits > 1 {
            return Err("a number with a leading zero");
        }
        let mut telling = digits >= TELLING_DIGITS;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            telling = false;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
            telling = false;
        }
        self.push_number(start, telling)
    }

    fn digits(&mut self) -> Checked<usize> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err("a malformed number") } else { Ok(count) }
    }

    fn push_number(&mut self, start: usize, telling: bool) -> Checked {
        let parent = self.open.last().copied();
        let array = parent.and_then(|index| self.tape.nodes.get(index as usize));
        let array = array.filter(|node| node.kind == NodeKind::Array).and(parent);
        let (Some(array), false) = (array, telling) else {
            return self.push(NodeKind::Number, start, false).map(|_| ());
        };
        if self.run == Some(array)
            && let Some(node) = self.tape.nodes.last_mut()
        {
            node.end = self.at as u32;
            node.extent = node.extent.saturating_add(1);
            return Ok(());
        }
        let index = self.push(NodeKind::Numbers, start, false)?;
        if let Some(node) = self.tape.nodes.get_mut(index as usize) {
            node.extent = 1;
        }
        self.run = Some(array);
        Ok(())
    }

    fn push(&mut self, kind: NodeKind, start: usize, escaped: bool) -> Checked<u32> {
        let index = self.tape.nodes.len();
        if index >= self.limits.leaves {
            return Err("too many values");
        }
        self.run = None;
        let node = Node { kind, escaped, start: start as u32, end: self.at as u32, extent: 0 };
        self.tape.nodes.push(node);
        Ok(index as u32)
    }

    fn unique_keys(&self, object: u32) -> Checked {
        let doc = Doc::new(self.bytes, &self.tape);
        let keys: Vec<Node> = doc.members(object).map(|(key, _)| key).collect();
        let plain = !keys.iter().any(|key| key.escaped);
        let twice = if plain && keys.len() <= PAIRWISE {
            let mut rest = keys.as_slice();
            let mut twice = false;
            while let Some((first, others)) = rest.split_first() {
                twice |= others.iter().any(|other| doc.inner(*other) == doc.inner(*first));
                rest = others;
            }
            twice
        } else {
            let mut names: Vec<_> = keys.iter().map(|key| doc.text(*key)).collect();
            names.sort_unstable();
            !names.is_sorted_by(|one, next| one < next)
        };
        if twice { Err("the same key twice in one object") } else { Ok(()) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}
