//! Where a place of a text has gone when values in the text were replaced by others of other lengths.
//!
//! Citations count characters of the text they belong to. Only the text before and after is known here, so
//! both are compared: what differs is a replaced stretch, and ends where both go on alike.

use std::collections::HashMap;

/// So many characters alike say that a replaced stretch has ended.
const ALIKE: usize = 8;
/// Longest replaced stretch that is looked for, in characters.
const LONGEST: usize = 2048;

/// The replaced stretches of a text, in order.
pub struct Shifts(Vec<Stretch>);

/// A stretch: where it began and ended, and where what stands there now begins and ends.
#[derive(Clone, Copy)]
struct Stretch {
    was: (usize, usize),
    is: (usize, usize),
}

impl Shifts {
    /// Compares a text with what became of it.
    pub fn between(before: &str, after: &str) -> Self {
        let (before, after): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
        let mut stretches = Vec::new();
        let (mut was, mut is) = (0, 0);
        loop {
            let (left, right) = (rest(&before, was), rest(&after, is));
            let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
            was += same;
            is += same;
            let (left, right) = (rest(&before, was), rest(&after, is));
            if left.is_empty() || right.is_empty() {
                return Self(stretches);
            }
            let (gone, come) = replaced(left, right);
            stretches.push(Stretch { was: (was, was + gone), is: (is, is + come) });
            was += gone;
            is += come;
        }
    }

    /// Where the place before the character `index` is now; for a place inside a replaced stretch, its end.
    pub fn place(&self, index: usize) -> usize {
        let before = self.0.iter().take_while(|stretch| stretch.was.0 < index).last();
        match before {
            None => index,
            Some(stretch) => stretch.is.1 + index.saturating_sub(stretch.was.1),
        }
    }
}

fn rest(text: &[char], from: usize) -> &[char] {
    text.get(from..).unwrap_or_default()
}

/// How much of either text differs from its beginning.
fn replaced(left: &[char], right: &[char]) -> (usize, usize) {
    let mut places: HashMap<&[char], usize> = HashMap::new();
    for (at, run) in right.windows(ALIKE).take(LONGEST).enumerate() {
        places.entry(run).or_insert(at);
    }
    let alike = left.windows(ALIKE).take(LONGEST).enumerate();
    let found = alike.filter_map(|(at, run)| Some((at, *places.get(run)?))).next();
    found.unwrap_or_else(|| {
        // Too little follows to be sure: what both end with.
        let same =
            left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
        (left.len() - same, right.len() - same)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_with_the_text_around_them() {
        let before = "See ⟦EMAIL_ADDRESS_K7QX3MNP⟧ for details, or ⟦PHONE_NUMBER_ABCDEFGH⟧.";
        let after = "See bob@x.org for details, or +49 30 1234567.";
        let shifts = Shifts::between(before, after);
        let place = |text: &str, needle: &str| text.split_once(needle).unwrap().0.chars().count();
        for needle in ["See", "⟦EMAIL", " for", "details", "or ", "⟦PHONE", "."] {
            let now = match needle {
                "⟦EMAIL" => place(after, "bob"),
                "⟦PHONE" => place(after, "+49"),
                "." => after.chars().count() - 1,
                other => place(after, other),
            };
            assert_eq!(shifts.place(place(before, needle)), now, "{needle}");
        }
        assert_eq!(shifts.place(before.chars().count()), after.chars().count());
        assert_eq!(Shifts::between("same", "same").place(3), 3);
        assert_eq!(Shifts::between("", "").place(3), 3);
    }
}
