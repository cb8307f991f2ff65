//! The text of a request as controls see it: one slot for every string leaf of the body.

use std::ops::Range;

use thiserror::Error;

/// What ends the path of a slot that holds a key; the value's path is the one before it.
pub const KEY: &str = "~key";

/// Who speaks in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Instructions of the operator or developer to the model.
    System,
    /// The end user.
    User,
    /// The model, in the history of a conversation.
    Assistant,
    /// Output of a tool handed back to the model.
    Tool,
    /// Anything else, including paths no dialect knows.
    Other,
}

/// What sort of text a slot or delta holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Natural language, and everything not known to be something else.
    Prose,
    /// Source code.
    Code,
    /// JSON text of tool arguments (stringified, possibly a fragment in a stream).
    Arguments,
    /// Part of a JSON Schema: descriptions, enums, titles.
    Schema,
    /// A name or id that other parts of the exchange refer to; changing it breaks the call.
    Identifier,
}

/// One string leaf of a body: where it is, who says it, and its decoded text.
///
/// Edits change the slot's own text; the dialect splices only edited slots back into the body.
/// There is no `Debug`: the text is the user's.
#[derive(Clone, PartialEq, Eq)]
pub struct Slot {
    path: String,
    role: Role,
    kind: Kind,
    text: String,
    edited: bool,
    /// What was replaced by what so far, in order.
    patches: Vec<Patch>,
}

/// A stretch of a slot's text, and the stretch of the text as it was read that it stands for. In bytes.
#[derive(Clone, PartialEq, Eq)]
struct Patch {
    now: Range<usize>,
    was: Range<usize>,
}

/// An edit that does not fit the slot's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    /// The range ends beyond the text or starts after its end.
    #[error("edit range {start}..{end} lies outside a text of {len} bytes")]
    OutOfBounds {
        /// First byte of the range.
        start: usize,
        /// First byte after the range.
        end: usize,
        /// Length of the text in bytes.
        len: usize,
    },
    /// The range would cut a multi-byte character.
    #[error("edit range {start}..{end} cuts a character")]
    CutsCharacter {
        /// First byte of the range.
        start: usize,
        /// First byte after the range.
        end: usize,
    },
}

impl Slot {
    /// A slot as read from a body: `path` is a JSON Pointer (nested stringified JSON continues after
    /// `#`), `text` the decoded string.
    pub fn new(path: String, role: Role, kind: Kind, text: String) -> Self {
        Self { path, role, kind, text, edited: false, patches: Vec::new() }
    }

    /// JSON Pointer of the leaf; nested stringified JSON continues after `#`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who speaks.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What sort of text it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The decoded text, with all edits so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether any control changed the text.
    pub fn is_edited(&self) -> bool {
        self.edited
    }

    /// Replaces the bytes `range` of the current text by `with`.
    ///
    /// # Errors
    /// When the range lies outside the text or cuts a character; the text is then unchanged.
    pub fn replace(&mut self, range: Range<usize>, with: &str) -> Result<(), EditError> {
        let Range { start, end } = range;
        let len = self.text.len();
        if start > end || end > len {
            return Err(EditError::OutOfBounds { start, end, len });
        }
        if !self.text.is_char_boundary(start) || !self.text.is_char_boundary(end) {
            return Err(EditError::CutsCharacter { start, end });
        }
        self.text.replace_range(start..end, with);
        self.edited = true;
        Ok(())
    }

    /// Replaces stretches of the current text, in order and none overlapping another. What doesn't fit is left out.
    pub fn splice(&mut self, edits: &[(Range<usize>, String)]) {
        if edits.is_empty() {
            return;
        }
        let mut text = String::with_capacity(self.text.len() + edits.len() * 16);
        let mut patches = Vec::with_capacity(self.patches.len() + edits.len());
        let mut from = 0;
        for (range, with) in edits {
            let Some(before) = self.text.get(from..range.start) else { continue };
            self.keep_patches(from..range.start, text.len(), &mut patches);
            text.push_str(before);
            let start = text.len();
            text.push_str(with);
            patches.push(Patch { now: start..text.len(), was: self.original(range.clone()) });
            from = range.end;
        }
        self.keep_patches(from..self.text.len(), text.len(), &mut patches);
        text.push_str(self.text.get(from..).unwrap_or_default());
        self.set_text(text);
        self.patches = patches;
    }

    /// Where a stretch of the current text stood in the text as it was read, in bytes. Of a stretch that was replaced
    /// already, it is all that was replaced.
    pub fn original(&self, range: Range<usize>) -> Range<usize> {
        let place = |at: usize, is_end: bool| {
            let (mut now, mut was) = (0, 0);
            for patch in &self.patches {
                let inside = patch.now.start < at && at < patch.now.end;
                if inside {
                    return if is_end { patch.was.end } else { patch.was.start };
                }
                let is_before =
                    if is_end { patch.now.end <= at } else { patch.now.end <= at && patch.now.start < at };
                if !is_before {
                    break;
                }
                (now, was) = (patch.now.end, patch.was.end);
            }
            was + at.saturating_sub(now)
        };
        let start = place(range.start, false);
        start..place(range.end, true).max(start)
    }

    /// Moves the patches of a stretch that stays to where it will be.
    fn keep_patches(&self, stretch: Range<usize>, to: usize, into: &mut Vec<Patch>) {
        let within = |patch: &&Patch| stretch.start <= patch.now.start && patch.now.end <= stretch.end;
        let moved = |at: usize| at - stretch.start + to;
        into.extend(self.patches.iter().filter(within).map(|patch| Patch {
            now: moved(patch.now.start)..moved(patch.now.end),
            was: patch.was.clone(),
        }));
    }

    /// Replaces the whole text.
    pub fn set_text(&mut self, text: String) {
        self.edited |= text != self.text;
        self.text = text;
    }
}

/// All slots of one body, in document order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Slots(Vec<Slot>, Option<String>);

impl Slots {
    /// No slots.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a slot.
    pub fn push(&mut self, slot: Slot) {
        self.0.push(slot);
    }

    /// Notes that text stands in the body as token ids, and where.
    pub fn note_token_ids(&mut self, path: String) {
        self.1.get_or_insert(path);
    }

    /// Where the first text stands that is given as token ids.
    pub fn token_ids(&self) -> Option<&str> {
        self.1.as_deref()
    }

    /// Number of slots.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The slot at `index` in document order.
    pub fn get(&self, index: usize) -> Option<&Slot> {
        self.0.get(index)
    }

    /// The slot at `index`, for editing.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Slot> {
        self.0.get_mut(index)
    }

    /// The slots in document order.
    pub fn iter(&self) -> std::slice::Iter<'_, Slot> {
        self.0.iter()
    }

    /// The slots in document order, for editing.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Slot> {
        self.0.iter_mut()
    }

    /// Whether any slot was edited.
    pub fn is_edited(&self) -> bool {
        self.0.iter().any(Slot::is_edited)
    }
}

impl IntoIterator for Slots {
    type Item = Slot;
    type IntoIter = std::vec::IntoIter<Slot>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Slots {
    type Item = &'a Slot;
    type IntoIter = std::slice::Iter<'a, Slot>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Slots {
    type Item = &'a mut Slot;
    type IntoIter = std::slice::IterMut<'a, Slot>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}

impl FromIterator<Slot> for Slots {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        Self(slots.into_iter().collect(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(text: &str) -> Slot {
        Slot::new("/messages/0/content".into(), Role::User, Kind::Prose, text.into())
    }

    #[test]
    fn edits_are_checked_and_remembered() {
        let mut it = slot("añb");
        assert_eq!(it.replace(2..3, "x"), Err(EditError::CutsCharacter { start: 2, end: 3 }));
        assert_eq!(it.replace(0..9, "x"), Err(EditError::OutOfBounds { start: 0, end: 9, len: 4 }));
        assert!(!it.is_edited());
        it.replace(1..3, "n").unwrap();
        assert_eq!((it.text(), it.is_edited()), ("anb", true));
    }

    #[test]
    fn a_place_is_found_in_the_text_as_it_was_read() {
        let edit = |range: Range<usize>, with: &str| (range, with.to_owned());
        let mut it = slot("ab CDE fg HI jk");
        it.splice(&[edit(3..6, "x"), edit(10..12, "long")]);
        assert_eq!(it.text(), "ab x fg long jk");
        let was = |it: &Slot, part: &str| {
            let start = it.text().find(part).unwrap();
            it.original(start..start + part.len())
        };
        for (part, place) in [("ab", 0..2), ("x", 3..6), ("fg", 7..9), ("on", 10..12), ("jk", 13..15)] {
            assert_eq!(was(&it, part), place, "{part}");
        }
        it.splice(&[edit(0..2, "START"), edit(5..7, "")]);
        assert_eq!(it.text(), "START x  long jk");
        for (part, place) in
            [("START", 0..2), ("x", 3..6), ("long", 10..12), ("jk", 13..15), ("x  long", 3..12)]
        {
            assert_eq!(was(&it, part), place, "{part}");
        }
    }

    #[test]
    fn setting_the_same_text_is_no_edit() {
        let mut it = slot("same");
        it.set_text("same".into());
        assert!(!it.is_edited());
        it.set_text("other".into());
        it.set_text("other".into());
        assert!(it.is_edited());
    }
}
