//! The strict scanner: bytes to tape in one pass, without recursion.

use super::{Doc, Fault, Node, NodeKind, Spelling, Tape, fault};
use crate::Limits;

/// How forgiving the scanner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Requests: duplicate keys and lone surrogates are refused, since readers differ on what they mean.
    Strict,
    /// Replies and nested JSON: both are let through, since every value is inspected anyway.
    Lenient,
}

/// Objects up to this size are checked for duplicate keys by comparing all pairs.
const PAIRWISE: usize = 12;

/// Scans `bytes` as one JSON text.
///
/// # Errors
/// The first violation found.
pub(super) fn scan(
    bytes: &[u8],
    limits: &Limits,
    (strictness, tape): (Strictness, &mut Tape),
) -> Result<(), Fault> {
    let root = |reason| Fault { steps: Vec::new(), reason };
    if u32::try_from(bytes.len()).is_err() {
        return Err(root("longer than 4 GiB"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(root("not valid UTF-8"));
    }
    let mut scanner =
        Scanner { bytes, at: 0, tape, open: Vec::with_capacity(8), run: None, limits, strictness };
    let Err(reason) = scanner.document() else { return Ok(()) };
    let open = scanner.open;
    Err(Fault { steps: fault::steps(&Doc::new(bytes, tape), &open), reason })
}

pub(super) type Checked<T = ()> = Result<T, &'static str>;

/// A scan under way.
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) tape: &'a mut Tape,
    /// Indices of the open containers.
    pub(super) open: Vec<u32>,
    /// The array whose newest element is a number run.
    pub(super) run: Option<u32>,
    pub(super) limits: &'a Limits,
    pub(super) strictness: Strictness,
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
            Some(b't') => self.word(b"true", NodeKind::True).map(|()| false),
            Some(b'f') => self.word(b"false", NodeKind::False).map(|()| false),
            Some(b'n') => self.word(b"null", NodeKind::Null).map(|()| false),
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
        let index = self.push(kind, start)?;
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

    fn unique_keys(&self, object: u32) -> Checked {
        let doc = Doc::new(self.bytes, self.tape);
        let keys: Vec<Node> = doc.members(object).map(|(key, _)| key).collect();
        let plain = keys.iter().all(|key| key.spelling == Spelling::Plain);
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

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}
