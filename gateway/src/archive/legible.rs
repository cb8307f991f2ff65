//! The texts of a body as a person reads them, so that a search finds them: JSON's escapes decoded, the pieces of a
//! stream joined, JSON inside strings opened.

use std::collections::BTreeMap;

use serde_json::Value;

/// How often JSON inside a string is opened again.
const DEPTH: usize = 2;

/// Whether `wanted`, in lower case, stands in a body: as it is, or in what it says.
pub(super) fn says(body: &str, wanted: &str) -> bool {
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    holds(body) || texts(body).values().any(|text| holds(text))
}

/// Strings by their place. In a stream, what stands at one place of its events is one text.
fn texts(body: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    match serde_json::from_str::<Value>(body) {
        Ok(value) => collect(&value, "", &mut texts),
        Err(_) => {
            let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
            let values = events.filter_map(|event| serde_json::from_str::<Value>(event.trim()).ok());
            values.for_each(|value| collect(&value, "", &mut texts));
        }
    }
    let mut outer = texts.clone();
    for _ in 0..DEPTH {
        let mut inner = BTreeMap::new();
        for (place, text) in outer.iter().filter(|(_, text)| text.trim_start().starts_with(['{', '['])) {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                collect(&value, place, &mut inner);
            }
        }
        texts.extend(inner.iter().map(|(place, text)| (place.clone(), text.clone())));
        outer = inner;
    }
    texts
}

fn collect(value: &Value, place: &str, texts: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => texts.entry(place.to_owned()).or_default().push_str(text),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                // A stream sends choices and calls one by one, and numbers them itself.
                let number = item.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                collect(item, &format!("{place}/{number}"), texts);
            }
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| collect(member, &format!("{place}/{name}"), texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_says_is_found_however_it_is_spelled() {
        let check = |body: &str, wanted: &str, expect: bool| {
            assert_eq!(says(body, wanted), expect, "{wanted} in {body}");
        };
        let whole = r#"{"messages":[{"content":"M\u00fcller said \"no\"\nand left"},{"content":"so"}]}"#;
        check(whole, "müller said \"no\"\nand", true);
        check(whole, "MÜLLER", false);
        check(whole, "m\\u00fcller", true);
        check(whole, "leftso", false);
        let stream = concat!(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"the he\"}}]}\n\n",
            "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a wren\"}}]}\r\n\r\n",
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ron n\\u00e4hert sich\"}}]}\n\n",
            "data: [DONE]\n\n",
        );
        check(stream, "heron nähert", true);
        check(stream, "a wren", true);
        check(stream, "hea wren", false);
        let call = r#"{"arguments":"{\"name\":\"J\\u00f6rg\",\"deep\":\"[\\\"K\\\\u00e4the\\\"]\"}"}"#;
        check(call, "jörg", true);
        check(call, "käthe", true);
        check("not json, but müller", "müller", true);
        check("data: {broken", "broken", true);
        check(&"[".repeat(10_000), "x", false);
    }
}
