//! The anchor in PostgreSQL, against a server of its own: swaps, races, a server that is away and comes back.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::NoTls;
use weir_audit::proof::Anchoring;
use weir_audit::proof::anchor::{Anchor, AnchorError, Swapped};
use weir_audit::proof::postgres::{Connect, PostgresAnchor};

use crate::cluster::{Cluster, signal};
use crate::support::{Place, call};

fn anchor(cluster: &Cluster) -> PostgresAnchor {
    let url = cluster.url();
    let connect: Connect = Arc::new(move || {
        let url = url.clone();
        Box::pin(async move {
            let connected = tokio_postgres::connect(&url, NoTls).await;
            let (client, connection) =
                connected.map_err(|error| AnchorError { reason: error.to_string() })?;
            tokio::spawn(async { drop(connection.await) });
            Ok(client)
        })
    });
    PostgresAnchor::new(connect, Duration::from_secs(2)).unwrap()
}

#[test]
fn only_who_knows_the_last_note_replaces_it() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let (one, two) = (anchor(&cluster), anchor(&cluster));
    let check = |anchor: &PostgresAnchor, expected: Option<&[u8]>, new: &[u8], expect: Swapped| {
        let before = anchor.load("weir/a").unwrap();
        assert_eq!(anchor.swap("weir/a", expected, new).unwrap(), expect);
        let after = two.load("weir/a").unwrap();
        assert_eq!(after, if expect == Swapped::Done { Some(new.to_owned()) } else { before });
    };
    check(&one, Some(b"x"), b"1", Swapped::Conflict);
    check(&one, None, b"1", Swapped::Done);
    check(&two, None, b"2", Swapped::Conflict);
    check(&two, Some(b"x"), b"2", Swapped::Conflict);
    check(&two, Some(b"1"), b"2", Swapped::Done);
    assert_eq!(one.load("weir/b").unwrap(), None);
    for round in 0..10_u8 {
        let expected = one.load("weir/a").unwrap();
        let won = std::thread::scope(|scope| {
            let race = |anchor: PostgresAnchor, new: u8| {
                let expected = expected.as_deref();
                move || anchor.swap("weir/a", expected, &[round, new]).unwrap() == Swapped::Done
            };
            let threads: Vec<_> = (0..4).map(|index| scope.spawn(race(anchor(&cluster), index))).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
        });
        assert_eq!(won, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_or_hangs_costs_the_seal_and_not_the_log() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let place = Place::anchored(Arc::new(anchor(&cluster)));
    place.write(20).await;
    assert_eq!(cluster.ask("SELECT count(*) FROM weir_anchor"), "1");
    let log = place.open().unwrap();
    call(&log, 5).await;
    log.sealed(51).await.unwrap();
    cluster.crash();
    call(&log, 5).await;
    assert!(log.sealed(61).await.is_err());
    assert_eq!(log.sealing().unwrap().anchor, Anchoring::Failing);
    cluster.resume();
    log.close().await.unwrap();
    let sealing = log.sealing().unwrap();
    assert_eq!((sealing.size, sealing.fault), (61, None));

    // Stopped in its tracks: it holds the connection, and says nothing.
    let log = place.open().unwrap();
    log.sealed(61).await.unwrap();
    let server = cluster
        .ask("SELECT pid FROM pg_stat_activity WHERE query LIKE '%weir_anchor%' AND pid <> pg_backend_pid()");
    let servers: Vec<u32> = server.lines().map(|pid| pid.parse().unwrap()).collect();
    servers.iter().for_each(|pid| signal("STOP", *pid));
    call(&log, 5).await;
    assert!(log.sealed(71).await.is_err());
    call(&log, 5).await;
    servers.iter().for_each(|pid| signal("CONT", *pid));
    log.close().await.unwrap();
    assert_eq!(log.sealing().unwrap().size, 81);
    assert_eq!(cluster.ask("SELECT count(*) FROM weir_anchor"), "1");
    place.write(1).await;
}
