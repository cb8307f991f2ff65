//! Makes examples from the recipes of the registry, so that no text in this repository looks like a key.

/// Draws characters in an order that a seed decides (SplitMix64).
pub(crate) struct Sampler {
    state: u64,
}

impl Sampler {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635 }
    }

    /// The recipe with random characters filled in.
    pub(crate) fn fill(&mut self, recipe: &str) -> String {
        expand(recipe, &mut |class, count| (0..count).map(|_| self.draw(class)).collect())
    }

    /// The recipe with the same character all over.
    pub(crate) fn mask(recipe: &str) -> String {
        expand(recipe, &mut |class, count| {
            let c = match class {
                'd' | 'x' => "0",
                'u' | 'v' | 'q' => "X",
                _ => "x",
            };
            c.repeat(count)
        })
    }

    /// The recipe with all pieces cut short.
    pub(crate) fn cut(recipe: &str) -> String {
        let mut sampler = Self::new(7);
        expand(recipe, &mut |class, count| (0..count.min(3)).map(|_| sampler.draw(class)).collect())
    }

    fn draw(&mut self, class: char) -> char {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let set = alphabet(class);
        let at = usize::try_from((z ^ (z >> 31)) % set.len() as u64).unwrap();
        char::from(set[at])
    }
}

fn expand(recipe: &str, fill: &mut dyn FnMut(char, usize) -> String) -> String {
    let mut text = String::new();
    let mut rest = recipe;
    while let Some(open) = rest.find('{') {
        let close = open + rest[open..].find('}').unwrap();
        text.push_str(&rest[..open]);
        let class = rest[open + 1..].chars().next().unwrap();
        text.push_str(&fill(class, rest[open + 2..close].parse().unwrap()));
        rest = &rest[close + 1..];
    }
    text.push_str(rest);
    text
}

fn alphabet(class: char) -> &'static [u8] {
    match class {
        'd' => b"0123456789",
        'x' => b"0123456789abcdef",
        'a' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        'u' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'v' => b"234567ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        'l' => b"0123456789abcdefghijklmnopqrstuvwxyz",
        'b' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
        's' => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/",
        'q' => b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
        _ => panic!("a recipe names no class"),
    }
}
