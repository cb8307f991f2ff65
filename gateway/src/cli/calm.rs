//! Keeps candle's thread pools off the cores that serve traffic.
//!
//! candle sizes two process-wide pools by the number of cores, one of which spins, and only the environment of the
//! process can tell it otherwise. On two cores that costs 1.6 times the CPU time a token (docs/decisions/0010).

use std::{os::unix::process::CommandExt, process::Command};

/// What candle and the pools below it read, and what is set unless the operator chose otherwise.
const QUIET: [(&str, &str); 2] = [("RAYON_NUM_THREADS", "1"), ("CANDLE_BARRIER_POOL_SPIN_LIMIT", "0")];
/// Set in the process that was begun anew, so that it isn't begun again.
const MARK: &str = "WEIR_CALM";

/// Begins this process anew, with the same id and arguments, in an environment in which candle stays on the
/// thread that calls it. Returns when that is so already, or can't be done.
pub fn calm() {
    if std::env::var_os(MARK).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut again = Command::new(program);
    again.args(std::env::args_os().skip(1)).env(MARK, "1");
    for (name, value) in QUIET {
        if std::env::var_os(name).is_none() {
            again.env(name, value);
        }
    }
    // Only a failure returns; the models then run, with more threads.
    let _failure = again.exec();
}
