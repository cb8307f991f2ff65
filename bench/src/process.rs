//! A measured process: started on its own cores, its CPU time and memory read from /proc with all descendants.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;

use crate::error::{BenchError, io};

/// How to start a process.
pub struct Launch {
    /// Short name, for the log file.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Environment on top of the inherited one.
    pub env: Vec<(String, String)>,
    /// Cores as `taskset -c` takes them.
    pub cpus: String,
    /// Folder for the log of standard output and error.
    pub logs: PathBuf,
}

/// A running process group; ended when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// Resident memory of a process with its descendants, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Resident now (`VmRSS`).
    pub resident_kib: u64,
    /// Sum of each process's highest resident size so far (`VmHWM`).
    pub peak_kib: u64,
}

impl Process {
    /// Starts the process in its own process group.
    ///
    /// # Errors
    /// When the program or its log file cannot be opened.
    pub fn start(launch: &Launch) -> Result<Self, BenchError> {
        let log = launch.logs.join(format!("{}.log", launch.name));
        let output = File::create(&log).map_err(io(format!("log {}", log.display())))?;
        let errors = output.try_clone().map_err(io("log"))?;
        let child = Command::new("taskset")
            .args(["-c", &launch.cpus])
            .args(&launch.command)
            .envs(launch.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(io(format!("start {}", launch.name)))?;
        Ok(Self { child, log })
    }

    /// The process has ended: its status and the end of its log.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("ended with {status}; log ends: {}", tail(&self.log)))
    }

    /// User and system time of the process and its descendants since start, waited-for children included.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu(&self) -> Result<Duration, BenchError> {
        let stats = all_stats();
        let tree = self.tree(&stats);
        if tree.is_empty() {
            return Err(BenchError::Gone(self.child.id()));
        }
        let ticks: u64 = tree.iter().filter_map(|pid| stats.get(pid)).map(|stat| stat.ticks).sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// Memory of the process and its descendants.
    pub fn memory(&self) -> Memory {
        let stats = all_stats();
        self.tree(&stats).iter().fold(Memory::default(), |sum, pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            Memory {
                resident_kib: sum.resident_kib + status_kib(&status, "VmRSS:"),
                peak_kib: sum.peak_kib + status_kib(&status, "VmHWM:"),
            }
        })
    }

    fn tree(&self, stats: &HashMap<u32, Stat>) -> Vec<u32> {
        let mut tree: Vec<u32> =
            Some(self.child.id()).filter(|pid| stats.contains_key(pid)).into_iter().collect();
        let mut next = 0;
        while let Some(parent) = tree.get(next).copied() {
            tree.extend(stats.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
            next += 1;
        }
        tree
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // A group that is already gone is what we want.
        pid.and_then(|pid| kill_process_group(pid, signal).ok());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.signal(Signal::KILL);
        self.child.wait().ok();
    }
}

struct Stat {
    parent: u32,
    ticks: u64,
}

fn all_stats() -> HashMap<u32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return HashMap::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, parse_stat(&text)?))
    })
    .collect()
}

/// `/proc/PID/stat`, proc_pid_stat(5): field 4 is the parent, 14 to 17 are utime, stime, cutime, cstime.
fn parse_stat(text: &str) -> Option<Stat> {
    // The command name may hold spaces and brackets; fields count from the last closing one.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Stat { parent, ticks })
}

fn status_kib(status: &str, field: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// The last lines of a log, on one line.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(4)..).unwrap_or_default();
    last.join(" | ").chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_line_with_brackets_in_the_name() {
        let stat = parse_stat("42 (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 100 50 9 1 20 0 4 0 5 6 7").unwrap();
        assert_eq!((stat.parent, stat.ticks), (7, 160));
        assert!(parse_stat("42 (short) S").is_none());
    }

    #[test]
    fn memory_fields_are_found() {
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n";
        assert_eq!((status_kib(status, "VmRSS:"), status_kib(status, "VmHWM:")), (1024, 2048));
        assert_eq!(status_kib("Name:\tkernel\n", "VmRSS:"), 0);
    }

    #[test]
    fn a_process_with_a_child_is_one_tree() {
        let logs = tempfile::tempdir().unwrap();
        let launch = Launch {
            name: "shell".to_owned(),
            command: vec!["sh".into(), "-c".into(), "echo up; cat /dev/zero > /dev/null & wait".into()],
            env: Vec::new(),
            cpus: "0".to_owned(),
            logs: logs.path().to_owned(),
        };
        let process = Process::start(&launch).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while process.cpu().unwrap() < Duration::from_millis(20) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(process.cpu().unwrap() >= Duration::from_millis(20), "the child's work is counted");
        assert!(process.memory().resident_kib > 0);
    }
}
