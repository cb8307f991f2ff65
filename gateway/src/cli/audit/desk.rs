//! Acts that leave a record go to the desk: that of the running gateway, or one of our own while none runs.

use std::{io::Read as _, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail};
use axum::body::Body;
use bytes::Bytes;
use clap::Args;
use http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use weir_audit::System;
use weir_callers::{Callers, CallersOptions};
use weir_index::Lane;

use super::super::Failure;
use crate::{
    admin,
    archive::{self, Desk},
    console,
    serve::Start,
    settings::Books,
};

/// Variables that hold the key of who acts.
const KEYS: [&str; 2] = ["WEIR_KEY", "WEIR_ADMIN_KEY"];
/// Most bytes of an answer.
const MOST: usize = 1 << 30;

/// Who acts.
#[derive(Args, Clone, Debug)]
pub struct ActArgs {
    /// File with the key of who acts; else the variable WEIR_KEY, else WEIR_ADMIN_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl ActArgs {
    fn key(&self) -> Result<String, Failure> {
        if let Some(path) = &self.key_file {
            let mut text = String::new();
            let read = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text));
            read.with_context(|| format!("the key file {} can't be read", path.display()))?;
            return Ok(text.trim().to_owned());
        }
        let given = KEYS.iter().find_map(|name| std::env::var(name).ok().filter(|key| !key.is_empty()));
        given.ok_or_else(|| {
            Failure::Usage(
                "this act is recorded with who did it: give your key with --key-file or in WEIR_KEY".into(),
            )
        })
    }

    /// Sends one request to the desk; the answer's body. `body` makes it a POST.
    pub(super) fn send(&self, books: &Books, (path, body): (&str, Option<Value>)) -> Result<Bytes, Failure> {
        let key = self.key()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let answer = runtime.block_on(async {
            let request = request(books.admin, path, &key, body)?;
            match over_network(books.admin, request).await {
                Ok(answer) => Ok(answer),
                Err(Away::Absent(request)) => at_home(books, *request).await,
                Err(Away::Failed(error)) => Err(error),
            }
        });
        let (status, body) = answer?;
        if status < 300 {
            return Ok(body);
        }
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = said.pointer("/error/message").and_then(Value::as_str);
        Err(anyhow::anyhow!("{}", message.unwrap_or("the gateway refused without a reason")).into())
    }

    /// Does what no gateway may run beside, with log and vault open here alone, as whoever the key stands for.
    pub(super) fn alone<T>(
        &self,
        books: &Books,
        act: impl AsyncFnOnce(&archive::Archive, &archive::Person) -> Result<T, archive::DeskError>,
    ) -> Result<T, Failure> {
        let key = self.key()?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(async {
            if tokio::net::TcpStream::connect(books.admin).await.is_ok() {
                return Err(anyhow::anyhow!("a gateway runs at {}: stop it first", books.admin).into());
            }
            let archive = archive::open(&books.audit, Start::Fresh)?;
            archive.finish_erasures().await?;
            let callers = Callers::open(&CallersOptions::new(books.data.clone()))?;
            let done = match console::access(&callers, &archive, &key).await {
                admin::Access::Known(person) => act(&archive, &person).await.map_err(anyhow::Error::from),
                admin::Access::Other | admin::Access::Unknown => Err(anyhow::anyhow!("the key is not known")),
            };
            archive.log.close().await?;
            Ok(done?)
        })
    }

    /// [`ActArgs::send`], with the answer as JSON.
    pub(in crate::cli) fn ask(
        &self,
        books: &Books,
        request: (&str, Option<Value>),
    ) -> Result<Value, Failure> {
        let body = self.send(books, request)?;
        Ok(serde_json::from_slice(&body).context("the gateway's answer is no JSON")?)
    }
}

fn request(address: SocketAddr, path: &str, key: &str, body: Option<Value>) -> Result<Request<Body>> {
    let request = Request::builder()
        .method(if body.is_some() { "POST" } else { "GET" })
        .uri(path)
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json");
    let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
    request.body(body).context("the key can't stand in a header")
}

/// Why the gateway gave no answer.
enum Away {
    /// None listens there; the request is given back.
    Absent(Box<Request<Body>>),
    Failed(anyhow::Error),
}

async fn over_network(address: SocketAddr, request: Request<Body>) -> Result<(u16, Bytes), Away> {
    let Ok(stream) = tokio::net::TcpStream::connect(address).await else {
        return Err(Away::Absent(Box::new(request)));
    };
    let failed =
        |error: hyper::Error| Away::Failed(anyhow::anyhow!(error).context("the gateway's admin port"));
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.map_err(failed)?;
    let driver = tokio::spawn(connection);
    let reply = sender.send_request(request).await.map_err(failed)?;
    let status = reply.status().as_u16();
    let body = reply.into_body().collect().await.map_err(failed)?.to_bytes();
    driver.abort();
    Ok((status, body))
}

/// Opens log, vault and index here, answers, and closes them again.
async fn at_home(books: &Books, request: Request<Body>) -> Result<(u16, Bytes)> {
    let opened = archive::open(&books.audit, Start::Fresh);
    let opened = opened.with_context(|| {
        format!("no gateway answers at {}, and the log can't be opened here", books.admin)
    })?;
    let archive = Arc::new(opened);
    archive.finish_erasures().await?;
    let place = archive::place(&books.audit);
    let lanes = Lane::all(&books.audit.dir, archive.log.dir(), until(&archive), &System::default())?;
    let caught = {
        let place = place.clone();
        tokio::task::spawn_blocking(move || weir_index::catch_up(&mut *place.store()?, lanes))
    };
    caught.await.context("the index")??;
    let callers = Callers::open(&CallersOptions::new(books.data.clone()))?;
    let door: admin::Door = {
        let (callers, archive) = (Arc::new(callers), archive.clone());
        Arc::new(move |key| {
            let (callers, archive) = (callers.clone(), archive.clone());
            Box::pin(async move { console::access(&callers, &archive, &key).await })
        })
    };
    let desk = Desk::new(archive.clone(), place.index()?);
    let reply = admin::desk_alone(desk, door).oneshot(request).await;
    let Ok(reply) = reply;
    let status = reply.status().as_u16();
    let Ok(body) = axum::body::to_bytes(reply.into_body(), MOST).await else {
        bail!("the answer is too long")
    };
    archive.log.close().await?;
    Ok((status, body))
}

fn until(archive: &Arc<archive::Archive>) -> weir_index::Until {
    let log = archive.log.clone();
    Arc::new(move || log.durable_seq())
}
