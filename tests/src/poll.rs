//! Waiting for something to become true: the only place of the tests that waits by the clock.

use std::time::{Duration, Instant};

/// Longest a whole scenario may take.
pub const SCENARIO: Duration = Duration::from_secs(300);
/// Longest anything that should happen soon may take, on a slow and busy machine.
pub const SOON: Duration = Duration::from_secs(20);
/// Between two looks.
const STEP: Duration = Duration::from_millis(5);

/// Looks until `look` yields something, and returns it.
///
/// # Panics
/// When that takes longer than `limit`.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        tokio::time::sleep(STEP).await;
    }
}

/// Waits until `count` hasn't changed for `quiet`, and returns its last value.
pub async fn settled(what: &str, quiet: Duration, mut count: impl FnMut() -> u64) -> u64 {
    let (mut last, mut since) = (count(), Instant::now());
    until(what, SCENARIO, async || {
        let now = count();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        (since.elapsed() >= quiet).then_some(last)
    })
    .await
}
