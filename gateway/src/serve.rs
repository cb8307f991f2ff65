//! `weir serve`: opens what the gateway needs, in order, and runs it until it is told to stop.

use std::{net::TcpListener, sync::Arc};

use anyhow::{Context, Result, bail};
use pingora_core::{
    listeners::{L4BufferSettings, ListenerConfig, tls::TlsSettings},
    server::{
        RunArgs, Server,
        configuration::{Opt, ServerConf},
    },
    services::{background::background_service, listening::Service},
};

use crate::{
    archive,
    assemble::{self, Engines},
    gate::{Fixed, Gate},
    housekeeping::Housekeeping,
    keyring::Keyring,
    relay::Connections,
    settings::{Listen, Settings},
    shell::{InFlight, Traffic},
    telemetry,
};

/// Idle connections kept to upstreams.
const KEPT_CONNECTIONS: usize = 256;

/// Bytes gathered before they are written to a client: a reply's head and a small body go out in one write.
const WRITE_BUFFER: usize = 8 << 10;

/// Whether a running gateway hands its listening sockets over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Listen anew.
    Fresh,
    /// Take the sockets of the running gateway, which is then sent SIGQUIT.
    Upgrade,
}

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// What keeps it from starting, with what to do.
pub fn run(settings: Settings, start: Start) -> Result<()> {
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("the data folder {} can't be made", settings.data_dir.display()))?;
    if start == Start::Fresh {
        check_free(&settings.listen)?;
    }
    let metrics = telemetry::install()?;
    let keyring = Keyring::open(&settings.data_dir)?;
    let archive = Arc::new(archive::open(&settings.audit, start)?);
    let callers = assemble::callers(&settings)?;
    let mut engines = Engines::default();
    let live = assemble::live(&settings, (&keyring, &archive.memory), &mut engines)?;
    let connections = Connections::new(KEPT_CONNECTIONS);
    let conf = conf(&settings);
    let in_flight = Arc::new(InFlight::default());
    let fixed = Fixed { settings, connections, archive, callers, keyring, in_flight };
    let gate = Arc::new(Gate::new(fixed, live));

    let opt = Opt { upgrade: start == Start::Upgrade, ..Opt::default() };
    let mut server = Server::new_with_opt_and_conf(opt, conf);
    server.bootstrap();
    server.add_service(traffic(&gate)?);
    server.add_service(background_service("housekeeping", Housekeeping::new(gate, metrics, engines)));
    server.run(RunArgs::default());
    Ok(())
}

fn traffic(gate: &Arc<Gate>) -> Result<Service<Traffic>> {
    let settings = gate.settings();
    let mut service = Service::new("traffic".to_owned(), Traffic::new(gate.clone()));
    service.threads = Some(settings.workers);
    let address = settings.listen.traffic.to_string();
    let mut listener =
        ListenerConfig::tcp(address).l4_buffer(L4BufferSettings::default().write(WRITE_BUFFER));
    match &settings.listen.tls {
        None => {}
        Some(files) => {
            let (Some(certificate), Some(key)) = (files.certificate.to_str(), files.key.to_str()) else {
                bail!("the paths of certificate and key must be UTF-8");
            };
            let mut tls = TlsSettings::intermediate(certificate, key).map_err(|_| {
                anyhow::anyhow!("the certificate {certificate} or its key {key} can't be used")
            })?;
            tls.enable_h2();
            listener = listener.tls(tls);
        }
    }
    service.add_listener(listener);
    Ok(service)
}

fn conf(settings: &Settings) -> ServerConf {
    let path = |name: &str| settings.data_dir.join(name).to_string_lossy().into_owned();
    // The grace is ours to keep: the process ends as soon as nothing runs any more (see `shell::Drain`).
    // Pingora's own comes a little later, as a backstop.
    ServerConf {
        threads: settings.workers,
        pid_file: path("weir.pid"),
        upgrade_sock: path("upgrade.sock"),
        grace_period_seconds: Some(settings.grace.as_secs() + 10),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}

/// Pingora panics in a thread of its own when an address is taken: it is tried here first.
fn check_free(listen: &Listen) -> Result<()> {
    for (port, variable, address) in
        [("traffic", "WEIR_TRAFFIC_ADDR", listen.traffic), ("admin", "WEIR_ADMIN_ADDR", listen.admin)]
    {
        TcpListener::bind(address).with_context(|| {
            format!("the {port} address {address} can't be listened on; set listen.{port} or {variable} to a free one")
        })?;
    }
    Ok(())
}
