//! Policy files: what is accepted, what is refused and how it is said, and the tests inside them.

use std::fs;

use weir_policies::PolicySet;

fn parse(text: &str) -> Result<PolicySet, Vec<String>> {
    PolicySet::parse(&[("p.yaml".to_owned(), text.to_owned())])
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_shipped_policy_is_sound_and_its_tests_pass() {
    let set = PolicySet::baseline().unwrap();
    let report = set.run_tests();
    assert_eq!((report.failures, report.untested), (vec![], vec![]));
    assert!(report.run >= 6);
    assert_eq!(set.names().collect::<Vec<_>>(), ["baseline"]);
}

#[test]
fn all_problems_of_a_file_are_reported() {
    let text = "\
weir: v2
policy: a b
lists:
  Bad: {words: [x]}
  wide: {patterns: ['a+', '(']}
  none: {}
  own: {words: [x], check: luhm, near: [' ']}
rules:
  - {id: r, on: requset, find: email_adress, then: pseudonymize}
  - {id: r, on: reply, find: [email_address, wide], then: {blok: no}, when: x}
tests:
  - {name: t, expect: {}}
";
    let problems = parse(text).err().unwrap();
    let expect = [
        "p.yaml:1:1: key `owner` is missing",
        "p.yaml:1:7: weir: expected one of v1; did you mean `v1`?",
        "p.yaml:2:9: policy: expected at most 64 letters, digits, hyphens, dots and underscores",
        "p.yaml:4:3: lists: list name `Bad` must be lower-case letters, digits and single underscores",
        "p.yaml:5:27: lists.wide.patterns[1]: pattern is not a regular expression",
        "p.yaml:6:9: lists.none: a list needs `words` or `patterns`",
        "p.yaml:7:28: lists.own.check: expected one of luhn, mod97, mod11; did you mean `luhn`?",
        "p.yaml:7:41: lists.own.near[0]: expected text that is not empty",
        "p.yaml:9:17: rules[0].on: expected one of request, reply; did you mean `request`?",
        "p.yaml:9:32: rules[0].find: no such type, group or list; did you mean `email_address`?",
        "p.yaml:9:52: rules[0].then: expected one of block, redact, pseudonymise, flag; did you mean `pseudonymise`?",
        "p.yaml:10:59: rules[1].then: expected one action: block, redact or pseudonymise",
        "p.yaml:10:60: rules[1].then.blok: unknown key; did you mean `block`?",
        "p.yaml:10:71: rules[1].when: unknown key; did you mean `then`?",
        "p.yaml:12:5: tests[0]: a test needs `request`, `reply` or both",
        "p.yaml:12:23: tests[0].expect: a test that expects nothing can't fail",
    ];
    assert_eq!(problems, expect);
}

#[test]
fn patterns_without_bound_are_refused_on_replies_only() {
    let file = |on: &str| {
        format!(
            "weir: v1\npolicy: p\nowner: o\nlists: {{w: {{patterns: 'ab+'}}}}\nrules: [{{id: r, on: {on}, find: w, then: block}}]\n"
        )
    };
    assert!(parse(&file("request")).is_ok());
    let problems = parse(&file("reply")).err().unwrap();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("without an upper length"));
}

#[test]
fn failing_tests_and_untested_rules_are_reported_with_their_place() {
    let set = parse(
        "weir: v1\npolicy: p\nowner: o\nmode: shadow\nlists: {w: {words: secret}, v: {words: other}}\nrules:\n  - {id: a, on: [request, reply], find: w, then: block}\n  - {id: b, on: request, find: v, then: flag}\ntests:\n  - {name: good, request: secret, expect: {action: blocked, absent: secret}}\n  - {name: also, reply: a secret, expect: {action: blocked}}\n  - {name: bad, request: secrets, expect: {action: blocked}}\n",
    )
    .unwrap();
    let report = set.run_tests();
    assert_eq!(report.run, 3);
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, ["p.yaml:12:5: tests[2]: test `bad` failed: expected blocked, was allowed"]);
    assert_eq!(report.untested, ["p/b"]);
}

#[test]
fn sets_load_from_files_and_folders_and_are_known_by_their_content() {
    let dir = tempfile::tempdir().unwrap();
    let policy = |name: &str| format!("weir: v1\npolicy: {name}\nowner: o\nrules: []\n");
    fs::write(dir.path().join("b.yaml"), policy("b")).unwrap();
    fs::write(dir.path().join("a.yml"), format!("{}---\n{}", policy("a"), policy("c"))).unwrap();
    fs::write(dir.path().join("notes.txt"), "not a policy").unwrap();
    let set = PolicySet::load(&[dir.path().to_owned()]).ok().unwrap();
    assert_eq!(set.names().collect::<Vec<_>>(), ["a", "c", "b"]);
    let again = PolicySet::load(&[dir.path().join("a.yml"), dir.path().join("b.yaml")]).ok().unwrap();
    assert_eq!((set.hash().len(), set.hash()), (64, again.hash()));
    fs::write(dir.path().join("b.yaml"), policy("b") + "\n").unwrap();
    assert_ne!(PolicySet::load(&[dir.path().to_owned()]).ok().unwrap().hash(), set.hash());

    fs::write(dir.path().join("z.yaml"), policy("a")).unwrap();
    let missing = dir.path().join("missing.yaml");
    let problems = PolicySet::load(&[dir.path().to_owned(), missing]).err().unwrap();
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().any(|p| p.message.contains("a second time")));
    assert!(problems.iter().any(|p| p.message.contains("can't be read")));
}

#[test]
fn groups_stand_for_their_types_and_unknown_names_are_refused() {
    let file = |find: &str| {
        format!(
            "weir: v1\npolicy: p\nowner: o\nrules: [{{id: r, on: request, find: {find}, then: block}}]\ntests: [{{name: t, request: 'SSN 536-90-4399', expect: {{action: blocked}}}}]\n"
        )
    };
    for find in ["us_ssn", "national_ids", "[secrets, personal_data]"] {
        let report = parse(&file(find)).unwrap().run_tests();
        assert_eq!((report.run, report.failures), (1, vec![]), "{find}");
    }
    assert_eq!(parse(&file("secrets")).unwrap().run_tests().failures.len(), 1);
    assert!(parse(&file("[title, person]")).is_ok());
    let problems = parse(&file("[person, persom]")).err().unwrap();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("no such type, group or list"), "{problems:?}");
}
