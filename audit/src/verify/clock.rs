//! What the times of a lane's records say of its clocks. Records of concurrent calls may change places by a little.

use std::time::Duration;

use uuid::Uuid;

use crate::record::{Kind, Record};
use crate::text::Stamp;

/// Differences up to this are no news.
const SLACK_US: u64 = 1_000_000;
const SLACK: Duration = Duration::from_micros(SLACK_US);

/// When a record was written, by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    boot: Uuid,
    pub time: Stamp,
    monotonic_us: u64,
    /// How far the wall clock had moved against the other since the boot.
    offset_us: i64,
    /// A gap has the time of what it tells of.
    is_late: bool,
}

impl Moment {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            boot: record.boot_id,
            time: record.time,
            monotonic_us: record.monotonic_us,
            offset_us: record.clock_offset_us,
            is_late: record.kind == Kind::Gap,
        }
    }
}

/// The clocks of a lane, as far as its records were looked at.
#[derive(Default)]
pub(super) struct Clock {
    last: Option<Moment>,
}

impl Clock {
    /// What a record's times say that those before it did not.
    pub(super) fn note(&mut self, now: Moment) -> Option<String> {
        if now.is_late {
            return None;
        }
        let last = self.last.replace(now)?;
        if last.boot != now.boot {
            let back = last.time.time().duration_since(now.time.time()).ok().filter(|back| *back > SLACK)?;
            let seconds = back.as_secs();
            return Some(format!(
                "its run began {seconds} s before the end of the one before: the clock was set back"
            ));
        }
        if last.monotonic_us.saturating_sub(now.monotonic_us) > SLACK_US {
            let back = last.monotonic_us.abs_diff(now.monotonic_us);
            return Some(format!("its monotonic time goes back by {back} µs, which no clock does"));
        }
        let moved = now.offset_us.saturating_sub(last.offset_us);
        if moved.unsigned_abs() <= SLACK_US {
            return None;
        }
        let direction = if moved < 0 { "back" } else { "forward" };
        Some(format!("the clock was set {direction} by {} s before it", moved.unsigned_abs() / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// A moment of a run: seconds by the monotonic clock, and how far the wall clock was off.
    fn at(boot: u128, seconds: u64, offset: i64) -> Moment {
        let wall =
            1_800_000_000_u64.checked_add(seconds).and_then(|it| it.checked_add_signed(offset)).unwrap();
        Moment {
            boot: Uuid::from_u128(boot),
            time: (SystemTime::UNIX_EPOCH + Duration::from_secs(wall)).into(),
            monotonic_us: seconds * 1_000_000,
            offset_us: offset * 1_000_000,
            is_late: false,
        }
    }

    #[test]
    fn what_is_noted_is_what_changed() {
        let check = |moments: &[Moment], expect: &[Option<&str>]| {
            let mut clock = Clock::default();
            for (moment, expect) in moments.iter().zip(expect) {
                let note = clock.note(*moment);
                match expect {
                    None => assert_eq!(note, None),
                    Some(words) => assert!(note.as_ref().is_some_and(|it| it.contains(words)), "{note:?}"),
                }
            }
        };
        check(&[at(1, 0, 0), at(1, 9, 0), at(1, 8, 0)], &[None; 3]);
        let jumps = [at(1, 0, 0), at(1, 5, 3600), at(1, 6, 3600), at(1, 7, -3600), at(1, 8, 0)];
        check(&jumps, &[None, Some("forward by 3600"), None, Some("back by 7200"), Some("forward by 3600")]);
        check(&[at(1, 9, 0), at(1, 5, 0)], &[None, Some("monotonic")]);
        check(&[at(1, 9000, 0), at(2, 0, 0)], &[None, Some("9000 s before the end")]);
        check(&[at(1, 9, 0), at(2, 10, 0)], &[None; 2]);
        let gap = Moment { is_late: true, ..at(1, 0, -500) };
        check(&[at(1, 9, 0), gap, at(1, 10, 0)], &[None; 3]);
    }
}
