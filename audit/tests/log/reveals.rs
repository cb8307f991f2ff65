//! Requests to read bodies, told from the log: found among many records, and old ones left out.

use std::time::{Duration, SystemTime};

use uuid::Uuid;
use weir_audit::event::Reveal;
use weir_audit::{Ambient, Event, Log, Options, RevealStage, Reveals};

use crate::support::*;
use crate::vault::{DAY, Place};

const CALL: Uuid = Uuid::from_u128(9);

/// A step of a request whose time ends in two days.
async fn step(place: &Place, log: &Log, (action, actor, id): (&'static str, &'static str, u128)) {
    let until = place.clock.wall() + Duration::from_secs(2 * DAY);
    let step = Reveal {
        action: Some(action.into()),
        actor: actor.into(),
        call: Some(CALL),
        request: Some(Uuid::from_u128(id)),
        tenant: "acme".into(),
        until: Some(until.into()),
        ..Reveal::default()
    };
    log.append(Event::Reveal(step)).await.unwrap();
}

#[test]
fn requests_are_found_among_many_records_and_old_ones_are_left_out() {
    let place = Place::new();
    let vault = place.vault();
    let options = Options { segment_bytes: 4096, ..place.options(&vault) };
    let (log, _) = Log::open(&place.log_dir(), options).unwrap();
    let fill = async || {
        for _ in 0..30 {
            log.settled(intent("acme"), completion(200)).await.unwrap();
        }
    };
    run(async {
        step(&place, &log, ("ask", "ann", 1)).await;
        fill().await;
        place.clock.advance_days(5);
        fill().await;
        step(&place, &log, ("ask", "ann", 2)).await;
        fill().await;
        // An attempt, a reading and a decision by who asked change nothing.
        let outcome = Some("expired".into());
        let attempt = Reveal { outcome, request: Some(Uuid::from_u128(2)), ..Reveal::default() };
        log.append(Event::Reveal(attempt)).await.unwrap();
        step(&place, &log, ("approve", "ann", 2)).await;
        step(&place, &log, ("ask", "bob", 3)).await;
        fill().await;
    });
    let stage = |reveals: &Reveals, id| reveals.get(Uuid::from_u128(id)).map(|it| it.stage);
    let check = |since: SystemTime, expect: [Option<RevealStage>; 3]| {
        let reveals = Reveals::read(&place.log_dir(), since).unwrap();
        assert_eq!([1, 2, 3].map(|id| stage(&reveals, id)), expect);
    };
    let asked = Some(RevealStage::Asked);
    let yesterday = place.clock.wall() - Duration::from_secs(DAY);
    check(SystemTime::UNIX_EPOCH, [asked; 3]);
    check(yesterday, [None, asked, asked]);
    run(async {
        step(&place, &log, ("approve", "bob", 2)).await;
        step(&place, &log, ("refuse", "ann", 3)).await;
        // Too late.
        step(&place, &log, ("approve", "bob", 1)).await;
        fill().await;
        log.close().await.unwrap();
    });
    check(SystemTime::UNIX_EPOCH, [asked, Some(RevealStage::Approved), Some(RevealStage::Refused)]);
    check(yesterday, [None, Some(RevealStage::Approved), Some(RevealStage::Refused)]);
    let reveals = Reveals::read(&place.log_dir(), yesterday).unwrap();
    assert_eq!(reveals.newest("ann", CALL).unwrap().0, Uuid::from_u128(2));
}
