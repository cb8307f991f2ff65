//! The key that a value stands under, which speaks for it: `"password": "hunter2"` says more than `hunter2`.

use weir_classifiers::{Detectors, Finding};

use crate::slot::{Kind, Slot};

/// Keys of the protocol, which say nothing about the text under them.
const PROTOCOL: [&str; 16] = [
    "arguments",
    "audio",
    "content",
    "description",
    "input",
    "input_text",
    "instructions",
    "model",
    "output",
    "output_text",
    "prompt",
    "refusal",
    "role",
    "suffix",
    "text",
    "type",
];
/// Longest key that is read, in bytes.
const LONGEST_KEY: usize = 64;
/// Longest text whose key is read, in bytes: a key speaks for what follows at once.
const LONGEST_TEXT: usize = 4 << 10;

/// What is found in a slot, told by the key that it stands under where there is one.
pub(super) fn find(detectors: &Detectors, slot: &Slot) -> Vec<Finding> {
    let text = slot.text();
    // A name that others refer to is what it is, whatever it stands under.
    let is_read = text.len() <= LONGEST_TEXT && slot.kind() != Kind::Identifier;
    let Some(key) = key(slot.path()).filter(|_| is_read) else { return detectors.find(text) };
    let labelled = format!("{key}: {text}");
    let start = labelled.len() - text.len();
    let found = detectors.find(&labelled).into_iter().filter(|found| found.range.end > start);
    let moved = found.map(|found| {
        let range = found.range.start.saturating_sub(start)..found.range.end - start;
        Finding { range, ..found }
    });
    moved.collect()
}

/// The key at the end of a JSON Pointer (RFC 6901); numbers are places in a list.
fn key(path: &str) -> Option<String> {
    let named = |part: &&str| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit());
    let last = path.rsplit(['/', '#']).find(named)?;
    let key = last.replace("~1", "/").replace("~0", "~");
    let speaks = key.len() <= LONGEST_KEY && !PROTOCOL.contains(&key.as_str());
    speaks.then_some(key)
}

#[cfg(test)]
mod tests {
    use weir_classifiers::EntityType;

    use super::*;
    use crate::slot::Role;

    #[test]
    fn a_key_is_the_last_name_of_a_path() {
        let check = |path: &str, expect: Option<&str>| assert_eq!(key(path).as_deref(), expect, "{path}");
        check("/metadata/a~1b~0c", Some("a/b~c"));
        check("/messages/0/tool_calls/0/function/arguments#/db/password", Some("password"));
        check("/messages/0/tool_calls/0/function/arguments#/passwords/1", Some("passwords"));
        check("/messages/0/content", None);
        check("/messages/0/content/1/text", None);
        check("/input/0", None);
        check("", None);
    }

    #[test]
    fn a_value_is_found_by_its_key_and_where_it_stands() {
        let detectors = Detectors::rules(EntityType::ALL);
        let found = |path: &str, text: &str| {
            let slot = Slot::new(path.to_owned(), Role::User, Kind::Prose, text.to_owned());
            let found = find(&detectors, &slot).into_iter();
            found.map(|it| (it.entity.name(), text.get(it.range).unwrap().to_owned())).collect::<Vec<_>>()
        };
        let secret = ("SECRET_PASSWORD", "hunter2!x".to_owned());
        assert_eq!(found("/arguments#/password", "hunter2!x"), [secret]);
        assert_eq!(found("/arguments#/note", "hunter2!x"), []);
        assert_eq!(found("/metadata/ssn", "536904399"), [("US_SSN", "536904399".to_owned())]);
        assert_eq!(found("/metadata/note", "é 536-90-4399"), [("US_SSN", "536-90-4399".to_owned())]);
        assert_eq!(found("/metadata/customer_id", "C-104772"), [("CUSTOMER_ID", "C-104772".to_owned())]);
        // What the key itself is, is not said of its value.
        assert_eq!(found("/metadata/anna@example.com", "hello"), []);
    }
}
