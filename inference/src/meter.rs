//! CPU time of one request, gathered while several share the engine's thread.

use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// CPU time attributed to one request; final once its body has ended.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    nanoseconds: Arc<AtomicU64>,
}

impl Meter {
    /// CPU time so far: tokenizing, and of each engine step the share of this request's rows.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    pub(crate) fn add(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Runs `work` and adds the CPU time it takes on this thread.
    pub(crate) fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = thread_cpu();
        let result = work();
        self.add(thread_cpu().saturating_sub(before));
        result
    }
}

/// CPU time of the calling thread since it began.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_cpu_time() {
        let meter = Meter::default();
        let sum = meter.measure(|| (0..3_000_000u64).fold(0, |sum, i| std::hint::black_box(sum ^ i)));
        assert!(meter.cpu() > Duration::ZERO, "{sum}");
    }
}
