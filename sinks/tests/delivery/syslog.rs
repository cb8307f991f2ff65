//! Syslog: over TLS, TCP and UDP, with receivers that confirm, break off, forge an end, or are not to be trusted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;
use weir_sinks::{Confirm, Form, Receiver, SinkSettings, Status, SyslogSettings, Transport};

use crate::pki::Pki;
use crate::support::{Scene, quick};

/// How a receiver treats one connection.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// Reads to the end, then ends its side.
    Confirms,
    /// Ends the connection in the middle.
    BreaksOff,
    /// Ends the connection before it has read anything.
    Shuns,
    /// Reads to the end, and never ends its side.
    Hangs,
    /// Reads to the end, then drops the connection without the closing alert of TLS.
    Forges,
    /// Talks without end.
    Chatters,
}

type Received = Arc<Mutex<Vec<(Manner, Vec<u8>)>>>;

/// Receives over TLS or TCP; the n-th connection is treated in the n-th manner, later ones are confirmed.
async fn receiver(pki: Option<&Pki>, manners: &'static [Manner]) -> (SocketAddr, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Received::default();
    let (all, acceptor) = (Arc::clone(&received), pki.map(|pki| TlsAcceptor::from(pki.server())));
    tokio::spawn(async move {
        let mut number = 0;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let manner = manners.get(number).copied().unwrap_or(Manner::Confirms);
            match &acceptor {
                None => {
                    number += 1;
                    tokio::spawn(treat(stream, manner, Arc::clone(&all)));
                }
                Some(acceptor) => {
                    let Ok(stream) = acceptor.accept(stream).await else { continue };
                    number += 1;
                    tokio::spawn(treat(stream, manner, Arc::clone(&all)));
                }
            }
        }
    });
    (address, received)
}

async fn treat(mut stream: impl AsyncRead + tokio::io::AsyncWrite + Unpin, manner: Manner, all: Received) {
    let mut bytes = Vec::new();
    match manner {
        Manner::Shuns => return,
        Manner::BreaksOff => drop(stream.read_buf(&mut bytes).await.unwrap()),
        _ => drop(stream.read_to_end(&mut bytes).await.unwrap()),
    }
    all.lock().unwrap().push((manner, bytes));
    match manner {
        Manner::Confirms => drop(stream.shutdown().await),
        Manner::Hangs => std::future::pending().await,
        Manner::Chatters => while stream.write_all(&[b'x'; 1024]).await.is_ok() {},
        Manner::BreaksOff | Manner::Shuns | Manner::Forges => {}
    }
}

/// The messages of a stream of counted octets, as header and JSON.
fn messages(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
        found.push(message(&bytes[space + 1..][..length]));
        bytes = &bytes[space + 1 + length..];
    }
    found
}

fn message(bytes: &[u8]) -> (String, Value) {
    let text = std::str::from_utf8(bytes).unwrap();
    let (header, body) = text.split_once("] ").unwrap();
    (header.to_owned(), serde_json::from_str(body).unwrap())
}

fn syslog(address: SocketAddr, transport: Transport) -> SinkSettings {
    let host =
        if matches!(transport, Transport::Tls(_)) { "localhost".into() } else { address.ip().to_string() };
    let (port, confirm) = (address.port(), Confirm::default());
    quick(Receiver::Syslog(SyslogSettings { host, port, transport, confirm }))
}

/// Numbers of the records of the connections that were confirmed.
fn confirmed(received: &Received) -> Vec<u64> {
    let all = received.lock().unwrap();
    let confirmed = all.iter().filter(|(manner, _)| *manner == Manner::Confirms);
    confirmed
        .flat_map(|(_, bytes)| messages(bytes))
        .map(|(_, json)| json["node_seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_only_a_closing_alert_confirms() {
    use Manner::{BreaksOff, Chatters, Confirms, Forges, Hangs, Shuns};
    let scene = Scene::new();
    scene.write(15).await;
    let pki = Pki::new(scene.dir.path());
    let (address, received) =
        receiver(Some(&pki), &[Forges, Hangs, BreaksOff, Shuns, Chatters, Confirms, Forges, Shuns]).await;
    let running = scene.start(syslog(address, Transport::Tls(pki.client("ca.pem"))));
    let state = running.until(|state| state.position == 30).await;
    running.stop().await;
    assert_eq!((state.failures, state.delivered), (7, 30));
    assert_eq!(confirmed(&received), (1..=30).collect::<Vec<u64>>());
    let all = received.lock().unwrap();
    let (_, first) = all.iter().find(|(manner, _)| *manner == Confirms).unwrap();
    for (header, json) in messages(first) {
        let seq = json["node_seq"].as_u64().unwrap();
        assert!(header.starts_with(if seq == 10 { "<132>1 " } else { "<134>1 " }), "{header}");
        assert!(header.contains(&format!("recordId={}", json["record_id"])), "{header}");
        assert!(header.contains(&format!("nodeSeq=\"{seq}\" tenant=\"acme\"")), "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_sends_the_alert_is_an_alarm_or_is_let_off_it() {
    let scene = Scene::new();
    scene.write(10).await;
    let pki = Pki::new(scene.dir.path());
    let (address, received) = receiver(Some(&pki), &[Manner::Forges; 1000]).await;
    let mut settings = syslog(address, Transport::Tls(pki.client("ca.pem")));
    let running = scene.start(settings.clone());
    let state = running.until(|state| state.status == Status::Denied).await;
    assert_eq!((state.position, state.last_failure), (0, Some("unconfirmed")));
    running.stop().await;
    if let Receiver::Syslog(syslog) = &mut settings.receiver {
        syslog.confirm = Confirm::End;
    }
    received.lock().unwrap().clear();
    let running = scene.start(settings);
    let state = running.until(|state| state.position == 20).await;
    running.stop().await;
    assert_eq!((state.failures, received.lock().unwrap().len()), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_another_authority_vouches_for_hears_nothing() {
    let scene = Scene::new();
    scene.write(1).await;
    let pki = Pki::new(scene.dir.path());
    let (address, received) = receiver(Some(&pki), &[]).await;
    let running = scene.start(syslog(address, Transport::Tls(pki.client("other-ca.pem"))));
    let state = running.until(|state| state.failures >= 3).await;
    assert_eq!((state.last_failure, state.position, state.status), (Some("tls"), 0, Status::Retrying));
    running.stop().await;
    // Nor does one that knows us not: it asks for a certificate and gets none.
    let mut anonymous = pki.client("ca.pem");
    anonymous.identity = None;
    let running = scene.start(syslog(address, Transport::Tls(anonymous)));
    let state = running.until(|state| state.failures >= 3).await;
    assert_eq!(state.position, 0);
    running.stop().await;
    assert!(received.lock().unwrap().iter().all(|(_, bytes)| bytes.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tcp_the_end_of_the_connection_confirms() {
    let scene = Scene::new();
    scene.write(10).await;
    let (address, received) =
        receiver(None, &[Manner::Hangs, Manner::Chatters, Manner::Shuns, Manner::Shuns, Manner::Shuns]).await;
    let mut settings = syslog(address, Transport::Tcp);
    settings.form = Form::Ocsf;
    let running = scene.start(settings);
    let state = running.until(|state| state.position == 20).await;
    assert_eq!((state.delivered, state.failures), (10, 5));
    running.stop().await;
    let all = received.lock().unwrap();
    let events: Vec<Value> =
        all[2..].iter().flat_map(|(_, bytes)| messages(bytes)).map(|(_, json)| json).collect();
    assert_eq!(events.len(), 10);
    assert!(events.iter().all(|it| it["class_uid"] == 6003 && it["actor"]["app_name"] == "desk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_home_is_tried_again() {
    let scene = Scene::new();
    scene.write(1).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let running = scene.start(syslog(address, Transport::Tcp));
    let state = running.until(|state| state.failures >= 3).await;
    assert_eq!((state.last_failure, state.lag_records), (Some("unreachable"), 2));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_udp_each_message_is_a_datagram() {
    let scene = Scene::new();
    scene.write(3).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let running = scene.start(syslog(address, Transport::Udp));
    running.until(|state| state.position == 6).await;
    running.stop().await;
    let mut seqs = Vec::new();
    let mut bytes = vec![0; 65_536];
    while seqs.len() < 6 {
        let arrives = tokio::time::timeout(Duration::from_secs(30), socket.recv(&mut bytes));
        let length = arrives.await.unwrap().unwrap();
        seqs.push(message(&bytes[..length]).1["node_seq"].as_u64().unwrap());
    }
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
}
