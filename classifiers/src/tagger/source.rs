//! The fast tagger as a source of findings: long texts are read in windows that overlap.

use super::Tagger;
use crate::detectors::{Deadline, Source, Unsearched};
use crate::windows::Cut;
use crate::{EntityType, Finding};

/// How a long text is cut, which bounds the memory of a search.
pub(crate) const CUT: Cut = Cut { core: 32 << 10, margin: 1 << 10 };

impl Source for Tagger {
    fn types(&self) -> &[EntityType] {
        Self::types(self)
    }

    fn find(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        let mut found: Vec<Finding> = Vec::new();
        for window in CUT.windows(text) {
            deadline.check()?;
            let here = Self::find(self, text.get(window.read.clone()).unwrap_or_default());
            found.extend(window.own(here));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_wherever_the_windows_end() {
        let tagger = Tagger::shipped().unwrap();
        let name = "Dear Mrs Margaret Thompson, ";
        let core = CUT.core;
        for shift in [core - 40, core - 20, core - 9, core, 3 * core + 7] {
            let mut text = "all is well and so on, é. ".repeat(shift / 27);
            while text.len() < shift {
                text.push(' ');
            }
            let place = text.len();
            text.push_str(name);
            text.push_str(&"all is well and so on, é. ".repeat(3000));
            let found = Source::find(&tagger, &text, Deadline::NEVER).unwrap();
            let names: Vec<_> = found.iter().filter(|it| it.entity == EntityType::Person).collect();
            assert_eq!(names.len(), 1, "{shift}");
            let value = text.get(names.first().map(|it| it.range.clone()).unwrap_or_default());
            assert!(value.is_some_and(|it| it.contains("Margaret Thompson")), "{shift} {place} {value:?}");
        }
    }
}
