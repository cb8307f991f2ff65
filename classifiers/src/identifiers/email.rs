//! E-mail addresses: an at sign (plain or percent-encoded) with a local part and a domain around it.

use std::ops::Range;

/// Longest local part and domain label looked at (RFC 5321, section 4.5.3.1; RFC 1035, section 2.3.4).
const LOCAL_LIMIT: usize = 64;
const DOMAIN_LIMIT: usize = 255;

/// Calls `found` for every address in `text`, in order.
pub(super) fn find(text: &str, found: &mut dyn FnMut(Range<usize>)) {
    let mut floor = 0;
    let mut from = 0;
    while let Some((at, mark)) = next_mark(text, from) {
        from = at + mark;
        if let Some(range) = address(text, at, mark).filter(|range| range.start >= floor) {
            from = range.end;
            floor = range.end;
            found(range);
        }
    }
}

/// The next `@` or `%40` and its length.
fn next_mark(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let rest = text.as_bytes().get(at..)?;
        let hit = at + memchr::memchr2(b'@', b'%', rest)?;
        let tail = text.as_bytes().get(hit..)?;
        if tail.first() == Some(&b'@') {
            return Some((hit, 1));
        }
        if tail.starts_with(b"%40") {
            return Some((hit, 3));
        }
        at = hit + 1;
    }
}

fn address(text: &str, at: usize, mark: usize) -> Option<Range<usize>> {
    let start = local_start(text.get(..at)?)?;
    let after = text.get(at + mark..)?;
    let domain = domain(after)?;
    let local = text.get(start..at)?;
    let remote = after.get(domain.len()..).unwrap_or_default();
    if looks_like_code(local, domain, remote) {
        return None;
    }
    Some(start..at + mark + domain.len())
}

/// Where the local part that ends `before` begins.
fn local_start(before: &str) -> Option<usize> {
    let mut start = before.len();
    let mut chars = before.char_indices().rev().peekable();
    while let Some((at, c)) = chars.next() {
        let joins = match c {
            // An apostrophe belongs to the name only inside it, else it is a quotation mark.
            '\'' | '’' => {
                start < before.len() && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric())
            }
            '.' | '_' | '%' | '+' | '-' => true,
            _ => c.is_alphanumeric(),
        };
        if !joins || before.len() - at > LOCAL_LIMIT * 2 {
            break;
        }
        start = at;
    }
    let local = before.get(start..)?;
    let trimmed = local.trim_start_matches(['.', '-', '\'', '’', '%']);
    start += local.len() - trimmed.len();
    // The letter of an escape such as `\n` in source text is not part of the name.
    let escaped = before.get(..start).is_some_and(|head| head.ends_with('\\'));
    if escaped && trimmed.starts_with(['n', 'r', 't']) && trimmed.len() > 1 {
        start += 1;
    }
    let local = before.get(start..)?;
    let well_formed = !local.is_empty() && !local.ends_with('.') && !local.contains("..");
    well_formed.then_some(start)
}

/// The domain that `after` begins with: at least two labels, the last one a word of letters.
fn domain(after: &str) -> Option<&str> {
    let mut end = 0;
    for (at, c) in after.char_indices() {
        let joins = c.is_alphanumeric() || c == '-' || c == '.';
        if !joins || at > DOMAIN_LIMIT || after.get(at..).is_some_and(|rest| rest.starts_with("..")) {
            break;
        }
        end = at + c.len_utf8();
    }
    let mut domain = after.get(..end)?.trim_end_matches(['.', '-']);
    // Cut at the first empty or ill-formed label, then drop labels after the last plausible one.
    while let Some((rest, last)) = domain.rsplit_once('.') {
        let labels_fit = rest.split('.').all(is_label);
        if labels_fit && is_top_level(last) {
            return Some(domain);
        }
        domain = rest;
    }
    None
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().count() <= 63 && !label.starts_with('-') && !label.ends_with('-')
}

fn is_top_level(label: &str) -> bool {
    let letters =
        label.chars().all(char::is_alphabetic) && label.chars().nth(1).is_some() && label.len() <= 63;
    letters || (label.starts_with("xn--") && label.len() > 5)
}

/// What has an at sign in source code and is no address: versions, image densities, Git remotes,
/// labels of Kotlin.
fn looks_like_code(local: &str, domain: &str, after: &str) -> bool {
    let mut labels = domain.split('.');
    let first = labels.next().unwrap_or_default();
    let number = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    let version = number(first) && labels.next().is_some_and(number);
    let density = matches!(first, "1x" | "2x" | "3x" | "4x");
    let remote = local == "git" && after.starts_with([':', '/']);
    let label = matches!(local, "this" | "super" | "return" | "break" | "continue");
    version || density || remote || label
}
