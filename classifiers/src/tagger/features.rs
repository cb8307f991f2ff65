//! What the model sees of a token: its own looks, its neighbours, its line, the key before it.
//!
//! A feature is the hash of a template's number and of what fills it. Training and use call the same
//! function, so they can't disagree.

use super::hash::{Hash, mix};
use super::token::{Class, Token};

/// What kind of evidence a feature is. Training hides some kinds now and then, so that no kind is
/// relied on alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Letters of the word itself.
    Word,
    /// Lists of names and places.
    List,
    /// All else.
    Context,
}

/// A text's tokens with what their surroundings say.
pub struct Document {
    tokens: Vec<Token>,
    around: Vec<Around>,
}

/// What is worked out once for each token.
#[derive(Clone, Copy, Default)]
struct Around {
    /// Shape of the piece between white space in which the token stands.
    chunk: u32,
    /// The last word before a colon or equals sign on this line, and how far back.
    key: u32,
    distance: u32,
    /// How much the line looks like code, and its case.
    mode: u32,
    /// The two words before and the one after, marks left out.
    before: [u32; 2],
    after: u32,
    opens_sentence: bool,
}

/// Stands for the word beyond the start or end of a line.
const NONE: u32 = 1;
/// A key further back than this many tokens says nothing.
const KEY_REACH: u32 = 12;

impl Document {
    /// Looks at the surroundings of all tokens.
    pub fn new(tokens: Vec<Token>) -> Self {
        let mut around = vec![Around::default(); tokens.len()];
        let mut rest = around.as_mut_slice();
        for line in tokens.split_inclusive(|token| token.class == Class::Line) {
            let Some((here, others)) = rest.split_at_mut_checked(line.len()) else { break };
            look_around(line, here);
            rest = others;
        }
        Self { tokens, around }
    }

    /// The tokens.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Shows all features of the token at `place` to `see`.
    pub fn features(&self, place: usize, see: &mut impl FnMut(Evidence, u32)) {
        let (Some(token), Some(around)) = (self.tokens.get(place), self.around.get(place)) else { return };
        let window = Window {
            token,
            around,
            before: self.neighbour(place.checked_sub(1)),
            before2: self.neighbour(place.checked_sub(2)),
            after: self.neighbour(place.checked_add(1)),
            after2: self.neighbour(place.checked_add(2)),
        };
        window.neighbours(see);
        if token.class.is_word() {
            window.looks(see);
            window.lists(see);
            window.surroundings(see);
        }
    }

    fn neighbour(&self, place: Option<usize>) -> Neighbour {
        let token = place.and_then(|place| self.tokens.get(place));
        token.map_or(Neighbour { word: NONE, shape: NONE, lists: 0 }, |token| Neighbour {
            word: token.word,
            shape: token.shape,
            lists: u32::from(token.lists),
        })
    }
}

/// What matters of a token beside the one looked at.
#[derive(Clone, Copy)]
struct Neighbour {
    word: u32,
    shape: u32,
    lists: u32,
}

struct Window<'a> {
    token: &'a Token,
    around: &'a Around,
    before: Neighbour,
    before2: Neighbour,
    after: Neighbour,
    after2: Neighbour,
}

impl Window<'_> {
    /// For every token, marks included.
    fn neighbours(&self, see: &mut impl FnMut(Evidence, u32)) {
        let (word, shape) = (self.token.word, self.token.shape);
        let mut context = |template, a, b| see(Evidence::Context, feature(template, a, b));
        context(0, 0, 0);
        context(1, self.before.word, 0);
        context(2, self.after.word, 0);
        context(3, self.before.shape, shape);
        context(4, shape, self.after.shape);
        context(5, self.before.lists, self.after.lists);
        context(6, self.around.chunk, shape);
        context(7, mix(self.before.shape, shape), self.after.shape);
        context(8, self.around.mode, shape);
        context(9, self.before.word, self.after.word);
        see(Evidence::Word, feature(10, word, 0));
        see(Evidence::Word, feature(11, self.before.word, word));
        see(Evidence::Word, feature(12, word, self.after.word));
    }

    /// The word's own letters and shape.
    fn looks(&self, see: &mut impl FnMut(Evidence, u32)) {
        let token = self.token;
        let class = token.class as u32;
        for (template, affix) in (20..).zip(token.prefixes.iter().chain(&token.suffixes)) {
            if *affix != 0 {
                see(Evidence::Word, feature(template, *affix, 0));
            }
        }
        let [_, _, suffix] = token.suffixes;
        see(Evidence::Word, feature(26, suffix, class));
        let mut context = |template, a, b| see(Evidence::Context, feature(template, a, b));
        context(30, token.shape, 0);
        context(31, class, u32::try_from(token.length.min(20)).unwrap_or(20));
        context(32, u32::from(self.around.opens_sentence), class);
        if token.number != 0 {
            context(33, token.number, 0);
            context(34, token.number, self.before.word);
            context(35, token.number, self.after.word);
            context(36, token.number, self.around.chunk);
            context(37, token.number, self.around.key);
            context(38, token.number, self.around.before.first().copied().unwrap_or(NONE));
        }
    }

    fn lists(&self, see: &mut impl FnMut(Evidence, u32)) {
        let lists = u32::from(self.token.lists);
        let mut list = |template, a, b| see(Evidence::List, feature(template, a, b));
        list(50, lists, 0);
        list(51, lists, self.before.lists);
        list(52, lists, self.after.lists);
        list(53, lists, self.token.shape);
        list(54, lists, self.before.word);
        list(55, lists, self.around.mode);
        list(56, lists, self.around.key);
        list(57, mix(lists, self.before.lists), self.after.lists);
        list(58, mix(lists, self.token.class as u32), self.after.word);
    }

    /// The line, the key and the words nearby.
    fn surroundings(&self, see: &mut impl FnMut(Evidence, u32)) {
        let (around, shape) = (self.around, self.token.shape);
        let [last, second] = around.before;
        let mut context = |template, a, b| see(Evidence::Context, feature(template, a, b));
        context(70, self.before2.word, self.before.word);
        context(71, self.after.word, self.after2.word);
        context(72, self.before2.word, shape);
        context(73, self.after2.word, shape);
        context(74, self.before.word, shape);
        context(75, self.after.word, shape);
        context(76, last, shape);
        context(77, last, second);
        context(78, last, around.after);
        context(79, around.after, shape);
        if around.key != 0 {
            context(80, around.key, around.distance);
            context(81, around.key, shape);
            context(82, mix(around.key, around.distance), self.token.class as u32);
        }
    }
}

fn feature(template: u32, a: u32, b: u32) -> u32 {
    let mut hash = Hash::default();
    hash.add(template);
    hash.add(a);
    hash.add(b);
    hash.finish()
}

fn look_around(line: &[Token], around: &mut [Around]) {
    let mode = mode(line);
    let (mut key, mut distance) = (0, 0);
    let mut before = [NONE; 2];
    let mut opens = true;
    for (token, here) in line.iter().zip(around.iter_mut()) {
        here.mode = mode;
        here.before = before;
        here.opens_sentence = opens;
        if key != 0 && distance <= KEY_REACH {
            here.key = key;
            here.distance = distance.min(3);
        }
        distance += 1;
        if token.class.is_word() {
            let [last, _] = before;
            before = [token.word, last];
            opens = false;
        } else if matches!(token.mark, ':' | '=') {
            let [last, _] = before;
            (key, distance) = (last, 0);
        } else if matches!(token.mark, '.' | '!' | '?') {
            opens = true;
        }
    }
    let mut after = NONE;
    for (token, here) in line.iter().zip(around.iter_mut()).rev() {
        here.after = after;
        if token.class.is_word() {
            after = token.word;
        }
    }
    chunks(line, around);
}

/// The shape of each piece between white space, its first twelve tokens.
fn chunks(line: &[Token], around: &mut [Around]) {
    let mut rest = around;
    for chunk in line.chunk_by(|_, next| !next.spaced) {
        let Some((here, others)) = rest.split_at_mut_checked(chunk.len()) else { return };
        let mut hash = Hash::default();
        chunk.iter().take(12).for_each(|token| hash.add(token.shape));
        hash.add(u32::try_from(chunk.len().min(13)).unwrap_or(13));
        let shape = hash.finish();
        here.iter_mut().for_each(|around| around.chunk = shape);
        rest = others;
    }
}

/// How much of the line is the marks of code, in four steps, and whether its words are all in one case.
fn mode(line: &[Token]) -> u32 {
    let (mut marks, mut upper, mut lower, mut cased) = (0, 0, 0, 0);
    for token in line {
        match token.class {
            Class::Mark => marks += usize::from("{}[]()<>=;_|\\/\"`#$*&".contains(token.mark)),
            Class::Lower => lower += 1,
            Class::Upper => upper += 1,
            Class::Title | Class::Mixed => cased += 1,
            _ => {}
        }
    }
    let code = match marks * 100 / line.len().max(1) {
        0..3 => 0,
        3..12 => 1,
        12..30 => 2,
        _ => 3,
    };
    let case = match (upper, lower, cased) {
        (0, 1.., 0) => 1,
        (2.., 0, 0) => 2,
        _ => 0,
    };
    code * 3 + case
}

#[cfg(test)]
mod tests {
    use super::super::gazetteer::Gazetteer;
    use super::super::token::tokens;
    use super::*;

    fn features(text: &str, place: usize) -> Vec<u32> {
        let document = Document::new(tokens(text, &Gazetteer::default()));
        let mut found = Vec::new();
        document.features(place, &mut |_, feature| found.push(feature));
        found
    }

    #[test]
    fn the_key_reaches_its_value_and_not_the_next_line() {
        let of = |text: &str| Document::new(tokens(text, &Gazetteer::default())).around;
        let around = of("name: Ann\nBob");
        assert_ne!(around[2].key, 0);
        assert_eq!(around[4].key, 0);
        let around = of("\"name\" : \"Ann\", \"city\": \"Rome\"");
        assert_eq!(around[5].key, of("name= x")[2].key);
        assert_eq!(around[12].key, of("city: x")[2].key);
    }

    #[test]
    fn code_and_case_set_the_mode() {
        let mode = |text: &str| super::mode(&tokens(text, &Gazetteer::default()));
        assert_eq!(mode("We met Ann today."), 0);
        assert_eq!(mode("we met ann today"), 1);
        assert_eq!(mode("WE MET ANN"), 2);
        assert_eq!(mode("let x = f(&y)[0];"), 10);
        assert_eq!(mode(""), 0);
    }

    #[test]
    fn features_depend_on_neighbours_and_are_the_same_for_the_same_text() {
        let here = features("we saw Ann there", 2);
        assert_eq!(here, features("we saw Ann there", 2));
        assert_ne!(here, features("we met Ann there", 2));
        assert!(features("Ann", 5).is_empty());
        // Few of the features are equal by chance.
        let mut unique = here.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), here.len());
    }
}
