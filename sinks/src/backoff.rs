//! How long to wait before the next try: twice as long each time, up to a limit, with jitter.

use std::time::Duration;

/// Longest wait that a receiver may ask for.
const MOST_ASKED: Duration = Duration::from_secs(3600);

/// The waits between tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub least: Duration,
    /// The longest one.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { least: Duration::from_millis(500), most: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The wait after the failed try number `tries`, counted from 1. `random` picks a point in its upper half, so
    /// that many senders don't come back at once.
    pub fn wait(&self, tries: u32, random: u32) -> Duration {
        let doubled =
            self.least.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        let half = doubled.min(self.most) / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// The wait that the receiver asks for, if that is longer.
    pub(crate) fn at_least(wait: Duration, asked: Option<Duration>) -> Duration {
        wait.max(asked.unwrap_or_default().min(MOST_ASKED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_limits_and_are_spread() {
        let backoff = Backoff { least: Duration::from_secs(1), most: Duration::from_secs(10) };
        let check = |tries: u32, random: u32, millis: u64| {
            assert_eq!(backoff.wait(tries, random), Duration::from_millis(millis), "{tries} {random}");
        };
        check(1, 0, 500);
        check(1, u32::MAX, 1000);
        check(2, u32::MAX, 2000);
        check(4, 0, 4000);
        check(5, u32::MAX, 10_000);
        check(33, 0, 5000);
        check(u32::MAX, u32::MAX, 10_000);
    }

    #[test]
    fn a_receiver_may_ask_for_more_but_not_for_ever() {
        let check = |asked: Option<u64>, expect: u64| {
            let wait = Backoff::at_least(Duration::from_secs(5), asked.map(Duration::from_secs));
            assert_eq!(wait, Duration::from_secs(expect));
        };
        check(None, 5);
        check(Some(1), 5);
        check(Some(30), 30);
        check(Some(1_000_000), 3600);
    }
}
