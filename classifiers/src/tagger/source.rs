//! The fast tagger as a source of findings: long texts are read in windows that overlap.

use std::ops::Range;

use super::Tagger;
use crate::{EntityType, Finding, Source};

/// Bytes of text that one window answers for, which bounds the memory of a search.
const CORE: usize = 32 << 10;
/// Bytes on either side of it that are read as well, for the context of what stands at its edge.
const MARGIN: usize = 1 << 10;

impl Source for Tagger {
    fn types(&self) -> &[EntityType] {
        Self::types(self)
    }

    fn find(&self, text: &str) -> Vec<Finding> {
        if text.len() <= CORE + MARGIN {
            return Self::find(self, text);
        }
        let mut found: Vec<Finding> = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let core = start..edge(text, start.saturating_add(CORE));
            let window =
                edge(text, start.saturating_sub(MARGIN))..edge(text, core.end.saturating_add(MARGIN));
            let here = Self::find(self, text.get(window.clone()).unwrap_or_default());
            // Whoever holds the beginning of a finding answers for it.
            let own = here.into_iter().map(|it| Finding { range: moved(&it.range, window.start), ..it });
            found.extend(own.filter(|it| core.contains(&it.range.start)));
            start = core.end;
        }
        found
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

fn moved(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_wherever_the_windows_end() {
        let tagger = Tagger::shipped().unwrap();
        let name = "Dear Mrs Margaret Thompson, ";
        for shift in [CORE - 40, CORE - 20, CORE - 9, CORE, 3 * CORE + 7] {
            let mut text = "all is well and so on, é. ".repeat(shift / 27);
            while text.len() < shift {
                text.push(' ');
            }
            let place = text.len();
            text.push_str(name);
            text.push_str(&"all is well and so on, é. ".repeat(3000));
            let found = Source::find(&tagger, &text);
            let names: Vec<_> = found.iter().filter(|it| it.entity == EntityType::Person).collect();
            assert_eq!(names.len(), 1, "{shift}");
            let value = text.get(names.first().map(|it| it.range.clone()).unwrap_or_default());
            assert!(value.is_some_and(|it| it.contains("Margaret Thompson")), "{shift} {place} {value:?}");
        }
    }
}
