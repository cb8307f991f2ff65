//! Witnesses: they sign what goes on from what they signed before, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use weir_audit::System;
use weir_audit::proof::anchor::{AnchorError, DirAnchor};
use weir_audit::proof::checkpoint::SignedCheckpoint;
use weir_audit::proof::keys::{SigningKey, VerifierKey};
use weir_audit::proof::tiles::Tiles;
use weir_audit::proof::witness::{Answer, Reply, Witness, interpret, request};
use weir_audit::proof::witnessing::WitnessServer;

use crate::support::{Place, call};

/// A witness in this process, that can be told to answer with a status of its own.
struct Near {
    server: WitnessServer,
    status: AtomicU16,
}

impl Witness for Near {
    fn key(&self) -> VerifierKey {
        self.server.key()
    }

    fn add_checkpoint(&self, body: &[u8]) -> Result<Reply, AnchorError> {
        match self.status.load(Ordering::SeqCst) {
            0 => Ok(self.server.add_checkpoint(body)),
            1 => Err(AnchorError { reason: "injected".into() }),
            status => Ok(Reply { status, content_type: "text/plain", body: b"nonsense".to_vec() }),
        }
    }
}

fn server(store: &Place, logs: &[&VerifierKey]) -> WitnessServer {
    let key = SigningKey::from_seed("witness.example/w1", [5; 32]);
    let store = DirAnchor::new(&store.root.path().join("witness"));
    let logs = logs.iter().map(|key| (*key).clone()).collect();
    WitnessServer::new(key, logs, Arc::new(store), Arc::new(System::default()))
}

/// A log of `calls` calls, and its key.
async fn sealed(calls: usize) -> (Place, VerifierKey) {
    let place = Place::new();
    let log = place.open().unwrap();
    call(&log, calls).await;
    log.close().await.unwrap();
    (place, log.sealing().unwrap().key)
}

fn tiles(place: &Place) -> Tiles {
    Tiles::new(&place.dir().join("tree"))
}

#[tokio::test]
async fn a_log_gets_its_checkpoints_cosigned_and_goes_on_without() {
    let (mut place, key) = sealed(10).await;
    let near = Arc::new(Near { server: server(&place, &[&key]), status: AtomicU16::new(0) });
    place.options.seal.as_mut().unwrap().witnesses = vec![Arc::clone(&near) as Arc<dyn Witness>];
    // A witness that is away, refuses or talks nonsense costs the cosignature, not the checkpoint.
    for (status, cosigned) in
        [(0, true), (0, true), (1, false), (500, false), (200, false), (409, false), (0, true)]
    {
        near.status.store(status, Ordering::SeqCst);
        place.write(150).await;
        let signed = place.checkpoint();
        assert!(signed.is_signed_by(&key), "{status}");
        assert_eq!(signed.is_signed_by(&near.key()), cosigned, "{status}");
        assert_eq!(signed.witnessed_at(&near.key()).is_some(), cosigned, "{status}");
    }
}

#[tokio::test]
async fn the_protocol_is_that_of_the_specification() {
    let (place, key) = sealed(10).await;
    let (stranger, _) = sealed(10).await;
    let first = place.checkpoint();
    place.write(150).await;
    let second = place.checkpoint();
    let tiles = tiles(&place);
    let server = server(&place, &[&key]);
    let ask = |body: &[u8]| {
        let reply = server.add_checkpoint(body);
        (reply.status, String::from_utf8(reply.body).unwrap())
    };
    let status = |body: &str| ask(body.as_bytes()).0;
    let text = |signed: &SignedCheckpoint| String::from_utf8(signed.as_bytes().to_owned()).unwrap();

    assert_eq!(status(""), 400);
    assert_eq!(status("old 0\n"), 400);
    assert_eq!(status(&format!("old 00\n\n{}", text(&first))), 400);
    assert_eq!(status(&format!("old 22\n\n{}", text(&first))), 400, "old size beyond the checkpoint");
    assert_eq!(status(&format!("old 0\n\n{}", text(&first).replacen("weir/", "wear/", 1))), 404);
    assert_eq!(status(&format!("old 0\n\n{}", text(&stranger.checkpoint()))), 403, "another key");
    assert_eq!(status(&format!("old 0\n{}\n\n{}", first.checkpoint().root, text(&first))), 422);
    assert_eq!(ask(format!("old 7\n\n{}", text(&first)).as_bytes()), (409, "0\n".into()));

    assert_eq!(status(&format!("old 0\n\n{}", text(&first))), 200);
    assert_eq!(ask(&request(0, &second, &tiles).unwrap()), (409, "21\n".into()));
    assert_eq!(status(&format!("old 21\n\n{}", text(&second))), 422, "no proof");
    let body = request(21, &second, &tiles).unwrap();
    let reply = server.add_checkpoint(&body);
    let Answer::Cosigned(cosigned) = interpret(&second, &server.key(), &reply) else { panic!("{reply:?}") };
    assert!(cosigned.is_signed_by(&server.key()) && cosigned.is_signed_by(&key));
    assert_eq!(server.last("weir/node-7").unwrap().unwrap().checkpoint(), second.checkpoint());
    // The same again is signed again; an older one is not.
    assert_eq!(ask(&request(321, &second, &tiles).unwrap()).0, 200);
    assert_eq!(ask(&request(0, &first, &tiles).unwrap()), (409, "321\n".into()));
}

#[tokio::test]
async fn a_split_view_gets_no_second_signature() {
    let (place, key) = sealed(10).await;
    let fork = place.copy();
    place.write(10).await;
    let server = server(&place, &[&key]);
    let honest = request(0, &place.checkpoint(), &tiles(&place)).unwrap();
    assert_eq!(server.add_checkpoint(&honest).status, 200);
    for calls in [10, 40] {
        place.restore(fork.path());
        place.write(calls).await;
        let forked = place.checkpoint();
        let size = forked.checkpoint().size;
        assert!(forked.is_signed_by(&key), "the fork is signed by the log's own key");
        let reply = server.add_checkpoint(&request(41, &forked, &tiles(&place)).unwrap());
        let expect = if size == 41 { 409 } else { 422 };
        assert_eq!((reply.status, size), (expect, 2 * calls as u64 + 21));
    }
    assert_eq!(server.last("weir/node-7").unwrap().unwrap().checkpoint().size, 41);
}

#[test]
fn nothing_that_is_sent_stops_the_witness() {
    let place = Place::new();
    let key = SigningKey::from_seed("weir/a", [1; 32]);
    let server = server(&place, &[&key.verifier()]);
    let body = b"old 3\nAAAA\n\nweir/a\n12\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n\xe2\x80\x94 weir/a AAAAAAA=\n";
    for at in 0..body.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut bytes = body.to_vec();
            bytes[at] ^= change;
            assert_ne!(server.add_checkpoint(&bytes).status, 200);
        }
        assert_ne!(server.add_checkpoint(&body[..at]).status, 200);
    }
}
