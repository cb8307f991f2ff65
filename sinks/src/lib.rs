//! Delivers the audit log's records to the outside, off the request path: syslog, webhook, OTLP logs.
//!
//! The log itself is the spool: [`Sinks`] follow it by position and move on only when the receiver has taken what
//! was sent. Every message carries its record's id and number, so that a receiver can tell what came twice.

mod address;
mod backoff;
mod batch;
mod connect;
mod error;
mod http_post;
mod otlp;
mod position;
mod question;
mod render;
mod run;
mod runner;
mod secret;
mod settings;
mod sink;
mod source;
mod state;
mod syslog;
mod tls;
mod webhook;

pub use backoff::Backoff;
pub use batch::{Batch, Item, Level};
pub use error::{Failure, SinkError};
pub use question::{Question, Said};
pub use run::{Lane, Place, Sinks, Upto};
pub use secret::Secret;
pub use settings::{
    Confirm, Form, Identity, Limits, OnRefusal, OtlpSettings, Plaintext, Receiver, SinkSettings,
    SyslogSettings, TlsSettings, Transport, WebhookSettings,
};
pub use sink::Sink;
pub use state::{SinkState, States, Status};
