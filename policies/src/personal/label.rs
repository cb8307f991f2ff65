//! The key that a value stands under in free JSON, which speaks for it: `"password": "hunter2"` says more than
//! `hunter2`.

use weir_classifiers::{Deadline, Detectors, Finding, Unsearched};

use crate::slot::{KEY, Kind, Slot};

/// Longest key that is read, in bytes.
const LONGEST_KEY: usize = 64;
/// Longest text whose key is read, in bytes: a key speaks for what follows at once.
const LONGEST_TEXT: usize = 4 << 10;

/// Follows the slots of a body in their order, and knows under which key each stands.
#[derive(Default)]
pub(super) struct Keys<'s> {
    /// Where the last key's value stands, and the key.
    last: Option<(&'s str, &'s str)>,
}

impl<'s> Keys<'s> {
    /// The key that the next slot stands under, itself or the list it is in; none for a key.
    pub(super) fn of(&mut self, slot: &'s Slot) -> Option<&'s str> {
        if let Some(place) = slot.path().strip_suffix(KEY) {
            self.last = Some((place, slot.text()));
            return None;
        }
        let (place, key) = self.last?;
        let mut within = slot.path().strip_prefix(place)?.split('/');
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let stands_there = within.next() == Some("") && within.all(is_number);
        (stands_there && (1..=LONGEST_KEY).contains(&key.len())).then_some(key)
    }
}

/// What is found in a slot, told by the key that it stands under where there is one.
///
/// # Errors
/// When the text could not be searched, or not in time.
pub(super) fn find(
    detectors: &Detectors,
    (slot, key): (&Slot, Option<&str>),
    deadline: Deadline,
) -> Result<Vec<Finding>, Unsearched> {
    let text = slot.text();
    // A name that others refer to is what it is, whatever it stands under.
    let is_read = text.len() <= LONGEST_TEXT && slot.kind() != Kind::Identifier;
    let Some(key) = key.filter(|_| is_read) else { return detectors.search_by(text, deadline) };
    let labelled = format!("{key}: {text}");
    let start = labelled.len() - text.len();
    let found = detectors.search_by(&labelled, deadline)?.into_iter().filter(|found| found.range.end > start);
    let moved = found.map(|found| {
        let range = found.range.start.saturating_sub(start)..found.range.end - start;
        Finding { range, ..found }
    });
    Ok(moved.collect())
}

#[cfg(test)]
mod tests {
    use weir_classifiers::EntityType;

    use super::*;
    use crate::slot::Role;

    fn slot(path: &str, text: &str) -> Slot {
        Slot::new(path.to_owned(), Role::User, Kind::Prose, text.to_owned())
    }

    #[test]
    fn a_value_stands_under_the_last_key_before_it() {
        let slots = [
            ("/user", "ann", None),
            ("/metadata/*1~key", "ssn", None),
            ("/metadata/*1", "1", Some("ssn")),
            ("/metadata/*1/0/2", "2", Some("ssn")),
            ("/metadata/*10", "3", None),
            ("/metadata/*1/*0~key", "deep", None),
            ("/metadata/*1/*0", "4", Some("deep")),
            ("/metadata/*1", "5", None),
            ("/x#/*0~key", "", None),
            ("/x#/*0", "6", None),
            ("/input", "7", None),
        ];
        let own: Vec<Slot> = slots.iter().map(|(path, text, _)| slot(path, text)).collect();
        let mut keys = Keys::default();
        for (own, (path, _, expect)) in own.iter().zip(slots) {
            assert_eq!(keys.of(own), expect, "{path}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_key_and_where_it_stands() {
        let detectors = Detectors::rules(EntityType::ALL);
        let found = |key: &str, text: &str| {
            let found = find(&detectors, (&slot("/metadata/*0", text), Some(key)), Deadline::NEVER)
                .unwrap()
                .into_iter();
            found.map(|it| (it.entity.name(), text.get(it.range).unwrap().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(found("password", "hunter2!x"), [("SECRET_PASSWORD", "hunter2!x".to_owned())]);
        assert_eq!(found("note", "hunter2!x"), []);
        assert_eq!(found("ssn", "536904399"), [("US_SSN", "536904399".to_owned())]);
        assert_eq!(found("note", "é 536-90-4399"), [("US_SSN", "536-90-4399".to_owned())]);
        assert_eq!(found("customer_id", "C-104772"), [("CUSTOMER_ID", "C-104772".to_owned())]);
        // What the key itself is, is not said of its value.
        assert_eq!(found("anna@example.com", "hello"), []);
    }
}
