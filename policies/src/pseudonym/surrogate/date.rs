//! Dates, all shifted by the same number of days, so that what lies between them stays.

use super::draw::Draw;
use super::{Ask, Made, Style};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How a date is written.
#[derive(Clone, Copy)]
enum Form {
    /// `1984-03-12`
    Iso,
    /// `12.03.1984`, `12/03/1984` or `12-03-1984`; or `3/13/1984`, where that is the only reading.
    Numbers { sign: char, month_first: bool, padded: bool },
    /// `12 March 1984`
    DayMonth,
    /// `March 12, 1984`
    MonthDay,
}

/// The date shifted, in the form it was written in; none for a form that isn't known.
pub(super) fn date(mut draw: Draw<'_>, ask: Ask<'_>) -> Option<Made> {
    let (form, year, month, day) = read(ask.spelling.trim())?;
    let days = 30 + i64::try_from(draw.below(300)).unwrap_or(0);
    let shift = if draw.below(2) == 0 { days } else { -days };
    let (year, month, day) = civil(count(year, month, day) + shift);
    if ask.attempt > 0 || !(1..=9999).contains(&year) {
        return None;
    }
    let name = usize::try_from(month - 1).ok().and_then(|index| MONTHS.get(index)).copied()?;
    let text = match form {
        Form::Iso => format!("{year:04}-{month:02}-{day:02}"),
        Form::Numbers { sign, month_first, padded } => {
            let (first, second) = if month_first { (month, day) } else { (day, month) };
            if padded {
                format!("{first:02}{sign}{second:02}{sign}{year:04}")
            } else {
                format!("{first}{sign}{second}{sign}{year:04}")
            }
        }
        Form::DayMonth => format!("{day} {name} {year}"),
        Form::MonthDay => format!("{name} {day}, {year}"),
    };
    Some(Made { text, style: Style::Exact })
}

fn read(text: &str) -> Option<(Form, i64, i64, i64)> {
    let number = |part: &str| part.parse::<i64>().ok();
    let parts: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let month = |word: &str| {
        let place = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(word))?;
        i64::try_from(place + 1).ok()
    };
    let (form, year, month, day) = match (number(a), number(b), number(c)) {
        (Some(year), Some(month), Some(day)) if a.len() == 4 => (Form::Iso, year, month, day),
        (Some(first), Some(second), Some(year)) if c.len() == 4 => {
            let sign = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
            let month_first = second > 12;
            let padded = a.len() == 2 && b.len() == 2;
            let (day, month) = if month_first { (second, first) } else { (first, second) };
            (Form::Numbers { sign, month_first, padded }, year, month, day)
        }
        (Some(day), None, Some(year)) => (Form::DayMonth, year, month(b)?, day),
        (None, Some(day), Some(year)) => (Form::MonthDay, year, month(a)?, day),
        _ => return None,
    };
    let is_date = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_real = is_date && civil(count(year, month, day)) == (year, month, day);
    is_real.then_some((form, year, month, day))
}

/// Days since 1 March of the year 0, in the proleptic Gregorian calendar.
fn count(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
}

/// The date that [`count`] counts.
fn civil(days: i64) -> (i64, i64, i64) {
    let mut year = (10_000 * days + 14_780).div_euclid(3_652_425);
    let mut rest = days - count(year, 3, 1);
    if rest < 0 {
        year -= 1;
        rest = days - count(year, 3, 1);
    }
    let month = (100 * rest + 52) / 3060;
    let day = rest - (month * 306 + 5) / 10 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_both_ways() {
        for days in (-1_000..4_000_000).step_by(977) {
            let (year, month, day) = civil(days);
            assert_eq!(count(year, month, day), days);
        }
        assert_eq!(count(2024, 3, 1) - count(2024, 2, 28), 2);
        assert_eq!(count(2023, 3, 1) - count(2023, 2, 28), 1);
        assert_eq!(count(1970, 1, 1) - count(1969, 12, 31), 1);
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in ["2023-02-29", "31.04.2020", "yesterday", "12 Foo 1984", "1984", "00/00/0000", "1-2-3-4"]
        {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
