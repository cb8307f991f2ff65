//! Any text: findings are in order, don't overlap, stand on character boundaries, and are the same every time.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use weir_classifiers::{Detectors, EntityType};

static ALL: LazyLock<Detectors> = LazyLock::new(|| Detectors::new(EntityType::ALL));

fuzz_target!(|text: &str| {
    let found = ALL.search(text).unwrap();
    let mut last = 0;
    for it in &found {
        assert!(it.range.start >= last && !it.range.is_empty());
        let value = text.get(it.range.clone()).expect("on character boundaries");
        assert!((0.0..=1.0).contains(&it.score));
        it.entity.canonical(value);
        last = it.range.end;
    }
    assert_eq!(found, ALL.search(text).unwrap());
});
