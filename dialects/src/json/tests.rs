//! Tests of the JSON pass, against serde_json where it has an opinion.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Tape, Fault> {
    Tape::parse(text.as_bytes(), &Limits { depth: 8, leaves: 64 }, Strictness::Strict)
}

fn refused(text: &str) -> &'static str {
    parse(text).err().map_or("accepted", |fault| fault.reason)
}

#[test]
fn refuses_what_readers_disagree_on() {
    for (text, reason) in [
        ("", "the JSON text ends too early"),
        ("{", "a key in quotes was expected"),
        ("{\"a\":1,}", "a key in quotes was expected"),
        ("[1,]", "a value was expected"),
        ("[1 2]", "a comma or the end of the array or object was expected"),
        ("{\"a\" 1}", "a colon was expected"),
        ("{\"a\":1]", "a comma or the end of the array or object was expected"),
        ("{} x", "bytes after the end of the JSON text"),
        ("{\"a\":1,\"a\":2}", "the same key twice in one object"),
        ("{\"a\":1,\"\\u0061\":2}", "the same key twice in one object"),
        ("[{\"b\":{\"a\":1,\"a\":2}}]", "the same key twice in one object"),
        ("\"\\ud800\"", "a lone surrogate in a string"),
        ("\"\\udc00\"", "a lone surrogate in a string"),
        ("\"\\ud83d\\u0041\"", "a lone surrogate in a string"),
        ("\"\\x\"", "an unknown escape in a string"),
        ("\"\\u12g4\"", "an unknown escape in a string"),
        ("\"\\u12", "an unknown escape in a string"),
        ("\"a\nb\"", "a control character in a string"),
        ("01", "a number with a leading zero"),
        ("-", "a malformed number"),
        ("1.", "a malformed number"),
        ("1e", "a malformed number"),
        ("nul", "a value was expected"),
        ("NaN", "a value was expected"),
        ("[[[[[[[[[1]]]]]]]]]", "nested too deeply"),
    ] {
        assert_eq!(refused(text), reason, "{text}");
    }
    let many = format!("[{}\"a\"]", "\"a\",".repeat(100));
    assert_eq!(refused(&many), "too many values");
    let twelve = (0..20).map(|n| format!("\"k{}\":0", n % 19)).collect::<Vec<_>>().join(",");
    assert_eq!(refused(&format!("{{{twelve}}}")), "the same key twice in one object");
    let broken = Tape::parse(b"\"\xff\"", &Limits::default(), Strictness::Strict);
    assert_eq!(broken.err().map(|fault| fault.reason), Some("not valid UTF-8"));
}

#[test]
fn faults_know_the_way() {
    let text = r#"{"a":1,"b":[1,2,{"c":[true,1e]}]}"#;
    let fault = parse(text).unwrap_err();
    let tape = Tape::default();
    let doc = Doc::new(text.as_bytes(), &tape);
    let way: Vec<String> = fault
        .steps
        .iter()
        .map(|step| match step {
            Step::Member(key, position) => format!("{}@{position}", doc.text(*key)),
            Step::Element(position) => position.to_string(),
        })
        .collect();
    assert_eq!(way, ["b@1", "2", "c@0", "1"]);
}

#[test]
fn lenient_reads_lone_surrogates_as_replacement() {
    let text = br#"{"a":"x\ud800y","a":"\ud83d\ude00"}"#;
    let tape = Tape::parse(text, &Limits::default(), Strictness::Lenient).unwrap();
    let doc = Doc::new(text, &tape);
    let texts: Vec<_> = doc.members(ROOT).map(|(_, at)| doc.text(doc.node(at).unwrap())).collect();
    assert_eq!(texts, ["x\u{fffd}y", "😀"]);
}

#[test]
fn number_runs_are_one_node() {
    let text = b"[1,2,[3,4],5,4111111111111111,6.5,\"x\",7]";
    let tape = Tape::parse(text, &Limits::default(), Strictness::Strict).unwrap();
    let doc = Doc::new(text, &tape);
    let seen: Vec<_> = doc.elements(ROOT).map(|(n, at)| (n, doc.node(at).unwrap().kind)).collect();
    use NodeKind::*;
    let expect =
        [(0, Numbers), (2, Array), (3, Numbers), (4, Number), (5, Numbers), (6, String), (7, Numbers)];
    assert_eq!(seen, expect);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x30\\\\\"é😀]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn rebuild(doc: Doc<'_>, at: u32) -> serde_json::Value {
    let node = doc.node(at).unwrap();
    match node.kind {
        NodeKind::String => doc.text(node).into(),
        NodeKind::Array => doc
            .elements(at)
            .flat_map(|(_, at)| match doc.node(at).unwrap() {
                run if run.kind == NodeKind::Numbers => {
                    let list = [b"[", doc.raw(run), b"]"].concat();
                    serde_json::from_slice::<Vec<serde_json::Value>>(&list).unwrap()
                }
                _ => vec![rebuild(doc, at)],
            })
            .collect(),
        NodeKind::Object => doc.members(at).map(|(key, at)| (doc.text(key), rebuild(doc, at))).collect(),
        _ => serde_json::from_slice(doc.raw(node)).unwrap(),
    }
}

proptest! {
    #[test]
    fn reads_what_serde_reads(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let tape = Tape::parse(text.as_bytes(), &Limits::default(), Strictness::Strict).unwrap();
        let reread: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(rebuild(Doc::new(text.as_bytes(), &tape), ROOT), reread);
    }

    #[test]
    fn agrees_with_serde_on_what_is_json(text in "[\\[\\]{}\":, \\\\u0-9a-fntrue.+-]{0,30}") {
        let limits = Limits::default();
        let ours = Tape::parse(text.as_bytes(), &limits, Strictness::Lenient).is_ok();
        let theirs = serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn escaping_round_trips(text in any::<String>()) {
        let mut out = b"\"".to_vec();
        push_escaped(&mut out, &text);
        out.push(b'"');
        prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
        let spelling = if out.contains(&b'\\') { Spelling::Escaped } else { Spelling::Plain };
        prop_assert_eq!(decode(&out[1..out.len() - 1], spelling), text);
    }
}
