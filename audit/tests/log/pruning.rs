//! Retention: whole segments go from the front, never one that is held, open or too young, and all readers know.

use std::collections::BTreeMap;
use std::fs;

use weir_audit::event::Hold;
use weir_audit::read::{self, Filter, Tail};
use weir_audit::vault::Hidden;
use weir_audit::{
    Ambient, AuditError, BodyKind, Event, Holds, Intent, Keep, Log, Mode, Options, Pruned, Retention, Vault,
    prune,
};

use crate::support::*;
use crate::vault::*;

const HALF_YEAR: u64 = 183;

fn policy() -> Retention {
    let classes = BTreeMap::from([("trades".to_owned(), Keep::preset("5 years").unwrap())]);
    Retention { default: Keep::preset("6 months").unwrap(), classes }
}

fn small(place: &Place, vault: &std::sync::Arc<Vault>) -> Options {
    Options { segment_bytes: 2048, ..place.options(vault) }
}

/// A log with four calls a day, the last day included, over small segments.
fn filled(place: &Place, days: u64) -> (std::sync::Arc<Vault>, Log) {
    let vault = place.vault();
    let (log, _) = Log::open(&place.log_dir(), small(place, &vault)).unwrap();
    run(async {
        for day in 0..days {
            for subject in ["ada", "bob"] {
                call(&log, &vault, Some(subject)).await;
            }
            call(&log, &vault, None).await;
            log.settled(intent("other"), completion(200)).await.unwrap();
            if day + 1 < days {
                place.clock.advance_days(1);
            }
        }
    });
    (vault, log)
}

fn pruned(place: &Place) -> Pruned {
    let holds = Holds::read(&place.log_dir()).unwrap();
    prune(&place.log_dir(), &policy(), place.clock.wall(), &holds).unwrap()
}

#[test]
fn only_what_is_older_than_its_class_goes_and_every_reader_goes_on() {
    let place = Place::new();
    let (vault, log) = filled(&place, 20);
    assert_eq!(pruned(&place).segments, 0, "all are young");
    place.clock.advance_days(HALF_YEAR - 10);
    let done = pruned(&place);
    assert!(done.segments > 5 && done.records > 20, "{done:?}");
    let left = place.records();
    let oldest = left[0].time.time();
    assert_eq!((left[0].node_seq, done.oldest), (done.records + 1, Some(oldest)));
    let age = |time| place.clock.wall().duration_since(time).unwrap().as_secs() / DAY;
    // What is due to go but stays shares its segment with what is not.
    assert!(age(oldest) <= HALF_YEAR + 1);
    assert_eq!(left.len() as u64 + done.records, 160);
    assert_eq!(pruned(&place), Pruned { segments: 0, records: 0, ..done });

    let calls = read::list(&place.log_dir(), &Filter { limit: 1000, ..Filter::default() }).unwrap();
    assert!(calls.next.is_none() && calls.calls.len() >= left.len() / 2);
    let first = left.iter().find(|it| it.intent.is_some()).unwrap();
    assert!(read::find(&place.log_dir(), first.record_id).unwrap().is_some());
    let followed = Tail::open(&place.log_dir(), 0).next(1000, u64::MAX).unwrap();
    assert_eq!((followed[0].seq, followed.len()), (left[0].node_seq, left.len()));
    run(log.settled(intent("acme"), completion(200))).unwrap();
    run(log.close()).unwrap();
    drop(log);
    let (log, recovery) = Log::open(&place.log_dir(), small(&place, &vault)).unwrap();
    assert_eq!(recovery.records, left.len() as u64 + 2);
    drop(log);

    // Without the mark the same files are a log whose beginning somebody took.
    fs::remove_file(place.log_dir().join("minimum")).unwrap();
    assert!(matches!(Log::open(&place.log_dir(), small(&place, &vault)), Err(AuditError::Corrupt { .. })));
    assert!(matches!(read::iterate(&place.log_dir()).map(drop), Err(AuditError::Corrupt { .. })));
    let followed = Tail::open(&place.log_dir(), 0).next(1000, u64::MAX);
    assert!(matches!(followed, Err(AuditError::Corrupt { .. })));
    // And with a mark that promises more than there is.
    fs::write(place.log_dir().join("minimum"), "5\n").unwrap();
    assert!(matches!(Log::open(&place.log_dir(), small(&place, &vault)), Err(AuditError::Corrupt { .. })));
}

#[test]
fn a_lane_with_few_calls_is_emptied_too() {
    let place = Place::new();
    let vault = place.vault();
    let start = || Log::open_alone(&place.log_dir(), place.options(&vault)).unwrap().0;
    let (old, new) = (start(), Log::open_beside(&place.log_dir(), place.options(&vault)).unwrap().0);
    let write = |log: &Log| run(log.settled(intent("acme"), completion(200))).unwrap();
    write(&old);
    write(&new);
    run(async { (old.close().await.unwrap(), new.close().await.unwrap()) });
    drop((old, new));
    // A day later is a new segment, whatever room the old one had; a second start the same day makes no more.
    place.clock.advance_days(1);
    for _ in 0..2 {
        let log = start();
        write(&log);
        run(log.close()).unwrap();
        assert_eq!(segments(&place.log_dir()).len(), 2);
        assert_eq!(segments(&place.log_dir().join("lane-1")).len(), 2);
    }
    place.clock.advance_days(HALF_YEAR);
    let done = pruned(&place);
    assert_eq!((done.segments, done.records), (2, 4));
    assert_eq!(done.oldest, Some(place.records()[0].time.time()));
    assert_eq!(records(&place.log_dir().join("lane-1")), []);
    let log = start();
    write(&log);
    assert_eq!(place.records().last().unwrap().node_seq, 8);
}

#[test]
fn what_a_crash_left_of_a_pruning_is_not_read_and_goes_at_the_next_open() {
    let place = Place::new();
    let (vault, log) = filled(&place, 10);
    run(log.close()).unwrap();
    drop(log);
    let before = segments(&place.log_dir());
    let copies: Vec<_> = before.iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    place.clock.advance_days(HALF_YEAR - 2);
    let done = pruned(&place);
    assert!(done.segments > 3);
    let left = place.records();
    // The mark was durable, some files had not gone yet.
    for (path, bytes) in copies.iter().take(done.segments as usize).skip(1) {
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(place.records(), left);
    assert_eq!(pruned(&place).segments, 0);
    let (log, recovery) = Log::open(&place.log_dir(), small(&place, &vault)).unwrap();
    assert_eq!(recovery.records, left.len() as u64);
    drop(log);
    assert_eq!(segments(&place.log_dir())[0], before[done.segments as usize]);
}

#[test]
fn holds_classes_and_open_calls_stop_it_where_they_stand() {
    let check = |name: &str, what: &dyn Fn(&Place, &Log, &Vault), goes: bool| {
        let place = Place::new();
        let (vault, log) = filled(&place, 3);
        what(&place, &log, &vault);
        place.clock.advance_days(1);
        run(async {
            for _ in 0..20 {
                call(&log, &vault, Some("ada")).await;
            }
        });
        let first = place.records()[0].node_seq;
        place.clock.advance_days(HALF_YEAR + 30);
        // The newest segment is young, so that only what is asked about can stop it.
        run(log.settled(intent("acme"), completion(200))).unwrap();
        pruned(&place);
        let seqs: Vec<u64> = place.records().iter().map(|it| it.node_seq).collect();
        assert_eq!(seqs[0] > first + 30, goes, "{name}: from {}", seqs[0]);
        assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]));
        drop(log);
        drop(Log::open(&place.log_dir(), place.options(&vault)).unwrap());
    };
    let held =
        |log: &Log, tenant: &'static str, steps: &[(&'static str, &'static str)], subject: Option<_>| {
            for (action, actor) in steps {
                let (action, actor) = ((*action).into(), (*actor).into());
                let hold = uuid::Uuid::from_u128(9);
                let subject_ref: Option<weir_audit::Text> = subject.clone();
                let hold =
                    Hold { action, actor, hold, tenant: tenant.into(), subject_ref, ..Hold::default() };
                run(log.append(Event::Hold(hold))).unwrap();
            }
        };
    let steps = [("ask", "ann"), ("place", "bob"), ("ask-lift", "ann"), ("lift", "bob")];
    check("nothing", &|_, _, _| {}, true);
    check("asked", &|_, log, _| held(log, "acme", &steps[..1], None), true);
    check("placed", &|_, log, _| held(log, "acme", &steps[..2], None), false);
    check("to be lifted", &|_, log, _| held(log, "acme", &steps[..3], None), false);
    check("lifted", &|_, log, _| held(log, "acme", &steps, None), true);
    check("of everyone", &|_, log, _| held(log, "", &steps[..2], None), false);
    let of_ada = |vault: &Vault| vault.known_ref("acme", "ada").unwrap();
    check("of a subject", &|_, log, vault| held(log, "acme", &steps[..2], of_ada(vault)), false);
    let trades = || Intent { retention: Some("trades".into()), ..intent("acme") };
    let trade = |log: &Log| run(log.settled(trades(), completion(200))).unwrap();
    check("a longer class", &|_, log, _| assert!(!trade(log).is_nil()), false);
}

#[test]
fn a_segment_with_an_open_call_stays_however_old_it_is() {
    let place = Place::new();
    let (vault, log) = filled(&place, 2);
    let ticket = run(log.intent_in(Mode::Strict, intent("acme"))).unwrap();
    let id = ticket.record_id();
    let late = |log: &Log| {
        run(async {
            for _ in 0..20 {
                call(log, &vault, Some("ada")).await;
            }
        });
    };
    late(&log);
    place.clock.advance_days(HALF_YEAR + 1);
    late(&log);
    pruned(&place);
    assert!(place.records().iter().any(|it| it.record_id == id));
    // It ends, a new segment is begun without it, and now it goes.
    ticket.complete(completion(200));
    place.clock.advance_days(HALF_YEAR + 1);
    late(&log);
    pruned(&place);
    assert!(!place.records().iter().any(|it| it.record_id == id));
}

#[test]
fn bodies_of_kept_records_stay_when_the_clock_was_behind_as_they_were_written() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let id = run(async {
        let key = vault.subject("acme", Some("ada")).unwrap();
        let mut bodies = weir_audit::Bodies::new(&key, log.new_id());
        bodies.seal(BodyKind::Request, b"kept").unwrap();
        // The volume is begun with a clock that is years behind.
        place.clock.0.fetch_sub(1000 * DAY, std::sync::atomic::Ordering::SeqCst);
        log.settled_with(intent("acme"), completion(200), bodies).await.unwrap()
    });
    run(log.close()).unwrap();
    place.clock.advance_days(1000);
    let as_if = |oldest| Pruned { oldest: Some(oldest), ..Pruned::default() };
    let month = std::time::Duration::from_secs(30 * DAY);
    vault.prune(&as_if(place.clock.wall() - month)).unwrap();
    assert_eq!(opened(&vault, &place.call(id).0, BodyKind::Request), Ok("kept".into()));
    vault.prune(&as_if(place.clock.wall() + month)).unwrap();
    assert_eq!(opened(&vault, &place.call(id).0, BodyKind::Request), Err(Hidden::Pruned));
}

#[test]
fn bodies_and_nameless_keys_go_with_their_records_and_are_shown_as_pruned() {
    let place = Place::new();
    let (vault, log) = filled(&place, 12);
    let all = place.records();
    place.clock.advance_days(HALF_YEAR - 3);
    let done = pruned(&place);
    let volumes = || {
        files(&place.bodies_dir()).iter().filter(|it| it.extension().unwrap_or_default() == "body").count()
    };
    assert_eq!(volumes(), 12, "one a day");
    let gone = vault.prune(&done).unwrap();
    assert!(gone.volumes > 3 && gone.bodies == gone.volumes * 12 && gone.keys > 2, "{gone:?}");
    assert_eq!(volumes() as u64, 12 - gone.volumes);
    assert_eq!(vault.prune(&done).unwrap(), Default::default());
    let kept = place.records();
    let of = |record: &weir_audit::Record| opened(&vault, record, BodyKind::Request);
    let with_body =
        |it: &&weir_audit::Record| it.intent.as_ref().is_some_and(|intent| !intent.bodies.is_empty());
    assert!(kept.iter().filter(with_body).all(|it| of(it).is_ok()));
    let early: Vec<_> = all.iter().filter(with_body).take(9).map(of).collect();
    assert!(early.iter().all(|it| *it == Err(Hidden::Pruned)), "{early:?}");
    run(log.close()).unwrap();
}
