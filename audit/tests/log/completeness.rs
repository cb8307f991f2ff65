//! What a log folder holds, counted by lane: calls that ended, were abandoned, are open, went unrecorded.

use tempfile::tempdir;
use weir_audit::completeness::{Counts, Flow, Verdict, count};
use weir_audit::{Completion, Log, Options};

use crate::support::{intent, open, run, segments};

#[test]
fn every_call_is_counted_once_in_its_lane() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    let options = Options { min_free_bytes: 0, ..Options::default() };
    let (beside, _) = Log::open_beside(dir.path(), options).unwrap();
    run(async {
        log.settled(intent("a"), Completion::default()).await.unwrap();
        drop(log.intent(intent("a")).await.unwrap());
        let still = log.intent(intent("a")).await.unwrap();
        let other = beside.intent(intent("b")).await.unwrap();
        other.complete_durable(Completion::default()).await.unwrap();
        log.append(weir_audit::Event::Admin(weir_audit::AdminEvent::default())).await.unwrap();

        let lanes = count(dir.path()).unwrap();
        let first = Counts {
            records: 6,
            first_seq: 1,
            last_seq: 6,
            intents: 3,
            completions: 1,
            abandoned: 1,
            open: 1,
            ..Counts::default()
        };
        let second = Counts {
            lane: 1,
            records: 2,
            first_seq: 1,
            last_seq: 2,
            intents: 1,
            completions: 1,
            ..Counts::default()
        };
        assert_eq!(lanes, [first, second]);
        let mut flow = Flow { calls_in: 4, indexed: Some(4), ..Flow::default() };
        flow.extend(lanes);
        assert_eq!(flow.verdict(), Verdict::Complete);
        drop(still);
    });
}

#[test]
fn an_end_whose_intent_was_pruned_is_a_stray() {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, segment_bytes: 4096, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    run(async {
        let long = log.intent(intent("a")).await.unwrap();
        for _ in 0..20 {
            log.settled(intent("a"), Completion::default()).await.unwrap();
        }
        long.complete_durable(Completion::default()).await.unwrap();
        log.close().await.unwrap();
    });
    assert_eq!(count(dir.path()).unwrap()[0].strays, 0);
    let files = segments(dir.path());
    // What retention leaves: the newest segment.
    files[..files.len() - 1].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let first: u64 = files[files.len() - 1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    std::fs::write(dir.path().join("minimum"), format!("{first}\n")).unwrap();
    let kept = count(dir.path()).unwrap()[0];
    assert!(kept.first_seq > 1, "{kept:?}");
    assert_eq!((kept.last_seq, kept.open), (42, 0));
    // A pair of a refused call stands together; a segment that begins with an end has cut one more pair.
    let cut_pair = kept.first_seq % 2;
    assert_eq!(kept.strays, 1 + cut_pair);
}

#[test]
fn a_folder_without_a_log_is_an_error() {
    let dir = tempdir().unwrap();
    assert!(count(&dir.path().join("absent")).is_err());
}
