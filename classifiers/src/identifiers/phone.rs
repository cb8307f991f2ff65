//! Telephone numbers: international forms (E.164), national forms of North America and Europe, and
//! any plausible number where the words before it speak of a telephone.
//!
//! The shape decides, not a numbering plan: a number that is not assigned today is still personal,
//! and plans change. What has the shape of a date, an address or an id is left alone.

use std::ops::Range;

use super::context::{self, Spoken};
use super::stretch::{Group, Stretch};

/// Calls `found` with place and score of every telephone number of a stretch, in order.
pub(super) fn find(stretch: &Stretch<'_>, found: &mut dyn FnMut(Range<usize>, f32)) {
    let mut rest = stretch.groups;
    while !rest.is_empty() {
        let wrap = rest.windows(2).position(|pair| match pair {
            [left, right] => stretch.between(*left, *right) == b"\n",
            _ => false,
        });
        let (line, after) =
            rest.split_at_checked(wrap.map_or(rest.len(), |at| at + 1)).unwrap_or((rest, &[]));
        if let Some((range, score)) = (Line { stretch, groups: line }).number() {
            found(range, score);
        }
        rest = after;
    }
}

/// The international number a stretch begins with.
pub(super) fn international(stretch: &Stretch<'_>) -> Option<Range<usize>> {
    let first = stretch.groups.first()?;
    let plus = first.start.checked_sub(1).filter(|at| stretch.at(*at) == Some(b'+'))?;
    let groups = stretch.groups.get(..line_len(stretch, stretch.groups))?;
    Line { stretch, groups }.international(plus)
}

/// How many of `groups` stand on the first line.
fn line_len(stretch: &Stretch<'_>, groups: &[Group]) -> usize {
    let wrap = groups.windows(2).position(|pair| match pair {
        [left, right] => stretch.between(*left, *right) == b"\n",
        _ => false,
    });
    wrap.map_or(groups.len(), |at| at + 1)
}

/// The groups of a stretch on one line.
#[derive(Clone, Copy)]
struct Line<'s> {
    stretch: &'s Stretch<'s>,
    groups: &'s [Group],
}

impl<'s> Line<'s> {
    fn number(self) -> Option<(Range<usize>, f32)> {
        let first = *self.groups.first()?;
        if self.stretch.before(first.start) == Some(b'+') {
            return None;
        }
        let start = self.start(first);
        if matches!(self.stretch.before(start), Some(b'#' | b'$' | b'.' | b'-' | b':' | b'/' | b'=')) {
            return self.spoken_only(start);
        }
        if self.stretch.digits(first).starts_with(b"00") {
            return self.dialled(first).map(|range| (range, 0.9));
        }
        match context::spoken(self.stretch.bytes, start) {
            Spoken::Other => None,
            Spoken::Phone => self.national().or_else(|| self.any()).map(|range| (range, 0.85)),
            Spoken::Nothing => self.national().map(|range| (range, 0.7)),
        }
    }

    /// After a character that usually begins something else, only clear words make a telephone number.
    fn spoken_only(self, start: usize) -> Option<(Range<usize>, f32)> {
        let marked = matches!(self.stretch.before(start), Some(b':' | b'=' | b'.' | b'/' | b'-'));
        let spoken = marked && context::spoken(self.stretch.bytes, start) == Spoken::Phone;
        if spoken { self.national().or_else(|| self.any()).map(|range| (range, 0.85)) } else { None }
    }

    /// Where the number begins: at the parenthesis before the first group, if it closes later.
    fn start(self, first: Group) -> usize {
        let opened = self.stretch.before(first.start) == Some(b'(');
        if opened && self.stretch.at(first.end) == Some(b')') { first.start - 1 } else { first.start }
    }

    /// `+49 30 1234567` and the like; `plus` is where the plus sign stands.
    fn international(self, plus: usize) -> Option<Range<usize>> {
        let before = self.stretch.before(plus);
        if before.is_some_and(|b| super::is_word(b) || b == b'+') {
            return None;
        }
        let head: Vec<u8> =
            self.groups.iter().flat_map(|group| self.stretch.digits(*group)).take(3).copied().collect();
        let plan = Plan::of(&head)?;
        let end = self.within(plan)?;
        // `(+49) 30 …`: the parenthesis that opens before the plus belongs to the number.
        let closed = self.groups.first().is_some_and(|first| self.stretch.at(first.end) == Some(b')'));
        let start = if before == Some(b'(') && closed { plus - 1 } else { plus };
        Some(start..end)
    }

    /// `0049 30 1234567`; without separators only when it is spoken of as a telephone number.
    fn dialled(self, first: Group) -> Option<Range<usize>> {
        let digits: Vec<u8> =
            self.groups.iter().flat_map(|group| self.stretch.digits(*group)).copied().collect();
        let plan = Plan::of(digits.get(2..)?)?;
        let plan = Plan { fewest: plan.fewest + 2, most: plan.most + 2 };
        let end = self.within(plan)?;
        let spoken = || context::spoken(self.stretch.bytes, first.start) == Spoken::Phone;
        (end > first.end || spoken()).then_some(first.start..end)
    }

    /// The end of the longest run of groups that has as many digits as the plan allows.
    fn within(self, plan: Plan) -> Option<usize> {
        let mut digits = 0;
        let mut end = None;
        for group in self.groups {
            // The trunk prefix in `+49 (0)30` is not dialled and does not count.
            let trunk = self.stretch.digits(*group) == b"0" && self.stretch.before(group.start) == Some(b'(');
            digits += if trunk { 0 } else { group.len() };
            if digits > plan.most {
                break;
            }
            if digits >= plan.fewest {
                end = Some(group.end);
            }
        }
        end
    }

    fn national(self) -> Option<Range<usize>> {
        self.north_american().or_else(|| self.trunk())
    }

    /// `(212) 555-0123`, `212-555-0123`, `212.555.0123`, each with a leading 1 or without.
    fn north_american(self) -> Option<Range<usize>> {
        let skip = match self.groups.first() {
            Some(first) if self.stretch.digits(*first) == b"1" => 1,
            _ => 0,
        };
        let [area, office, line] = self.groups.get(skip..skip + 3)? else { return None };
        let shape = area.len() == 3 && office.len() == 3 && line.len() == 4;
        let plan = |group: Group| {
            self.stretch.digits(group).first().is_some_and(|digit| (b'2'..=b'9').contains(digit))
        };
        if !shape || !plan(*area) || !plan(*office) || self.is_tied_after(skip + 3) {
            return None;
        }
        let gaps = [self.stretch.between(*area, *office), self.stretch.between(*office, *line)];
        let written = match gaps {
            [b"-", b"-"] | [b".", b"."] | [b") ", b"-" | b" " | b"."] | [b")", b"-" | b"."] => true,
            [b")-", b"-"] | [b" ", b"-"] => true,
            [b" ", b" "] => {
                let start = self.groups.first()?.start;
                skip == 1 || context::spoken(self.stretch.bytes, start) == Spoken::Phone
            }
            _ => false,
        };
        let first = *self.groups.first()?;
        written.then(|| self.start(first)..line.end)
    }

    /// `030 1234567`, `0171/2345678`, `020 7946 0958`, `01 23 45 67 89`: a trunk zero, an area, a rest.
    fn trunk(self) -> Option<Range<usize>> {
        let first = *self.groups.first()?;
        let [b'0', b'1'..=b'9', ..] = self.stretch.digits(first) else { return None };
        if !(2..=6).contains(&first.len()) || self.is_date() || self.is_address() {
            return None;
        }
        let mut digits = first.len();
        let mut best = None;
        for (index, group) in self.groups.iter().enumerate().skip(1).take(5) {
            digits += group.len();
            if digits > 12 || !(2..=8).contains(&group.len()) {
                break;
            }
            if digits >= 9 && !self.is_tied_after(index + 1) {
                best = Some(index + 1);
            }
        }
        let count = best?;
        let lengths: Vec<usize> = self.groups.iter().take(count).map(|group| group.len()).collect();
        let gap = self.groups.get(1).map(|second| self.stretch.between(first, *second)).unwrap_or_default();
        let pairs = lengths.iter().all(|length| *length == 2);
        let further_pair = self.groups.get(count).is_some_and(|group| group.len() == 2);
        let fits = if pairs {
            count == 5 && !further_pair && matches!(gap, b" " | b".")
        } else {
            !(count == 2 && gap == b".")
        };
        let end = self.groups.get(count - 1)?.end;
        fits.then(|| self.start(first)..end)
    }

    /// Any number of plausible length, for where the words say that it is one.
    fn any(self) -> Option<Range<usize>> {
        let first = *self.groups.first()?;
        if self.is_date() || self.is_address() {
            return None;
        }
        let mut digits = 0;
        let mut end = None;
        for group in self.groups.iter().take(6) {
            digits += group.len();
            if digits > 13 {
                break;
            }
            if digits >= super::FEWEST_DIGITS {
                end = Some(group.end);
            }
        }
        end.map(|end| self.start(first)..end)
    }

    /// Whether the group after the first `count` is joined by more than a space.
    fn is_tied_after(self, count: usize) -> bool {
        match (count.checked_sub(1).and_then(|last| self.groups.get(last)), self.groups.get(count)) {
            (Some(last), Some(next)) => !self.stretch.between(*last, *next).starts_with(b" "),
            _ => false,
        }
    }

    /// `01.02.2024` or `2024-02-01`, with whatever follows.
    fn is_date(self) -> bool {
        let lengths: Vec<usize> = self.groups.iter().take(3).map(|group| group.len()).collect();
        let [Some(a), Some(b), Some(c)] = [self.groups.first(), self.groups.get(1), self.groups.get(2)]
        else {
            return false;
        };
        let gaps = [self.stretch.between(*a, *b), self.stretch.between(*b, *c)];
        let dated = matches!(gaps, [b"-", b"-"] | [b".", b"."] | [b"/", b"/"]);
        let year = |group: &Group| {
            matches!(self.stretch.digits(*group), [b'1', b'8' | b'9', ..] | [b'2', b'0' | b'1', ..])
        };
        let ends_in_year = matches!(lengths.as_slice(), [1..=2, 1..=2, 4]) && year(c);
        let begins_with_year = matches!(lengths.as_slice(), [4, 1..=2, 1..=2]) && year(a);
        dated && (ends_in_year || begins_with_year)
    }

    /// Four short groups joined by dots: an address of the Internet.
    fn is_address(self) -> bool {
        let dotted = self.groups.windows(2).all(|pair| match pair {
            [left, right] => self.stretch.between(*left, *right) == b".",
            _ => true,
        });
        self.groups.len() == 4 && dotted && self.groups.iter().all(|group| group.len() <= 3)
    }
}

/// How many digits numbers of a country have, country code included.
#[derive(Clone, Copy)]
struct Plan {
    fewest: usize,
    most: usize,
}

impl Plan {
    /// The plan of the country whose code `digits` begins with (ITU-T E.164, annex; lengths of
    /// national numbers from the national numbering plans, generous where they vary).
    fn of(digits: &[u8]) -> Option<Self> {
        let digit = |at: usize| digits.get(at).map(|byte| usize::from(byte.saturating_sub(b'0')));
        let (first, second) = (digit(0)?, digit(1)?);
        let two = first * 10 + second;
        let (fewest, most) = match (first, two) {
            (1, _) => (11, 11),
            (7, _) => (11, 11),
            (_, 33 | 34 | 41 | 46 | 48 | 60 | 61 | 66 | 84) => (10, 12),
            (_, 31 | 32 | 36 | 45 | 47 | 64 | 65) => (9, 11),
            (
                _,
                44 | 20 | 27 | 30 | 40 | 51 | 52 | 54 | 55 | 56 | 57 | 58 | 62 | 63 | 81 | 82 | 90..=95 | 98,
            ) => (10, 13),
            (_, 39 | 43 | 49 | 53 | 86) => (8, 14),
            (2 | 3 | 4 | 5 | 6 | 8 | 9, _) if is_three_digit_code(two * 10 + digit(2)?) => (9, 15),
            _ => return None,
        };
        Some(Self { fewest, most })
    }
}

/// Country codes of three digits that are assigned (ITU-T E.164).
fn is_three_digit_code(code: usize) -> bool {
    matches!(code,
        210..=269 | 290..=299 | 350..=359 | 370..=389 | 420..=423 | 500..=509 | 590..=599 | 670..=692
        | 800 | 808 | 850..=856 | 870 | 878 | 880..=883 | 886 | 888 | 960..=968 | 970..=977 | 979 | 992..=998)
}
