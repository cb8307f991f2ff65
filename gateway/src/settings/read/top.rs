//! The top level of `weir.yaml`.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use weir_accounting::{Catalogue, Factors};
use weir_callers::Pattern;
use weir_policies::document::{Map, Value};

use super::{
    audit, auth, limits,
    place::{Pem, Place, reason},
    routes, upstreams,
};
use crate::settings::{
    Baseline, Books, Carbon, Folders, Listen, Policies, Settings, TlsFiles, TrustedHeader,
};

const TRAFFIC: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8081);
const GRACE: Duration = Duration::from_secs(30);
const DATA_DIR: &str = "weir-data";

pub(super) fn settings(value: Value<'_>, place: &Place<'_>) -> Option<Settings> {
    let mut map = value.map()?;
    map.required("weir", |v| v.choice(&[("v1", ())]));
    let data_dir = data_dir_of(&mut map, place);
    let listen = map.or("listen", plain_listen(), |v| listen(v, place));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let workers = map.or("workers", cores, |v| v.integer(1..=1024));
    let limits = limits::limits(&mut map);
    let grace = map.or("shutdown", GRACE, grace);
    let auth = auth::auth(&mut map, place);
    let headers = map.or("headers", all_headers(), headers);
    let upstreams = upstreams::upstreams(&mut map, place);
    let routes = routes::routes(&mut map, upstreams.names.as_deref());
    let policies = map.or("policies", Policies::default(), |v| policies(v, place));
    let prices = map.optional("prices", |v| prices(v, place));
    let carbon = map.or("carbon", world(), carbon);
    let audit = audit::audit(&mut map, place, &data_dir);
    map.finish();
    Some(Settings {
        file: None,
        data_dir,
        listen,
        workers,
        limits,
        grace,
        auth: auth?,
        headers,
        upstreams: upstreams.all?,
        routes: routes?,
        policies,
        prices,
        carbon,
        audit,
        admin_key: None,
    })
}

/// Reads the folders and passes over everything else.
pub(super) fn folders(value: Value<'_>, place: &Place<'_>) -> Option<Folders> {
    let mut map = value.map()?;
    let data = data_dir_of(&mut map, place);
    let audit = map.optional("audit", |v| v.map()?.optional("dir", |v| place.path(v)));
    Some(Folders { audit: audit.unwrap_or_else(|| data.join(audit::AUDIT)), data })
}

/// Reads what the commands on the audit log need and passes over everything else.
pub(super) fn books(value: Value<'_>, place: &Place<'_>) -> Option<Books> {
    let mut map = value.map()?;
    let data = data_dir_of(&mut map, place);
    let audit = audit::audit(&mut map, place, &data);
    let listen = map.or("listen", plain_listen(), |v| listen(v, place));
    Some(Books { data, audit, admin: listen.admin })
}

/// An IP address with a port, or `localhost` with one.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = local.as_deref().unwrap_or(text).parse().ok()?;
    (address.port() != 0).then_some(address)
}

fn data_dir_of(map: &mut Map<'_>, place: &Place<'_>) -> PathBuf {
    map.optional("data_dir", |v| place.path(v)).unwrap_or_else(|| place.resolve(DATA_DIR))
}

fn plain_listen() -> Listen {
    Listen { traffic: TRAFFIC, admin: ADMIN, tls: None }
}

fn listen(value: Value<'_>, place: &Place<'_>) -> Option<Listen> {
    let mut map = value.map()?;
    let read = |v: Value<'_>| match v.scalar().and_then(address) {
        Some(address) => Some(address),
        None => v.expected("an address with a port, such as 127.0.0.1:8080"),
    };
    let traffic = map.or("traffic", TRAFFIC, read);
    let admin = map.or("admin", ADMIN, read);
    let tls = map.optional("tls", |v| tls(v, place));
    map.finish();
    Some(Listen { traffic, admin, tls })
}

fn tls(value: Value<'_>, place: &Place<'_>) -> Option<TlsFiles> {
    let mut map = value.map()?;
    let certificate = map.required("certificate", |v| place.pem(v, Pem::Certificate));
    let key = map.required("key", |v| place.pem(v, Pem::PrivateKey));
    map.finish();
    Some(TlsFiles { certificate: certificate?, key: key? })
}

fn grace(value: Value<'_>) -> Option<Duration> {
    let mut map = value.map()?;
    let grace = map.or("grace", GRACE, Value::duration);
    map.finish();
    Some(grace)
}

fn all_headers() -> BTreeSet<TrustedHeader> {
    use TrustedHeader::{Conversation, CostCenter, Purpose, Subject, Tags};
    [Subject, Conversation, Purpose, CostCenter, Tags].into()
}

fn headers(value: Value<'_>) -> Option<BTreeSet<TrustedHeader>> {
    let names = [
        ("subject", TrustedHeader::Subject),
        ("conversation", TrustedHeader::Conversation),
        ("purpose", TrustedHeader::Purpose),
        ("cost_center", TrustedHeader::CostCenter),
        ("tags", TrustedHeader::Tags),
    ];
    let mut map = value.map()?;
    let trusted = map.required("trusted", |v| v.list(|item| item.choice(&names)));
    map.finish();
    Some(trusted?.into_iter().collect())
}

/// `baseline` and files; in the last part of a path `*` stands for any run of characters.
fn policies(value: Value<'_>, place: &Place<'_>) -> Option<Policies> {
    let mut policies = Policies { baseline: Baseline::Off, files: Vec::new() };
    let read = value.list(|item| {
        let text = item.text()?;
        if text == "baseline" {
            policies.baseline = Baseline::On;
            return Some(());
        }
        for file in if text.contains('*') { matching(item, &text, place)? } else { vec![place.file(item)?] } {
            if !policies.files.contains(&file) {
                policies.files.push(file);
            }
        }
        Some(())
    });
    read.map(|_| policies)
}

fn matching(value: Value<'_>, text: &str, place: &Place<'_>) -> Option<Vec<PathBuf>> {
    let path = place.resolve(text);
    let (folder, last) = (path.parent()?, path.file_name()?.to_str()?);
    if folder.to_string_lossy().contains('*') {
        return value.expected("`*` in the last part of the path only");
    }
    // A file may come or go.
    place.touch(folder);
    let files = match in_folder(folder, &Pattern::new(last)) {
        Ok(files) => files,
        Err(error) => {
            value.problem(reason(&error));
            return None;
        }
    };
    if files.is_empty() {
        value.problem("no file fits");
        return None;
    }
    files.iter().for_each(|file| place.touch(file));
    Some(files)
}

/// The files of a folder whose name fits, in the order of their names; hidden ones don't.
fn in_folder(folder: &Path, pattern: &Pattern) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let fits = name.to_str().is_some_and(|name| !name.starts_with('.') && pattern.matches(name));
        if fits && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn prices(value: Value<'_>, place: &Place<'_>) -> Option<PathBuf> {
    let path = place.file(value)?;
    let text = fs::read_to_string(&path).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match Catalogue::parse(&text, &name) {
        Ok(_) => Some(path),
        Err(error) => {
            value.problem(format!("not a price file: {error}"));
            None
        }
    }
}

fn world() -> Carbon {
    Carbon { zone: "WOR".to_owned(), watts: 15.0 }
}

fn carbon(value: Value<'_>) -> Option<Carbon> {
    let mut map = value.map()?;
    let zone = map.or("zone", world().zone, |v| {
        let zone = v.text()?;
        let known = Factors::shipped().knows_zone(&zone);
        if known { Some(zone) } else { v.expected("a zone of the factor file, such as WOR, FRA or DEU") }
    });
    let watts = map.or("watts", world().watts, |v| v.float(0.1..=10_000.0));
    map.finish();
    Some(Carbon { zone, watts })
}
