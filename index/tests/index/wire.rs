//! A way to the database that breaks where it hurts.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A way to the server that is cut at some commits: with the commit still on its way, or with only its answer lost.
pub fn cut_at_commits(server: u16) -> (u16, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cuts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&cuts);
    std::thread::spawn(move || {
        let mut commits = 0_u32;
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            relay(client, upstream, &mut commits, &counted);
        }
    });
    (port, cuts)
}

fn relay(mut client: TcpStream, mut upstream: TcpStream, commits: &mut u32, cuts: &AtomicU32) {
    let back = {
        let (mut from, mut to) = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
        let mute = Arc::new(AtomicU32::new(0));
        let muted = Arc::clone(&mute);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if muted.load(Ordering::SeqCst) == 1 {
                    // The answer to the commit has come, and is never passed on.
                    break;
                }
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
        (thread, mute)
    };
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let is_commit = buffer[..read].windows(7).any(|it| it == b"COMMIT\0");
        *commits += u32::from(is_commit);
        if is_commit && *commits % 5 == 3 {
            cuts.fetch_add(1, Ordering::SeqCst);
            if commits.is_multiple_of(2) {
                break;
            }
            back.1.store(1, Ordering::SeqCst);
        }
        if upstream.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = upstream.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    drop(back.0.join());
}
