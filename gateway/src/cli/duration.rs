//! Durations on the command line are written as in `weir.yaml`.

use std::time::Duration;

use weir_policies::document::{self, Value};

/// `30d`, `12h`, `1h30m`, …
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let read = document::read("duration", text, |value: Value<'_>| value.duration());
    let duration =
        read.map_err(|_| "expected a duration with a unit, such as 30d, 12h or 1h30m".to_owned())?;
    if duration.is_zero() { Err("expected a duration longer than zero".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_what_the_settings_read() {
        for (text, expect) in
            [("30d", Some(2_592_000)), ("1h30m", Some(5_400)), ("0s", None), ("30", None), ("", None)]
        {
            assert_eq!(parse(text).ok().map(|duration| duration.as_secs()), expect, "{text}");
        }
    }
}
