//! Names of models: prefixes and snapshot dates that providers put around them.

/// The model's name without a leading provider (`openai/gpt-4o`) or Google's `models/`.
pub(crate) fn bare<'a>(model: &'a str, providers: [&str; 2]) -> &'a str {
    let [named, provider] = providers;
    [named, provider, "models"]
        .iter()
        .find_map(|prefix| model.strip_prefix(prefix)?.strip_prefix('/'))
        .unwrap_or(model)
}

/// The name before a snapshot date (`-2026-01-31`, `-20260131`), if it ends in one.
pub(crate) fn undated(model: &str) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, last) = model.rsplit_once('-')?;
    if last.len() == 8 && digits(last) {
        return Some(rest);
    }
    let (rest, month) = rest.rsplit_once('-')?;
    let (rest, year) = rest.rsplit_once('-')?;
    let dated = year.len() == 4 && month.len() == 2 && last.len() == 2;
    (dated && digits(year) && digits(month) && digits(last)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_dates_are_recognised() {
        for (model, base) in [
            ("gpt-4o-2024-08-06", Some("gpt-4o")),
            ("claude-sonnet-4-5-20250929", Some("claude-sonnet-4-5")),
            ("gpt-4o", None),
            ("mistral-large-2512", None),
            ("command-a-03-2025", None),
            ("gpt-4o-2024-8-06", None),
            ("20250929", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(undated(model), base, "{model}");
        }
    }

    #[test]
    fn leading_providers_are_dropped_once() {
        for (model, name) in [
            ("openai/gpt-4o", "gpt-4o"),
            ("models/gemini-2.5-pro", "gemini-2.5-pro"),
            ("openaix/gpt-4o", "openaix/gpt-4o"),
            ("openai", "openai"),
            ("gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ] {
            assert_eq!(bare(model, ["openai", "gemini"]), name);
        }
    }
}
