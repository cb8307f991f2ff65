//! The values a caller brought along in its request: they are its own, in whatever spelling a reply repeats
//! them.

use std::collections::HashSet;

use weir_classifiers::EntityType;

/// Types that are made of words, of which a reply may repeat some: a family name of a full name.
const WORDED: [EntityType; 3] = [EntityType::Person, EntityType::Location, EntityType::Organization];

/// The values of one request. No `Debug`: they are the caller's.
#[derive(Default)]
pub(super) struct Known {
    values: HashSet<String>,
    worded: Vec<HashSet<String>>,
}

impl Known {
    /// Remembers a value of the request.
    pub(super) fn note(&mut self, entity: EntityType, text: &str) {
        if WORDED.contains(&entity) {
            let words: HashSet<String> = words(text).collect();
            if !words.is_empty() && !self.worded.contains(&words) {
                self.worded.push(words);
            }
        }
        self.values.insert(entity.canonical(text));
    }

    /// Whether the caller brought this value: in any spelling, or a value whose words hold all of its words.
    pub(super) fn holds(&self, entity: EntityType, text: &str) -> bool {
        if self.values.contains(&entity.canonical(text)) {
            return true;
        }
        let mut words = words(text).peekable();
        if !WORDED.contains(&entity) || words.peek().is_none() {
            return false;
        }
        let words: Vec<String> = words.collect();
        self.worded.iter().any(|known| words.iter().all(|word| known.contains(word)))
    }
}

/// The words of a name, in one spelling, without a possessive ending.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’'))
        .map(|word| {
            word.trim_end_matches("'s").trim_end_matches("’s").trim_matches(['\'', '’']).to_lowercase()
        })
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_in_every_spelling_and_a_name_by_its_parts() {
        let mut known = Known::default();
        known.note(EntityType::PhoneNumber, "+49 30 1234567");
        known.note(EntityType::Person, "Ada King Lovelace");
        known.note(EntityType::Person, "John Doe");
        for (entity, text, expect) in [
            (EntityType::PhoneNumber, "+49-30-1234567", true),
            (EntityType::PhoneNumber, "+49 30 1234568", false),
            (EntityType::Person, "ada lovelace", true),
            (EntityType::Person, "Lovelace's", true),
            (EntityType::Person, "John Lovelace", false),
            (EntityType::Person, "'", false),
            (EntityType::EmailAddress, "John", false),
        ] {
            assert_eq!(known.holds(entity, text), expect, "{text}");
        }
    }
}
