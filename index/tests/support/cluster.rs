//! A PostgreSQL server of its own in a temporary folder, for a test that wants a real one.
//!
//! The binaries are those of the machine; a test says that it is skipped where there are none. The server runs as an
//! unprivileged user, which it insists on.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// A running server, or one that was stopped and may be started again. Stops when dropped.
pub struct Cluster {
    binaries: PathBuf,
    dir: TempDir,
    owner: Option<(u32, u32)>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Starts a new, empty server with these settings; none where PostgreSQL is not installed.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let Some(binaries) = binaries() else {
            println!("skipped: no PostgreSQL (scripts/setup.sh postgres installs it)");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let owner = owner();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(dir.path(), Some(user), Some(group)).unwrap();
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut cluster = Self { binaries, dir, owner, port, server: None };
        let made = cluster
            .command("initdb")
            .args(["--auth=trust", "--username=weir", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(cluster.folder())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut lines = vec!["listen_addresses = '127.0.0.1'".to_owned(), format!("port = {port}")];
        lines.push(format!("unix_socket_directories = '{}'", cluster.dir.path().display()));
        lines.extend(settings.iter().map(|it| (*it).to_owned()));
        let file = cluster.folder().join("postgresql.auto.conf");
        std::fs::write(file, lines.join("\n")).unwrap();
        cluster.resume();
        Some(cluster)
    }

    /// Puts a file into the server's folder, where only the server can read it.
    pub fn put(&self, name: &str, content: &str) {
        let path = self.folder().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::chown(&path, Some(user), Some(group)).unwrap();
        }
    }

    /// Where to connect to, as the owner of everything.
    pub fn url(&self) -> String {
        self.url_as("weir", self.port)
    }

    /// Where a user connects to, by way of another port.
    pub fn url_as(&self, user: &str, port: u16) -> String {
        format!("postgres://{user}@127.0.0.1:{port}/postgres")
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the server again.
    pub fn resume(&mut self) {
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let server = self.command("postgres").arg("-D").arg(self.folder()).stderr(log).spawn().unwrap();
        self.server = Some(server);
        let ready = ["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()].map(str::to_owned);
        for _ in 0..1000 {
            if self.command("pg_isready").args(&ready).status().unwrap().success() {
                return;
            }
            let lock = Mutex::new(());
            drop(Condvar::new().wait_timeout(lock.lock().unwrap(), Duration::from_millis(20)).unwrap());
        }
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        panic!("the server does not start: {log}");
    }

    /// Stops the server without letting it finish anything, as a crash would.
    pub fn crash(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal("QUIT", server.id());
            server.wait().unwrap();
        }
    }

    /// What a statement answers, one line a row.
    pub fn ask(&self, statement: &str) -> String {
        self.attempt(statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// What a statement answers, or why it failed.
    pub fn attempt(&self, statement: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let output = self
            .command("psql")
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "weir", "-p", &port])
            .args(["-d", "postgres", "-c", statement])
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{name} {process}");
}

/// The newest installed version's programs.
fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = versions.map(|it| it.path().join("bin")).filter(|it| it.join("initdb").is_file());
    folders.max_by_key(|it| version(it))
}

fn version(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

/// Who runs the server when this program runs as root, which PostgreSQL refuses.
fn owner() -> Option<(u32, u32)> {
    let id = |flag: &str, user: &str| {
        let output = Command::new("id").arg(flag).arg(user).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    let own = Command::new("id").arg("-u").output().ok()?;
    if own.stdout != b"0\n" {
        return None;
    }
    ["postgres", "nobody"].into_iter().find_map(|user| Some((id("-u", user)?, id("-g", user)?)))
}
