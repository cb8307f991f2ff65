//! The text of a request as controls see it: one slot for every string leaf of the body.

use std::ops::Range;

use thiserror::Error;

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
        Self { path, role, kind, text, edited: false }
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

    /// Replaces the whole text.
    pub fn set_text(&mut self, text: String) {
        self.edited |= text != self.text;
        self.text = text;
    }
}

/// All slots of one body, in document order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Slots(Vec<Slot>);

impl Slots {
    /// No slots.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a slot.
    pub fn push(&mut self, slot: Slot) {
        self.0.push(slot);
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
        Self(slots.into_iter().collect())
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
    fn setting_the_same_text_is_no_edit() {
        let mut it = slot("same");
        it.set_text("same".into());
        assert!(!it.is_edited());
        it.set_text("other".into());
        it.set_text("other".into());
        assert!(it.is_edited());
    }
}
