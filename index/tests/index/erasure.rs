//! An erased subject: gone from rows, file and rebuilt index, while every call is still there.

use tempfile::tempdir;
use weir_audit::event::{Erasure as Erased, Hold};
use weir_audit::{Event, Log};
use weir_index::{Erasure, EventQuery, Micros, Query, Scope, Store, catch_up, reindex};

use crate::support::*;

fn subject(number: u8) -> Sample {
    Sample { who: number, ..Sample::default() }
}

fn by_subject(name: &str) -> Query {
    Query { subject_ref: Some(name.into()), ..everything() }
}

#[test]
fn erasing_takes_the_subject_out_of_the_rows_and_of_the_file() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let calls: Vec<_> = [7, 9].into_iter().cycle().take(40).map(subject).collect();
    run(write(&log, &calls));
    let (mut store, index) = indexed(dir.path());
    let erasure =
        |tenant: &str| Erasure { tenant: tenant.into(), subject_ref: "subject-7".into(), time: Micros(1) };
    assert_eq!(store.erase(&erasure("acme")).unwrap(), 0, "another tenant's subject");
    assert_eq!(store.erase(&erasure("globex")).unwrap(), 20);
    assert_eq!(store.erase(&erasure("globex")).unwrap(), 0, "again");
    assert_eq!(index.calls(&by_subject("subject-7")).unwrap().rows.len(), 0);
    assert_eq!(index.calls(&by_subject("subject-9")).unwrap().rows.len(), 20);
    let counted = &index.completeness().unwrap()[0];
    assert!(counted.is_complete(), "{counted:?}");
    for file in ["index.sqlite", "index.sqlite-wal"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap_or_default();
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|it| it == text);
        assert!(!holds(b"subject-7") && !holds(b"talk-7"), "{file}");
        assert!(holds(b"subject-9") || bytes.is_empty(), "{file}");
    }
}

#[test]
fn an_erasure_in_the_log_is_obeyed_whatever_is_indexed_first() {
    let dir = tempdir().unwrap();
    let clock = Clock::at(START);
    let (old, _) = Log::open(dir.path(), options(&clock)).unwrap();
    let (new, _) = Log::open_beside(dir.path(), options(&clock)).unwrap();
    run(async {
        write(&new, &[subject(7), subject(9)]).await;
        write(&old, &[subject(7)]).await;
        let erased = Erased { subject_ref: "subject-7".into(), tenant: "globex".into(), ..Erased::default() };
        old.append(Event::Erasure(erased)).await.unwrap();
        old.append(Event::Hold(Hold { action: "place".into(), ..Hold::default() })).await.unwrap();
        write(&old, &[subject(7)]).await;
    });
    let (mut store, index) = indexed(dir.path());
    for round in ["at first", "again", "anew"] {
        assert_eq!(index.calls(&by_subject("subject-7")).unwrap().rows.len(), 0, "{round}");
        let rows = index.calls(&everything()).unwrap().rows;
        let erased: Vec<_> = rows.iter().filter(|it| it.marks.erased_us.is_some()).collect();
        assert_eq!((rows.len(), erased.len()), (7, 3), "{round}");
        assert!(erased.iter().all(|it| it.announced.conversation.is_none()), "{round}");
        match round {
            "at first" => drop(catch_up(&mut store, lanes(dir.path())).unwrap()),
            _ => drop(reindex(&mut store, lanes(dir.path())).unwrap()),
        }
    }
    let erasures = EventQuery { scope: Scope::All, kind: Some("erasure".into()), ..EventQuery::default() };
    assert_eq!(index.events(&erasures).unwrap().rows.len(), 1);
}
