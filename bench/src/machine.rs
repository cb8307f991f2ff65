//! Facts about the machine that a reader needs to judge the figures.

use serde::Serialize;

/// The machine and its state.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processor model as the kernel names it.
    pub processor: String,
    /// Cores this process could use before it was pinned.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Kernel release.
    pub kernel: String,
    /// Load averages (1, 5, 15 minutes) before the run.
    pub load_before: String,
    /// Load averages after the run.
    pub load_after: String,
    /// Seconds since 1970 at the start.
    pub at: u64,
}

impl Machine {
    /// Reads the facts from /proc.
    pub fn read() -> Self {
        let cpus = read("/proc/cpuinfo");
        let field =
            |name: &str| cpus.lines().find(|line| line.starts_with(name)).and_then(|l| l.split_once(':'));
        let memory = read("/proc/meminfo");
        let kib = memory.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self {
            processor: field("model name").map_or("unknown", |(_, value)| value.trim()).to_owned(),
            cores: cpus.lines().filter(|line| line.starts_with("processor")).count(),
            memory_gib: kib.unwrap_or_default() / 1024.0 / 1024.0,
            kernel: read("/proc/sys/kernel/osrelease"),
            load_before: load(),
            load_after: String::new(),
            at: now.as_secs(),
        }
    }
}

/// Load averages over 1, 5 and 15 minutes.
pub fn load() -> String {
    read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
