//! `weir infer`: the embedded model server on its own.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use clap::{Args, Subcommand};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use weir_inference::{EngineOptions, ModelFiles, Service, router};

use super::{End, Failure, calm::calm, logs};

const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090);

/// `weir infer`.
#[derive(Subcommand)]
pub enum Infer {
    /// Serve the default models at an address of their own, without governance
    Serve(Serve),
}

/// `weir infer serve`.
#[derive(Args)]
pub struct Serve {
    /// Folder of the models
    #[arg(long, value_name = "FOLDER", default_value = "models")]
    models: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value_t = ADDRESS)]
    addr: SocketAddr,
    /// Threads that compute
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Another name for a model; may be given more than once, `*` stands for every other name
    #[arg(long = "alias", value_name = "NAME=MODEL", value_parser = alias)]
    aliases: Vec<(String, String)>,
    #[command(flatten)]
    logs: logs::Logs,
}

/// Reads `NAME=MODEL`.
fn alias(text: &str) -> Result<(String, String), String> {
    let models = Service::models();
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, model) = pair.ok_or("NAME=MODEL was expected")?;
    if models.contains(&model) {
        return Ok((name.to_owned(), model.to_owned()));
    }
    Err(format!("the model must be one of {}", models.join(", ")))
}

impl Infer {
    /// Runs the command, until it is told to stop.
    ///
    /// # Errors
    /// When the models can't be loaded or the address can't be used.
    pub fn run(self) -> Result<End, Failure> {
        let Self::Serve(serve) = self;
        calm();
        serve.logs.start();
        let (threads, aliases) = (serve.threads.into(), serve.aliases);
        let options = EngineOptions { threads, aliases, ..EngineOptions::default() };
        let service = Service::load(&ModelFiles::at(&serve.models), options)?;
        Runtime::new()?.block_on(listen(service, serve.addr))?;
        Ok(End::Fine)
    }
}

async fn listen(service: Service, address: SocketAddr) -> anyhow::Result<()> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("the address {address} can't be used"))?;
    // Else each piece of a stream waits for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    let stop = stop()?;
    tracing::info!(%address, "model server open");
    axum::serve(listener, router(service))
        .with_graceful_shutdown(stop)
        .await
        .context("the model server failed")
}

/// Ends at the first SIGTERM or SIGINT.
fn stop() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
