//! Long texts in pieces: each piece answers for its core, and is read with what stands on either side.

use std::ops::Range;

use crate::Finding;

/// How a long text is cut, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// What one window answers for.
    pub core: usize,
    /// What is read on either side of it as well, for the context of what stands at its edge.
    pub margin: usize,
}

/// One window of a text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// What the window answers for; the cores of a text follow each other without a gap.
    pub core: Range<usize>,
    /// What is read.
    pub read: Range<usize>,
}

impl Cut {
    /// The windows of `text`: one if it is short.
    pub fn windows(self, text: &str) -> impl Iterator<Item = Window> {
        let whole = text.len() <= self.core.saturating_add(self.margin);
        let mut start = 0;
        std::iter::from_fn(move || {
            if start >= text.len() {
                return None;
            }
            if whole {
                start = text.len();
                return Some(Window { core: 0..start, read: 0..start });
            }
            let core = start..edge(text, start.saturating_add(self.core));
            let read = edge(text, start.saturating_sub(self.margin))
                ..edge(text, core.end.saturating_add(self.margin));
            start = core.end;
            Some(Window { core, read })
        })
    }
}

impl Window {
    /// Findings in what was read, moved to their places in the whole text. Whoever holds the beginning of a
    /// finding answers for it, so no other is left.
    pub fn own(&self, found: Vec<Finding>) -> impl Iterator<Item = Finding> {
        let by = self.read.start;
        let moved = move |it: Finding| Finding { range: it.range.start + by..it.range.end + by, ..it };
        found.into_iter().map(moved).filter(|it| self.core.contains(&it.range.start))
    }
}

/// The first place at or behind `at` where a word begins, or a character if none does soon.
fn edge(text: &str, at: usize) -> usize {
    if at == 0 || at >= text.len() {
        return at.min(text.len());
    }
    let at = text.ceil_char_boundary(at);
    let rest = text.get(at..).unwrap_or_default();
    let gap = rest.char_indices().take(64).find(|(_, c)| c.is_whitespace());
    gap.map_or(at, |(offset, c)| at + offset + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_follow_each_other_and_windows_hold_them() {
        let cut = Cut { core: 40, margin: 10 };
        for text in ["", "short", &"é wörd ".repeat(60), &"漢字".repeat(200), &" ".repeat(300)] {
            let mut end = 0;
            for window in cut.windows(text) {
                assert_eq!(window.core.start, end);
                assert!(window.read.start <= window.core.start && window.read.end >= window.core.end);
                assert!(text.get(window.read.clone()).is_some() && text.get(window.core.clone()).is_some());
                assert!(!window.core.is_empty());
                end = window.core.end;
            }
            assert_eq!(end, text.len());
        }
    }
}
