//! Server-sent events (WHATWG HTML, section 9.2): bytes to frames that keep their raw bytes, and back.
//!
//! A frame is everything up to and including a blank line. Lines end in LF, CR or CRLF; a CR at the end of
//! what has arrived waits for the next byte, since it may be half of a CRLF.

use std::ops::Range;

/// Largest frame by default, in bytes.
pub const MOST_FRAME: usize = 1024 * 1024;

/// Cuts a byte stream into frames. Holds at most one frame.
pub struct Decoder {
    pending: Vec<u8>,
    cursor: Cursor,
    most: usize,
    begun: bool,
}

/// Why decoding stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop<E> {
    /// A frame is longer than this many bytes.
    TooLarge(usize),
    /// The receiver of the frames said so.
    By(E),
}

/// One frame, blank line included.
pub struct Frame<'a> {
    raw: &'a [u8],
    name: Range<usize>,
    payload: Payload,
}

enum Payload {
    None,
    Line(Range<usize>),
    Lines(Vec<u8>),
}

/// How far the search for the blank line has come.
#[derive(Clone, Copy, Default)]
struct Cursor {
    line: usize,
    at: usize,
}

impl Decoder {
    /// A decoder that refuses frames over `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { pending: Vec::new(), cursor: Cursor::default(), most, begun: false }
    }

    /// Takes the next bytes, in any cutting, and hands on the frames they complete.
    ///
    /// # Errors
    /// When a frame is too large or `on` says so; the decoder is then of no more use.
    pub fn push<E>(
        &mut self,
        bytes: &[u8],
        on: &mut dyn FnMut(&Frame<'_>) -> Result<(), E>,
    ) -> Result<(), Stop<E>> {
        if self.pending.is_empty() {
            let used = self.frames(bytes, on)?;
            self.pending.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(bytes);
            let used = self.frames(&pending, on)?;
            pending.drain(..used);
            self.pending = pending;
        }
        if self.pending.len() > self.most { Err(Stop::TooLarge(self.most)) } else { Ok(()) }
    }

    /// Hands on what the stream ended in the middle of: some engines leave the last blank line out.
    ///
    /// # Errors
    /// When `on` says so.
    pub fn end<E>(&mut self, on: &mut dyn FnMut(&Frame<'_>) -> Result<(), E>) -> Result<(), Stop<E>> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let frame = self.frame(&pending);
        on(&frame).map_err(Stop::By)
    }

    /// The bytes of a frame that is not complete.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    fn frames<E>(
        &mut self,
        bytes: &[u8],
        on: &mut dyn FnMut(&Frame<'_>) -> Result<(), E>,
    ) -> Result<usize, Stop<E>> {
        let mut start = 0;
        loop {
            let rest = bytes.get(start..).unwrap_or_default();
            let Some(end) = self.cursor.blank_line(rest) else { return Ok(start) };
            if end > self.most {
                return Err(Stop::TooLarge(self.most));
            }
            let frame = self.frame(rest.get(..end).unwrap_or_default());
            self.cursor = Cursor::default();
            on(&frame).map_err(Stop::By)?;
            start += end;
        }
    }

    fn frame<'a>(&mut self, raw: &'a [u8]) -> Frame<'a> {
        let skip = if self.begun { 0 } else { usize::from(raw.starts_with(b"\xef\xbb\xbf")) * 3 };
        self.begun = true;
        Frame::read(raw, skip)
    }
}

impl Cursor {
    /// The byte after the next blank line.
    fn blank_line(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            let rest = bytes.get(self.at..)?;
            let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.at = bytes.len();
                return None;
            };
            let newline = self.at + found;
            let Some(end) = line_end(bytes, newline) else {
                self.at = newline;
                return None;
            };
            let blank = newline == self.line;
            *self = Self { line: end, at: end };
            if blank {
                return Some(end);
            }
        }
    }
}

/// The byte after the line break at `newline`; nothing when it may be half of a CRLF.
fn line_end(bytes: &[u8], newline: usize) -> Option<usize> {
    if bytes.get(newline) == Some(&b'\n') {
        return Some(newline + 1);
    }
    let next = bytes.get(newline + 1)?;
    Some(newline + 1 + usize::from(*next == b'\n'))
}

impl<'a> Frame<'a> {
    fn read(raw: &'a [u8], skip: usize) -> Self {
        let mut frame = Frame { raw, name: 0..0, payload: Payload::None };
        for (line, _) in lines(raw, skip) {
            let text = raw.get(line.clone()).unwrap_or_default();
            let (field, value) = match memchr::memchr(b':', text) {
                Some(colon) => (text.get(..colon).unwrap_or_default(), colon + 1),
                None => (text, text.len()),
            };
            let space = usize::from(text.get(value) == Some(&b' '));
            let value = line.start + value + space..line.end;
            match field {
                b"data" => frame.add(value),
                b"event" => frame.name = value,
                _ => {}
            }
        }
        frame
    }

    fn add(&mut self, value: Range<usize>) {
        let text = |range: &Range<usize>| self.raw.get(range.clone()).unwrap_or_default();
        self.payload = match &mut self.payload {
            Payload::None => Payload::Line(value),
            Payload::Line(first) => Payload::Lines([text(first), b"\n", text(&value)].concat()),
            Payload::Lines(joined) => {
                joined.push(b'\n');
                joined.extend_from_slice(self.raw.get(value).unwrap_or_default());
                return;
            }
        };
    }

    /// The frame as it came.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The event's name; empty when it has none.
    pub fn name(&self) -> &'a [u8] {
        self.raw.get(self.name.clone()).unwrap_or_default()
    }

    /// The event's data; nothing for comments and keep-alives.
    pub fn data(&self) -> Option<&[u8]> {
        match &self.payload {
            Payload::None => None,
            Payload::Line(range) => self.raw.get(range.clone()),
            Payload::Lines(joined) => Some(joined),
        }
    }

    /// Appends the frame with other data; names, ids and comments stay as they came.
    pub fn write_with(&self, data: &[u8], out: &mut Vec<u8>) {
        if let Payload::Line(range) = &self.payload {
            out.extend_from_slice(self.raw.get(..range.start).unwrap_or_default());
            out.extend_from_slice(data);
            out.extend_from_slice(self.raw.get(range.end..).unwrap_or_default());
            return;
        }
        let mut data = Some(data);
        for (line, end) in lines(self.raw, 0) {
            let text = self.raw.get(line.start..end).unwrap_or_default();
            if !text.starts_with(b"data") {
                // The blank line comes last, so data that had no line of its own stands before it.
                out.extend_from_slice(text);
            } else if let Some(data) = data.take() {
                for line in data.split(|byte| *byte == b'\n') {
                    write_line(b"data: ", line, out);
                }
            }
        }
    }
}

/// Appends a frame made here.
pub fn write(name: Option<&str>, data: &[u8], out: &mut Vec<u8>) {
    if let Some(name) = name {
        write_line(b"event: ", name.as_bytes(), out);
    }
    write_line(b"data: ", data, out);
    out.push(b'\n');
}

fn write_line(field: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(field);
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// The lines of a frame without their line breaks, and the byte after each break.
fn lines(raw: &[u8], skip: usize) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    let mut at = skip;
    std::iter::from_fn(move || {
        let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
        let newline = memchr::memchr2(b'\n', b'\r', rest).map_or(raw.len(), |found| at + found);
        let end = line_end(raw, newline).unwrap_or(raw.len());
        let line = at..newline;
        at = end;
        Some((line, end))
    })
}

#[cfg(test)]
mod tests;
