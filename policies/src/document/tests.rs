//! What readers report for files that are wrong in one or many ways.

use super::*;

struct Item {
    name: String,
    count: Option<u8>,
}

fn item(value: Value<'_>) -> Option<Item> {
    let mut map = value.map()?;
    let name = map.required("name", Value::text);
    let count = map.optional("count", |v| v.integer(0..=9));
    map.finish();
    Some(Item { name: name?, count })
}

fn items(value: Value<'_>) -> Option<Vec<Item>> {
    let mut map = value.map()?;
    let items = map.required("items", |v| v.list(item));
    map.finish();
    items
}

fn check(text: &str, expect: &[&str]) {
    let found: Vec<String> = match read("f.yaml", text, items) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(Problem::to_string).collect(),
    };
    assert_eq!(found, expect, "{text}");
}

#[test]
fn all_problems_come_at_once() {
    check(
        "items:\n  - {name: 1, cuont: 2}\n  - {count: 99}\n  - 7\nextra: x\n",
        &[
            "f.yaml:2:12: items[0].name: expected text; put it in quotes",
            "f.yaml:2:15: items[0].cuont: unknown key; did you mean `count`?",
            "f.yaml:3:5: items[1]: key `name` is missing",
            "f.yaml:3:13: items[1].count: expected a whole number from 0 to 9",
            "f.yaml:4:5: items[2]: expected a mapping of keys to values",
            "f.yaml:5:1: extra: unknown key",
        ],
    );
}

#[test]
fn shape_of_the_file_is_checked() {
    check("items: []\nitems: []\n", &["f.yaml:2:1: items: key stands here a second time"]);
    check("", &["f.yaml:1:1: key `items` is missing"]);
    check(
        "items: []\n---\nitems: []\n",
        &["f.yaml:2:1: a second document begins here, only one is expected"],
    );
    check("items: !custom []\n", &["f.yaml:1:8: tags are not supported"]);
    check("? [a]\n: 1\nitems: []\n", &["f.yaml:1:3: a key must be plain text", "f.yaml:1:3: unknown key"]);
}

#[test]
fn good_files_read() {
    let text = "\u{feff}a: &it {name: x, count: 3}\n";
    let read = read("f", text, |v| {
        let mut map = v.map()?;
        let it = map.required("a", item);
        map.finish();
        it
    });
    let it = read.ok().unwrap();
    assert_eq!((it.name.as_str(), it.count), ("x", Some(3)));
}

#[test]
fn aliases_repeat_values_within_bounds() {
    let text = "items:\n  - &one {name: x}\n  - *one\n";
    assert_eq!(read("f", text, items).ok().unwrap().len(), 2);
    check("items: &a [*a]\n", &["f.yaml:1:12: an alias may not stand within what it repeats"]);
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let problems = read("f", &bomb, items).err().unwrap();
    assert!(problems.iter().any(|p| p.message.contains("aliases repeat")));
    let mut ladder = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        ladder.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(read("f", &ladder, items).err().unwrap().iter().any(|p| p.message.contains("aliases repeat")));
}

#[test]
fn hostile_files_are_refused_without_harm() {
    let deep = "[".repeat(100_000);
    let wide = format!("items: [{}]", "x,".repeat(200_000));
    let long = "#".repeat(9 << 20);
    for text in
        [deep.as_str(), &wide, &long, "items: [", "\u{0}", "a: b: c", "%YAML", "*x", "- a\nb: c", "\t- a"]
    {
        assert!(read("f", text, items).is_err());
    }
}

#[test]
fn messages_do_not_repeat_values() {
    let secret = "sk-live-4711";
    let text = format!("items:\n  - {{name: [{secret}], count: {secret}}}\n  - {secret}\n");
    let problems = read("f", &text, items).err().unwrap();
    assert!(problems.len() >= 3);
    assert!(problems.iter().all(|p| !p.to_string().contains(secret)));
}

#[test]
fn several_documents_are_read_in_order() {
    let text = "name: a\n---\nname: b\n";
    let names: Vec<String> = read_all("f", text, item).ok().unwrap().into_iter().map(|i| i.name).collect();
    assert_eq!(names, ["a", "b"]);
}
