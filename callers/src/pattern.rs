//! Name patterns in which `*` stands for any run of characters.

use std::fmt;

/// A name pattern such as `gpt-*`; compared case-sensitively, `*` matches any run, the empty one included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Takes the pattern as written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one name it stands for; none when it has a `*`.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&self.0)
    }

    /// Whether the whole of `name` fits. Linear for one `*`, at worst the product of both lengths.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some((head, mut rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut name) = name.strip_prefix(head) else { return false };
        while let Some((part, after)) = rest.split_once('*') {
            // The earliest place for each inner part leaves the most room for those behind it.
            let Some((_, remainder)) = name.split_once(part) else { return false };
            name = remainder;
            rest = after;
        }
        name.ends_with(rest)
    }

    /// Whether every name that fits `other` also fits this pattern (sound, and complete unless
    /// `other` needs its `*` split over several of ours).
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        // The `*` of `other` is an ordinary character here, which only our own `*` can swallow.
        self.matches(&other.0)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn matches_whole_names_only() {
        let cases = [
            ("gpt-4", "gpt-4", true),
            ("gpt-4", "gpt-4o", false),
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "my-gpt-4", false),
            ("*", "", true),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "mini", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a**b", "ab", true),
            ("*ab*ab", "ab", false),
            ("", "", true),
            ("", "x", false),
            ("é*", "été", true),
        ];
        for (pattern, name, expect) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), expect, "{pattern} ~ {name}");
        }
    }

    #[test]
    fn covers_is_sound() {
        assert!(Pattern::new("*").covers(&Pattern::new("gpt-*")));
        assert!(Pattern::new("gpt-*").covers(&Pattern::new("gpt-4*")));
        assert!(!Pattern::new("gpt-4*").covers(&Pattern::new("gpt-*")));
        assert!(!Pattern::new("gpt-4").covers(&Pattern::new("gpt-*")));
    }
}
