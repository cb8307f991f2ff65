//! The built gateway as a process of its own, with a data folder of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::client::Call;
use crate::config::Config;
use crate::poll;

/// What the gateway shows the upstreams of a scenario.
pub const UPSTREAM_KEY: &str = "upstream-secret-4711";
/// The admin key of every gateway under test.
pub const ADMIN_KEY: &str = "admin-key-for-tests-0123456789abcdef";

/// A running gateway; killed when dropped.
pub struct Gateway {
    child: Child,
    dir: TempDir,
    traffic: SocketAddr,
    admin: SocketAddr,
    key: String,
    environment: Vec<(String, String)>,
}

impl Gateway {
    /// Writes the settings, makes a key, starts the gateway and waits until it is ready.
    pub async fn start(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (traffic, admin) = (free_port(), free_port());
        for (name, text) in &config.files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let data = dir.path().join("data");
        let yaml = config.render(&data.display().to_string(), traffic, admin);
        fs::write(dir.path().join("weir.yaml"), yaml).unwrap();
        let key = create_key(dir.path(), &[]).await;
        let environment = config.environment;
        let child = spawn(dir.path(), (&["serve"], &environment));
        let mut gateway = Self { child, dir, traffic, admin, key, environment };
        gateway.ready().await;
        gateway
    }

    /// Starts it again after it was killed or stopped, on the same data and ports.
    pub async fn restart(&mut self) {
        self.child = spawn(self.dir.path(), (&["serve"], &self.environment));
        self.ready().await;
    }

    async fn ready(&mut self) {
        let (child, admin, dir) = (&mut self.child, self.admin, self.dir.path());
        poll::until("the gateway to be ready", poll::SOON, async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the gateway ended ({status}):\n{}", log(dir));
            }
            let listening = tokio::net::TcpStream::connect(admin).await.is_ok();
            let ready = listening && Call::get("/readyz").send(admin).await.status == 200;
            ready.then_some(())
        })
        .await;
    }

    /// Address of the traffic port.
    #[must_use]
    pub fn traffic(&self) -> SocketAddr {
        self.traffic
    }

    /// Address of the admin port.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A key that may do everything a caller may; tenant and app are `demo`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Folder of `weir.yaml`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it wrote to its standard streams.
    #[must_use]
    pub fn log(&self) -> String {
        log(self.dir.path())
    }

    /// `POST` with the gateway's key.
    pub async fn post(&self, path: &str, body: &Value) -> crate::Answer {
        Call::post(path, body).key(&self.key).send(self.traffic).await
    }

    /// `POST /v1/chat/completions` with the gateway's key.
    pub async fn chat(&self, body: &Value) -> crate::Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// Runs a command of the binary with this gateway's settings; returns its output.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> String {
        run(self.dir.path(), arguments).await
    }

    /// Runs a command that may fail; returns its exit code and all it said.
    pub async fn try_run(&self, arguments: &[&str]) -> (i32, String) {
        let output = command(self.dir.path()).args(arguments).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    /// Starts a command that goes on running beside the gateway, until it is dropped; what it says goes to `file`.
    #[must_use]
    pub fn beside(&self, arguments: &[&str], file: &str) -> Child {
        let said = fs::File::create(self.dir.path().join(file)).unwrap();
        let mut command = command(self.dir.path());
        command.args(arguments).stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        command.kill_on_drop(true).spawn().unwrap()
    }

    /// Makes a further key with extra arguments of `weir keys create`, and waits until it works.
    pub async fn another_key(&self, arguments: &[&str]) -> String {
        let key = create_key(self.dir.path(), arguments).await;
        poll::until("the gateway to know the new key", poll::SOON, async || {
            let answer = Call::get("/v1/models").key(&key).send(self.traffic).await;
            (answer.status != 401).then_some(())
        })
        .await;
        key
    }

    /// Starts a new process that takes the ports over, then tells the old one to end; returns the old one.
    pub async fn upgrade(&mut self) -> Old {
        let new = spawn(self.dir.path(), (&["serve", "--upgrade"], &self.environment));
        let old = Old(std::mem::replace(&mut self.child, new));
        let dir = self.dir.path();
        poll::until("the new process to wait for the ports", poll::SOON, async || {
            dir.join("data/upgrade.sock").exists().then_some(())
        })
        .await;
        signal(&old.0, "QUIT").await;
        self.ready().await;
        old
    }

    /// Sends a signal by name (`TERM`, `KILL`, `HUP`).
    pub async fn signal(&self, name: &str) {
        signal(&self.child, name).await;
    }

    /// Waits for the process to end.
    pub async fn ended(&mut self) -> ExitStatus {
        ended(&mut self.child).await
    }

    /// Resident memory in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let pid = self.child.id().expect("the gateway runs");
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

/// A process that was told to hand over.
pub struct Old(Child);

impl Old {
    /// Waits for it to end.
    pub async fn ended(&mut self) -> ExitStatus {
        ended(&mut self.0).await
    }
}

async fn ended(child: &mut Child) -> ExitStatus {
    tokio::time::timeout(poll::SOON, child.wait()).await.expect("the gateway ends in time").unwrap()
}

async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("the gateway runs");
    let done = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().await.unwrap();
    assert!(done.success(), "kill -{name} {pid}");
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

/// The binary that `WEIR_BIN` names, or the one two folders above the test executable: target/release/deps/… →
/// target/release/weir.
fn binary() -> PathBuf {
    if let Some(named) = env::var_os("WEIR_BIN") {
        return fs::canonicalize(&named).expect("WEIR_BIN names a file");
    }
    let test = env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("weir");
    assert!(built.is_file(), "{} is missing: `make test` builds it before the tests", built.display());
    built
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env("WEIR_CONFIG", dir.join("weir.yaml")).env("UPSTREAM_KEY", UPSTREAM_KEY);
    command.env("WEIR_ADMIN_KEY", ADMIN_KEY).env("WEIR_DATA_DIR", dir.join("data")).current_dir(dir);
    command
}

fn spawn(dir: &Path, (arguments, environment): (&[&str], &[(String, String)])) -> Child {
    let log = fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
    let mut command = command(dir);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.kill_on_drop(true).spawn().unwrap()
}

async fn run(dir: &Path, arguments: &[&str]) -> String {
    let output = command(dir).args(arguments).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "weir {arguments:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

async fn create_key(dir: &Path, arguments: &[&str]) -> String {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let name = format!("key-{}", MADE.fetch_add(1, Ordering::Relaxed));
    let mut all = vec!["keys", "create", name.as_str(), "--json"];
    for (option, value) in [("--tenant", "demo"), ("--app", "demo")] {
        if !arguments.contains(&option) {
            all.extend([option, value]);
        }
    }
    all.extend(arguments);
    let made: Value = serde_json::from_str(&run(dir, &all).await).unwrap();
    made["key"].as_str().expect("the key").to_owned()
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
