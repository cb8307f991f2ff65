//! A syslog server: RFC 5424 messages by TLS (RFC 5425), TCP (RFC 6587, counted octets) or UDP (RFC 5426).
//!
//! Syslog has no acknowledgement. Over a stream the end of the connection serves as one: a batch has a connection of
//! its own, which we end, and the receiver ends its side once it has read to the end. A receiver that ended its side
//! before answers the rest with a reset, which is waited for; then the batch is sent again. UDP confirms nothing.

use std::io;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use syslog_fmt::v5424::{Config, Formatter, Msg};
use syslog_fmt::{Facility, Severity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::batch::{Batch, Item, Level};
use crate::connect::{Connection, Door};
use crate::error::Failure;
use crate::settings::Confirm;
use crate::sink::Sink;

/// Our structured data: 32473 is the number that IANA keeps for examples, as Weir has none of its own.
const ELEMENT: &str = "weir@32473";
/// Most bytes that a receiver may send before it ends its side; syslog receivers send none.
const MOST_CHATTER: usize = 4096;
/// Least and most time to wait for a reset; within that, twice as long as connecting took.
const SETTLING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Sends batches to one server.
#[derive(Debug)]
pub(crate) struct Syslog {
    pub(crate) door: Door,
    pub(crate) way: Way,
    pub(crate) confirm: Confirm,
    pub(crate) deadline: Duration,
}

/// How messages are set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Counted octets on a stream.
    Stream,
    /// A datagram each.
    Datagrams,
}

#[async_trait]
impl Sink for Syslog {
    fn encode(&self, batch: &Batch) -> Vec<u8> {
        frames(batch)
    }

    async fn deliver(&mut self, batch: &Batch) -> Result<(), Failure> {
        let sent = async {
            match self.way {
                Way::Stream => self.stream(&self.encode(batch)).await,
                Way::Datagrams => self.datagrams(batch).await,
            }
        };
        timeout(self.deadline, sent).await.map_err(|_| Failure::TimedOut)?
    }
}

impl Syslog {
    /// Writes everything, ends our side, and waits until the receiver has ended its own.
    async fn stream(&self, bytes: &[u8]) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut connection = self.door.open().await?;
        let settling = (begun.elapsed() * 2).clamp(SETTLING.0, SETTLING.1);
        connection.write_all(bytes).await.map_err(|_| Failure::Broken)?;
        connection.shutdown().await.map_err(|_| Failure::Broken)?;
        self.hear_end(&mut *connection).await?;
        // INVARIANT: what comes to a side that has ended is answered by a reset, one round trip later.
        tokio::time::sleep(settling).await;
        if connection.is_reset() { Err(Failure::Broken) } else { Ok(()) }
    }

    async fn hear_end(&self, connection: &mut dyn Connection) -> Result<(), Failure> {
        let mut chatter = [0; MOST_CHATTER];
        let mut heard = 0;
        while heard <= MOST_CHATTER {
            match connection.read(&mut chatter).await {
                Ok(0) => return Ok(()),
                Ok(read) => heard += read,
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(Failure::Broken),
                Err(_) if self.confirm == Confirm::End => return Ok(()),
                Err(_) => return Err(Failure::Unconfirmed),
            }
        }
        Err(Failure::Broken)
    }

    async fn datagrams(&self, batch: &Batch) -> Result<(), Failure> {
        let to = self.door.addresses().await?.into_iter().next().ok_or(Failure::Unreachable)?;
        let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(from).await.map_err(|_| Failure::Unreachable)?;
        socket.connect(to).await.map_err(|_| Failure::Unreachable)?;
        let formatter = formatter(&batch.node_id);
        for item in &batch.items {
            // An error of an earlier datagram, such as a closed port, shows up here.
            socket.send(&message(&formatter, item)).await.map_err(|_| Failure::Broken)?;
        }
        Ok(())
    }
}

fn formatter(node_id: &str) -> Formatter {
    let host = header_field(node_id, 255);
    Config { facility: Facility::Local0, hostname: Some(&host), app_name: Some("weir"), proc_id: None }
        .into_formatter()
}

/// The messages of a batch, each behind its length.
fn frames(batch: &Batch) -> Vec<u8> {
    let formatter = formatter(&batch.node_id);
    let mut out = Vec::new();
    for item in &batch.items {
        let message = message(&formatter, item);
        out.extend_from_slice(format!("{} ", message.len()).as_bytes());
        out.extend_from_slice(&message);
    }
    out
}

fn message(formatter: &Formatter, item: &Item) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.body.len() + 256);
    // Writing to memory doesn't fail.
    let written: io::Result<()> = formatter.write_with_data(
        &mut out,
        severity(item.level),
        item.time.to_string(),
        // JSON is UTF-8 by its own definition; a byte order mark in front would be no JSON.
        Msg::NonUnicodeBytes(item.body.as_bytes()),
        Some(item.kind),
        [(
            ELEMENT,
            [
                ("recordId", item.record_id.to_string().as_str()),
                ("nodeSeq", item.seq.to_string().as_str()),
                ("tenant", item.tenant.as_str()),
            ],
        )],
    );
    debug_assert!(written.is_ok());
    out
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Plain => Severity::Info,
        Level::Notice => Severity::Notice,
        Level::Warning => Severity::Warning,
    }
}

/// What may stand in the header: visible ASCII, at most `most` characters, `-` for nothing.
fn header_field(text: &str, most: usize) -> String {
    let kept: String = text.chars().take(most).map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::samples::{batch, item};

    #[test]
    fn a_message_has_every_part_of_the_standard() {
        let mut item = item(7, "{\"a\":\"é\"}");
        item.tenant = "a\"b\\c]d".into();
        item.level = Level::Warning;
        let text = String::from_utf8(message(&formatter("node ü 1"), &item)).unwrap();
        let expect = concat!(
            "<132>1 2027-01-15T08:00:00.000000Z node___1 weir - completion ",
            "[weir@32473 recordId=\"01930000-0000-7000-8000-000000000007\" nodeSeq=\"7\" tenant=\"a\\\"b\\\\c\\]d\"] ",
            "{\"a\":\"é\"}"
        );
        assert_eq!(text, expect);
    }

    #[test]
    fn octets_are_counted_not_characters() {
        let frames = frames(&batch(&["{\"a\":\"é\"}", "{}"]));
        let mut rest = frames.as_slice();
        for body in ["{\"a\":\"é\"}", "{}"] {
            let space = rest.iter().position(|byte| *byte == b' ').unwrap();
            let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
            let message = &rest[space + 1..][..length];
            assert!(message.ends_with(body.as_bytes()));
            rest = &rest[space + 1 + length..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn header_fields_are_visible_ascii() {
        let check = |text: &str, expect: &str| assert_eq!(header_field(text, 5), expect);
        check("", "-");
        check("a b", "a_b");
        check("löwe", "l_we");
        check("abcdefg", "abcde");
    }
}
