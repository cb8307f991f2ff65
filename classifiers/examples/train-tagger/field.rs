//! Training: stochastic gradient ascent on the likelihood of what the marks allow, steps by AdaGrad
//! (Duchi, Hazan, Singer 2011).

use crate::corpus::{LIST, NUMBER, Text, WORD};
use weir_classifiers::tagger::training::{Chain, NEVER, Row, WIDTH};

/// How training goes.
pub struct Pace {
    /// Size of a step.
    pub rate: f32,
    /// Pull towards zero.
    pub decay: f32,
    /// How often the letters, or the lists, of a word are hidden.
    pub hide: f32,
}

/// Weights in training.
pub struct Field {
    pub labels: usize,
    pub weights: Vec<Row>,
    pub chain: [Row; WIDTH],
    pub first: Row,
    squares: Vec<Row>,
    chain_squares: [Row; WIDTH],
    first_squares: Row,
    random: u64,
}

impl Field {
    /// All weights zero.
    pub fn new(labels: usize, features: usize, seed: u64) -> Self {
        Self {
            labels,
            weights: vec![[0.0; WIDTH]; features],
            chain: [[0.0; WIDTH]; WIDTH],
            first: [0.0; WIDTH],
            squares: vec![[0.0; WIDTH]; features],
            chain_squares: [[0.0; WIDTH]; WIDTH],
            first_squares: [0.0; WIDTH],
            random: seed,
        }
    }

    /// The same weights for fewer features: `kept` are their numbers.
    pub fn keep(&mut self, kept: &[usize]) {
        let pick = |rows: &[Row]| kept.iter().filter_map(|at| rows.get(*at).copied()).collect();
        self.weights = pick(&self.weights);
        self.squares = pick(&self.squares);
    }

    /// One pass over all texts in a new order.
    pub fn pass(&mut self, texts: &[Text], pace: &Pace) {
        let mut order: Vec<&Text> = texts.iter().collect();
        for place in (1..order.len()).rev() {
            let other = self.draw() as usize % (place + 1);
            order.swap(place, other);
        }
        order.into_iter().for_each(|text| self.learn(text, pace));
    }

    /// The chain as it is.
    pub fn steps(&self) -> Chain {
        Chain::new(self.labels, &self.chain, &self.first)
    }

    /// Scores of each label at each token.
    pub fn emissions(&self, text: &Text) -> Vec<Row> {
        text.tokens().map(|features| self.emission(features)).collect()
    }

    fn emission(&self, features: &[u32]) -> Row {
        let mut row = [0.0; WIDTH];
        for feature in features {
            if let Some(weights) = self.weights.get((feature & NUMBER) as usize) {
                row.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
            }
        }
        row
    }

    fn learn(&mut self, text: &Text, pace: &Pace) {
        let seen: Vec<Vec<u32>> = text.tokens().map(|features| self.hide(features, pace.hide)).collect();
        let emissions: Vec<Row> = seen.iter().map(|features| self.emission(features)).collect();
        let chain = self.steps();
        let free = chain.sums(&emissions, None);
        let bound = chain.sums(&emissions, Some(&text.allowed));
        for ((features, wanted), had) in seen.iter().zip(&bound.marginals).zip(&free.marginals) {
            let gradient = difference(wanted, had);
            if gradient.iter().any(|value| value.abs() > 2e-3) {
                self.step(features, &gradient, pace);
            }
        }
        let mut total = [[0.0; WIDTH]; WIDTH];
        let mut pairs = [[0.0; WIDTH]; WIDTH];
        for (sums, sign) in [(&bound, 1.0), (&free, -1.0)] {
            let neighbours = sums.forward.iter().zip(sums.backward.iter().skip(1));
            for (before, after) in neighbours {
                chain.pairs(before, after, &mut pairs);
                let both = total.iter_mut().flatten().zip(pairs.iter().flatten());
                both.for_each(|(sum, pair)| *sum += sign * pair);
            }
        }
        let rows = self.chain.iter_mut().zip(&mut self.chain_squares).zip(&total);
        rows.for_each(|((weights, squares), gradient)| ascend(weights, squares, gradient, pace));
        if let (Some(wanted), Some(had)) = (bound.marginals.first(), free.marginals.first()) {
            ascend(&mut self.first, &mut self.first_squares, &difference(wanted, had), pace);
        }
    }

    fn step(&mut self, features: &[u32], gradient: &Row, pace: &Pace) {
        for feature in features {
            let at = (feature & NUMBER) as usize;
            if let (Some(weights), Some(squares)) = (self.weights.get_mut(at), self.squares.get_mut(at)) {
                ascend(weights, squares, gradient, pace);
            }
        }
    }

    /// The features less, now and then, all letters or all lists of the word.
    fn hide(&mut self, features: &[u32], chance: f32) -> Vec<u32> {
        let mut hidden = 0;
        for bit in [WORD, LIST] {
            if (self.draw() >> 40) as f32 / (1u64 << 24) as f32 <= chance {
                hidden |= bit;
            }
        }
        features.iter().copied().filter(|feature| feature & hidden == 0).collect()
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.random;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}

fn difference(wanted: &Row, had: &Row) -> Row {
    let mut row = *wanted;
    row.iter_mut().zip(had).for_each(|(value, had)| *value -= had);
    row
}

fn ascend(weights: &mut Row, squares: &mut Row, gradient: &Row, pace: &Pace) {
    for ((weight, square), gradient) in weights.iter_mut().zip(squares).zip(gradient) {
        let gradient = gradient - pace.decay * *weight;
        *square += gradient * gradient;
        *weight += pace.rate * gradient / (square.sqrt() + 1e-4);
        debug_assert!(*weight > NEVER);
    }
}
