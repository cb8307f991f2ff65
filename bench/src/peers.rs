//! The peers: how each is started, configured and called.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::client::{Connection, Target};
use crate::error::{BenchError, io};
use crate::process::{Launch, Process, tail};
use crate::script::Shape;

/// Where Weir's configuration takes the upstream's key from.
const UPSTREAM_KEY: &str = "WEIR_BENCH_UPSTREAM_KEY";
/// Where Weir takes the address of its metrics page from, before its configuration.
const ADMIN_ADDR: &str = "WEIR_ADMIN_ADDR";
const READY_WITHIN: Duration = Duration::from_secs(120);

/// What stands between load and upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// Nothing: the load calls the upstream.
    None,
    /// Envoy with one worker thread.
    Envoy,
    /// Envoy with two worker threads.
    #[value(name = "envoy-2")]
    #[serde(rename = "envoy-2")]
    Envoy2,
    /// Portkey's open-source gateway.
    Portkey,
    /// LiteLLM's proxy, one worker.
    Litellm,
    /// Weir without controls.
    WeirOff,
    /// Weir with all controls.
    WeirOn,
    /// Weir with all controls and the fast tagger: also names, places, dates.
    WeirTagger,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no proxy",
            Self::Envoy => "Envoy",
            Self::Envoy2 => "Envoy, 2 workers",
            Self::Portkey => "Portkey",
            Self::Litellm => "LiteLLM",
            Self::WeirOff => "Weir, controls off",
            Self::WeirOn => "Weir, controls on",
            Self::WeirTagger => "Weir, controls and tagger on",
        })
    }
}

/// Where things are on this machine during one run.
pub struct Site {
    /// Folder that `bench/peers.sh` filled.
    pub peers: PathBuf,
    /// The `weir` binary.
    pub weir: PathBuf,
    /// Scratch folder: configurations and Weir's data.
    pub work: PathBuf,
    /// Folder for the peers' logs.
    pub logs: PathBuf,
    /// The scripted upstream.
    pub upstream: SocketAddr,
    /// Cores of the measured process, as `taskset -c` takes them.
    pub cpus: String,
}

/// A peer that is up, or nothing for [`Peer::None`].
pub struct Running {
    /// The measured process.
    pub process: Option<Process>,
    /// Where it shows its own figures, if it does.
    pub admin: Option<SocketAddr>,
    addr: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Running {
    /// A request to this peer.
    pub fn target(&self, shape: Shape) -> Target {
        Target::new(self.addr, shape, &self.headers)
    }
}

impl Site {
    /// The version of a peer as installed.
    pub fn version(&self, peer: Peer) -> Option<String> {
        let pinned = |name: &str| {
            let text = std::fs::read_to_string(self.peers.join(format!("{name}.version"))).ok()?;
            Some(text.trim().to_owned())
        };
        match peer {
            Peer::None => None,
            Peer::Envoy | Peer::Envoy2 => pinned("envoy"),
            Peer::Portkey => {
                Some(format!("{}, Node {}", pinned("portkey")?, says_version(Path::new("node"))?))
            }
            Peer::Litellm => {
                let python = says_version(&self.peers.join("litellm/bin/python"))?;
                Some(format!("{}, {python}", pinned("litellm")?))
            }
            Peer::WeirOff | Peer::WeirOn | Peer::WeirTagger => says_version(&self.weir),
        }
    }

    /// Starts a peer and waits until it answers a full, correct reply of both shapes.
    ///
    /// # Errors
    /// [`BenchError::Missing`] when it is not installed, [`BenchError::Peer`] with the reason when it does not
    /// come up.
    pub async fn start(&self, peer: Peer) -> Result<Running, BenchError> {
        let addr = free_port()?;
        let (launch, headers) = match peer {
            Peer::None => {
                let headers = bearer("sk-bench");
                return Ok(Running { process: None, admin: None, addr: self.upstream, headers });
            }
            Peer::Envoy => self.envoy(addr, 1)?,
            Peer::Envoy2 => self.envoy(addr, 2)?,
            Peer::Portkey => self.portkey(addr)?,
            Peer::Litellm => self.litellm(addr)?,
            Peer::WeirOff => self.weir(addr, "weir-off", include_str!("../config/weir-off.yaml"))?,
            Peer::WeirOn => self.weir(addr, "weir-on", include_str!("../config/weir-on.yaml"))?,
            Peer::WeirTagger => self.weir(addr, "weir-tagger", include_str!("../config/weir-tagger.yaml"))?,
        };
        let admin = launch.env.iter().find(|(name, _)| name == ADMIN_ADDR);
        let admin = admin.and_then(|(_, address)| address.parse().ok());
        let mut running = Running { process: Some(Process::start(&launch)?), admin, addr, headers };
        for shape in [Shape::Plain, Shape::Stream] {
            wait_until_correct(&mut running, shape).await?;
        }
        Ok(running)
    }

    fn envoy(&self, addr: SocketAddr, workers: u32) -> Result<Launched, BenchError> {
        let binary = self.installed("envoy", "lib/python*/site-packages/envoy/_bin/envoy")?;
        let config = self.configure("envoy", include_str!("../config/envoy.yaml"), addr)?;
        let command = vec![
            binary.display().to_string(),
            "--config-path".into(),
            config.display().to_string(),
            "--concurrency".into(),
            workers.to_string(),
            "--disable-hot-restart".into(),
            "--log-level".into(),
            "error".into(),
        ];
        Ok((self.launch("envoy", command, &[]), bearer("sk-bench")))
    }

    fn portkey(&self, addr: SocketAddr) -> Result<Launched, BenchError> {
        let script = self.installed("portkey", "node_modules/@portkey-ai/gateway/build/start-server.js")?;
        let port = format!("--port={}", addr.port());
        let command = vec!["node".into(), script.display().to_string(), "--headless".into(), port];
        let mut headers = bearer("sk-bench");
        headers.push(("x-portkey-provider".into(), "openai".into()));
        headers.push(("x-portkey-custom-host".into(), format!("http://{}/v1", self.upstream)));
        Ok((self.launch("portkey", command, &[("NODE_ENV", "production")]), headers))
    }

    fn litellm(&self, addr: SocketAddr) -> Result<Launched, BenchError> {
        let binary = self.installed("litellm", "bin/litellm")?;
        let config = self.configure("litellm", include_str!("../config/litellm.yaml"), addr)?;
        let mut command = vec![binary.display().to_string(), "--config".into(), config.display().to_string()];
        command
            .extend(["--host", "127.0.0.1", "--num_workers", "1", "--telemetry", "False"].map(String::from));
        command.extend(["--port".to_owned(), addr.port().to_string()]);
        let env = [
            ("LITELLM_MODE", "PRODUCTION"),
            ("LITELLM_LOG", "ERROR"),
            // Loopback only: do not fetch the price map.
            ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
        ];
        Ok((self.launch("litellm", command, &env), bearer("sk-bench")))
    }

    fn weir(&self, addr: SocketAddr, name: &str, template: &str) -> Result<Launched, BenchError> {
        if !self.weir.is_file() {
            return Err(BenchError::Missing(format!("no binary at {}", self.weir.display())));
        }
        let config = self.configure(name, template, addr)?.display().to_string();
        let key = self.weir_key(&config)?;
        let command = vec![self.weir.display().to_string(), "serve".into(), "--config".into(), config];
        let admin = free_port()?.to_string();
        let env = [
            ("OPENAI_API_KEY", "sk-upstream"),
            ("WEIR_ADMIN_KEY", "weir-bench-admin-key-0123456789abcdef"),
            (ADMIN_ADDR, admin.as_str()),
        ];
        Ok((self.launch(name, command, &env), bearer(&key)))
    }

    fn weir_key(&self, config: &str) -> Result<String, BenchError> {
        let output = Command::new(&self.weir)
            .args(["keys", "create", "bench", "--tenant", "bench", "--app", "bench", "--json"])
            .env("WEIR_CONFIG", config)
            .env(UPSTREAM_KEY, "sk-upstream")
            .output()
            .map_err(io("weir keys create"))?;
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        made.get("key").and_then(|key| key.as_str()).map(str::to_owned).ok_or_else(|| {
            let errors: String = String::from_utf8_lossy(&output.stderr).chars().take(600).collect();
            BenchError::Peer(format!("weir keys create: {}; {errors}", output.status))
        })
    }

    /// Writes a configuration with its places filled in; Weir's data folder is emptied.
    fn configure(&self, name: &str, template: &str, addr: SocketAddr) -> Result<PathBuf, BenchError> {
        let data = self.work.join(format!("{name}-data"));
        if data.exists() {
            std::fs::remove_dir_all(&data).map_err(io("empty the data folder"))?;
        }
        std::fs::create_dir_all(&data).map_err(io("data folder"))?;
        let text = template
            .replace("{{port}}", &addr.port().to_string())
            .replace("{{addr}}", &addr.to_string())
            .replace("{{admin}}", &free_port()?.to_string())
            .replace("{{upstream_port}}", &self.upstream.port().to_string())
            .replace("{{upstream}}", &self.upstream.to_string())
            .replace("{{data}}", &data.display().to_string());
        let mut text = text;
        for (policy, content) in [
            ("replies", include_str!("../config/replies.yaml")),
            ("names", include_str!("../config/names.yaml")),
        ] {
            let file = self.work.join(format!("{policy}.yaml"));
            std::fs::write(&file, content).map_err(io("write policy"))?;
            text = text.replace(&format!("{{{{{policy}}}}}"), &file.display().to_string());
        }
        let path = self.work.join(format!("{name}.yaml"));
        std::fs::write(&path, text).map_err(io("write configuration"))?;
        Ok(path)
    }

    fn installed(&self, name: &str, file: &str) -> Result<PathBuf, BenchError> {
        let folder = self.peers.join(name);
        if let Some(path) = find(&folder, file) {
            return Ok(path);
        }
        let failed = self.peers.join(format!("{name}.failed"));
        let reason = if failed.is_file() { tail(&failed) } else { "run bench/peers.sh".to_owned() };
        Err(BenchError::Missing(reason))
    }

    fn launch(&self, name: &str, command: Vec<String>, env: &[(&str, &str)]) -> Launch {
        Launch {
            name: name.to_owned(),
            command,
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            cpus: self.cpus.clone(),
            logs: self.logs.clone(),
        }
    }
}

type Launched = (Launch, Vec<(String, String)>);

fn says_version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A path below `folder` in which one component may hold a `*` at its end.
fn find(folder: &Path, file: &str) -> Option<PathBuf> {
    file.split('/').try_fold(folder.to_owned(), |at, part| match part.strip_suffix('*') {
        None => Some(at.join(part)).filter(|path| path.exists()),
        Some(start) => std::fs::read_dir(&at)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))),
    })
}

/// An address that nothing listens on.
///
/// # Errors
/// When no port can be had.
pub fn free_port() -> Result<SocketAddr, BenchError> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(io("find a free port"))?;
    listener.local_addr().map_err(io("find a free port"))
}

fn bearer(key: &str) -> Vec<(String, String)> {
    vec![("authorization".to_owned(), format!("Bearer {key}"))]
}

async fn wait_until_correct(running: &mut Running, shape: Shape) -> Result<(), BenchError> {
    let target = running.target(shape);
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let attempt =
            tokio::time::timeout(Duration::from_secs(10), Connection::new().exchange(&target)).await;
        let reason = match attempt {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no reply within 10 s".to_owned(),
        };
        if let Some(end) = running.process.as_mut().and_then(Process::ended) {
            return Err(BenchError::Peer(end));
        }
        if Instant::now() >= deadline {
            return Err(BenchError::Peer(format!("not ready for {shape:?} after 120 s: {reason}")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_the_python_version() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("lib/python3.11/envoy")).unwrap();
        assert!(find(dir.path(), "lib/python*/envoy").is_some());
        assert!(find(dir.path(), "lib/ruby*/envoy").is_none());
    }
}
