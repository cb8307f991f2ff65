//! Receivers that others wrote: rsyslog, syslog-ng, the Python library of Standard Webhooks, the Python types of OTLP.
//!
//! A test says so and passes where the receiver is not installed; `WEIR_SINKS_PYTHON` names a Python that has the
//! packages `standardwebhooks` and `opentelemetry-proto`, `WEIR_SINKS_SYSLOG_NG` a syslog-ng in another place.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use weir_sinks::{Confirm, Receiver, SinkSettings, SyslogSettings, Transport};

use crate::pki::Pki;
use crate::support::{SECRET, Scene, Web, otlp, quick, status, until, webhook};

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn rsyslogd() -> Option<PathBuf> {
    let places = ["/usr/sbin/rsyslogd", "/usr/bin/rsyslogd"].map(PathBuf::from);
    let found = places.into_iter().find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: rsyslogd is not installed (apt-get install rsyslog rsyslog-gnutls)");
    }
    found
}

fn has_gnutls() -> bool {
    let libraries = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = libraries.iter().any(|it| Path::new(it).join("rsyslog/lmnsd_gtls.so").is_file());
    if !found {
        eprintln!("skipped: rsyslog has no TLS here (apt-get install rsyslog-gnutls)");
    }
    found
}

/// An rsyslog that writes structured data and message of all it receives to `out`.
fn start(program: &Path, dir: &Path, port: u16, tls: Option<&Pki>) -> Process {
    let (global, module) = match tls {
        None => (String::new(), String::new()),
        Some(pki) => (
            format!(
                r#"DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{}" DefaultNetstreamDriverCertFile="{}" DefaultNetstreamDriverKeyFile="{}""#,
                pki.file("ca.pem").display(),
                pki.file("server.pem").display(),
                pki.file("server.key").display()
            ),
            r#"StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid""#
                .to_owned(),
        ),
    };
    let text = format!(
        r#"global(workDirectory="{dir}" maxMessageSize="64k" {global})
module(load="imtcp" {module})
template(name="line" type="string" string="%structured-data% %msg%\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{dir}/out" template="line")
"#,
        dir = dir.display()
    );
    let conf = dir.join("rsyslog.conf");
    fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-n").arg("-f").arg(&conf).arg("-i").arg(dir.join("pid")).stdout(Stdio::null());
    Process(command.spawn().unwrap())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn syslog(port: u16, transport: Transport, confirm: Confirm) -> SinkSettings {
    let host = "localhost".into();
    let mut settings = quick(Receiver::Syslog(SyslogSettings { host, port, transport, confirm }));
    settings.deadline = std::time::Duration::from_secs(10);
    settings.backoff.most = std::time::Duration::from_millis(50);
    settings
}

/// Numbers in the file that the receiver writes, in order; that of the structured data is that of the message.
///
/// A line may be torn: the last one while it is being written, and the one that a killed receiver was writing, which
/// the next receiver goes on behind. What is torn doesn't count as received, and only that may be unreadable.
fn written(out: &Path) -> Vec<u64> {
    let text = fs::read_to_string(out).unwrap_or_default();
    let mut torn = 0;
    let mut seqs = Vec::new();
    for message in text.split("[weir@32473 ").skip(1) {
        let whole = message.ends_with('\n').then(|| message.split_once("] ")).flatten();
        let Some((header, Ok(json))) =
            whole.map(|(header, body)| (header, serde_json::from_str::<Value>(body.trim())))
        else {
            torn += 1;
            continue;
        };
        let seq = json["node_seq"].as_u64().unwrap();
        assert!(header.starts_with("recordId=") && header.contains(&format!("nodeSeq=\"{seq}\"")));
        seqs.push(seq);
    }
    assert!(torn <= 2, "{torn} torn messages for one kill");
    seqs
}

/// A backlog that is there before the receiver is; the receiver is killed in the middle, and starts again.
async fn has_everything(dir: &Path, settings: SinkSettings, start: impl Fn() -> Process) {
    let scene = Scene::new();
    scene.write(200).await;
    let running = scene.start(settings);
    running.until(|state| state.failures >= 1).await;
    let process = start();
    running.until(|state| state.position >= 100).await;
    drop(process);
    let _process = start();
    let state = running.until(|state| state.position == 400).await;
    running.stop().await;
    assert_eq!(state.delivered, 400);
    let out = dir.join("out");
    let expect: Vec<u64> = (1..=400).collect();
    let seqs = until(
        || Some(written(&out)).filter(|seqs| seqs.last() == Some(&400)),
        || format!("{:?}", written(&out).last()),
    )
    .await;
    // Whole, but for what was sent again after the kill.
    let mut once = seqs.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once, expect);
    assert!(seqs.len() <= 420, "{}", seqs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_receives_by_tcp() {
    let Some(program) = rsyslogd() else { return };
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let settings = syslog(port, Transport::Tcp, Confirm::End);
    has_everything(dir.path(), settings, || start(&program, dir.path(), port, None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_receives_by_tls() {
    let Some(program) = rsyslogd().filter(|_| has_gnutls()) else { return };
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let pki = Pki::new(dir.path());
    // rsyslog sends no closing alert.
    let settings = syslog(port, Transport::Tls(pki.client("ca.pem")), Confirm::End);
    has_everything(dir.path(), settings, || start(&program, dir.path(), port, Some(&pki))).await;
}

fn syslog_ng() -> Option<PathBuf> {
    let named = std::env::var_os("WEIR_SINKS_SYSLOG_NG").map(PathBuf::from);
    let found = named.or_else(|| Some(PathBuf::from("/usr/sbin/syslog-ng")).filter(|path| path.is_file()));
    if found.is_none() {
        eprintln!("skipped: syslog-ng is not installed (apt-get install syslog-ng-core)");
    }
    found
}

/// A syslog-ng that writes structured data and message of all it receives to `out`.
fn start_syslog_ng(program: &Path, dir: &Path, port: u16, pki: &Pki) -> Process {
    let text = format!(
        r#"@version: 3.38
source s {{ syslog(ip("127.0.0.1") port({port}) transport("tls") log-msg-size(65536) tls(
  key-file("{key}") cert-file("{cert}") ca-file("{ca}") peer-verify(required-trusted))); }};
destination d {{ file("{dir}/out" template(
  "[weir@32473 recordId=\"${{.SDATA.weir@32473.recordId}}\" nodeSeq=\"${{.SDATA.weir@32473.nodeSeq}}\"] ${{MSG}}\n")); }};
log {{ source(s); destination(d); }};
"#,
        key = pki.file("server.key").display(),
        cert = pki.file("server.pem").display(),
        ca = pki.file("ca.pem").display(),
        dir = dir.display()
    );
    let conf = dir.join("syslog-ng.conf");
    fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.args(["-F", "--no-caps", "-f"]).arg(&conf).arg("-R").arg(dir.join("persist"));
    command.arg("-p").arg(dir.join("pid")).arg("-c").arg(dir.join("control")).stdout(Stdio::null());
    Process(command.spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_ng_receives_by_tls_and_confirms_with_the_alert() {
    let Some(program) = syslog_ng() else { return };
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let pki = Pki::new(dir.path());
    let settings = syslog(port, Transport::Tls(pki.client("ca.pem")), Confirm::ClosingAlert);
    has_everything(dir.path(), settings, || start_syslog_ng(&program, dir.path(), port, &pki)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_that_does_not_trust_us_confirms_nothing() {
    let Some(program) = rsyslogd().filter(|_| has_gnutls()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new();
    scene.write(10).await;
    let pki = Pki::new(dir.path());
    let port = free_port();
    let _process = start(&program, dir.path(), port, Some(&pki));
    let mut anonymous = pki.client("ca.pem");
    anonymous.identity = None;
    let running = scene.start(syslog(port, Transport::Tls(anonymous), Confirm::End));
    // Until it listens nobody is at home; then it turns each connection away.
    let state = running.until(|state| state.last_failure == Some("broken")).await;
    let state = running.until(|now| now.failures >= state.failures + 10).await;
    running.stop().await;
    assert_eq!((state.position, state.delivered), (0, 0));
    assert!(written(&dir.path().join("out")).is_empty());
}

/// Runs the checks in Python on what was received; none where there is no such Python.
fn check_in_python(input: &Value) -> Option<String> {
    let Some(python) = std::env::var_os("WEIR_SINKS_PYTHON") else {
        eprintln!("skipped: WEIR_SINKS_PYTHON names no Python with standardwebhooks and opentelemetry-proto");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers.py");
    let mut command = Command::new(python);
    let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_satisfies_libraries_of_others() {
    let scene = Scene::new();
    scene.write(25).await;
    let hook = Web::new(|number, _| status(if number == 0 { 500 } else { 200 })).await;
    let running = scene.start(webhook(hook.address));
    running.until(|state| state.position == 50).await;
    running.stop().await;
    let collector = Web::new(|_, _| status(200)).await;
    let mut settings = otlp(collector.address);
    settings.name = "otel".into();
    let running = scene.start(settings);
    running.until(|state| state.position == 50).await;
    running.stop().await;
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    let hooks: Vec<Value> =
        hook.requests().iter().map(|it| json!({"headers": it.headers, "body": text(&it.body)})).collect();
    let logs: Vec<Value> = collector.requests().iter().map(|it| json!(text(&it.body))).collect();
    let answer = check_in_python(&json!({"secret": SECRET, "webhooks": hooks, "otlp": logs}));
    if let Some(answer) = answer {
        assert_eq!(answer, format!("webhooks={} records=60 logs=25", hooks.len()));
    }
}
