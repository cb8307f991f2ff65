//! The chain: the best sequence of labels for a text, and how sure each label is.

/// Places for labels; those past the last label are never chosen.
pub const WIDTH: usize = 32;
/// A number for each label.
pub type Row = [f32; WIDTH];
/// No sequence goes here.
pub const NEVER: f32 = -1.0e9;

/// What follows what, as scores: from the label of the outer place to that of the inner.
#[derive(Clone)]
pub struct Chain {
    labels: usize,
    /// By the earlier label.
    from: Box<[Row; WIDTH]>,
    first: Row,
    /// `exp` of the scores, by the earlier label and by the later one.
    from_exp: Box<[Row; WIDTH]>,
    into_exp: Box<[Row; WIDTH]>,
    first_exp: Row,
}

/// Forward and backward sums of one text.
pub struct Sums {
    /// Chance of each label at each token.
    pub marginals: Vec<Row>,
    /// Forward sums, each scaled to one.
    pub forward: Vec<Row>,
    /// Backward sums, scaled; times the emission of the token itself.
    pub backward: Vec<Row>,
}

impl Chain {
    /// A chain of `labels` labels: O, then B and I of each type. What BIO forbids is never taken,
    /// whatever `scores` says.
    pub fn new(labels: usize, scores: &[Row; WIDTH], first: &Row) -> Self {
        let mut chain = Self {
            labels,
            from: Box::new([[NEVER; WIDTH]; WIDTH]),
            first: [NEVER; WIDTH],
            from_exp: Box::new([[0.0; WIDTH]; WIDTH]),
            into_exp: Box::new([[0.0; WIDTH]; WIDTH]),
            first_exp: [0.0; WIDTH],
        };
        for (from, row) in scores.iter().enumerate().take(labels) {
            for (to, score) in row.iter().enumerate().take(labels) {
                if allowed(from, to) {
                    chain.set(from, to, *score);
                }
            }
        }
        let firsts = chain.first.iter_mut().zip(&mut chain.first_exp).zip(first).enumerate();
        for (to, ((score, exp), given)) in firsts.take(labels) {
            if allowed(0, to) {
                (*score, *exp) = (*given, given.exp());
            }
        }
        chain
    }

    fn set(&mut self, from: usize, to: usize, score: f32) {
        let exp = score.exp();
        put(&mut self.from, from, to, score);
        put(&mut self.into_exp, to, from, exp);
        put(&mut self.from_exp, from, to, exp);
    }

    /// The best sequence of labels (Viterbi).
    pub fn best(&self, emissions: &[Row]) -> Vec<u8> {
        // The best score up to each token, by the label there. Where it came from is asked on the way back only, for
        // one label of each token.
        let mut reached: Vec<Row> = Vec::with_capacity(emissions.len());
        for emission in emissions {
            let mut scores = reached.last().map_or(self.first, |last| self.reach(last));
            // Only differences matter; relative to O, they stay exact in a text of any length.
            let base = scores.first().zip(emission.first()).map_or(0.0, |(score, emission)| score + emission);
            scores.iter_mut().zip(emission).for_each(|(score, emission)| *score += emission - base);
            reached.push(scores);
        }
        let mut labels = vec![0; emissions.len()];
        let mut next = None;
        for (slot, scores) in labels.iter_mut().zip(&reached).rev() {
            let label = self.source(scores, next);
            *slot = u8::try_from(label).unwrap_or(0);
            next = Some(label);
        }
        labels
    }

    /// Chances of all labels (forward-backward). Where `allow` gives bits for a token, only sequences
    /// through these labels count.
    pub fn sums(&self, emissions: &[Row], allow: Option<&[u32]>) -> Sums {
        let weights: Vec<Row> = emissions
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let allow = allow.and_then(|allow| allow.get(place)).copied().unwrap_or(u32::MAX);
                self.weigh(row, allow)
            })
            .collect();
        let mut forward: Vec<Row> = Vec::with_capacity(weights.len());
        for weight in &weights {
            let mut row = forward.last().map_or(self.first_exp, |last| product(last, &self.from_exp));
            row.iter_mut().zip(weight).for_each(|(a, b)| *a *= b);
            scale(&mut row);
            forward.push(row);
        }
        let mut backward = vec![[0.0; WIDTH]; weights.len()];
        let mut ahead: Row = [1.0; WIDTH];
        for (slot, weight) in backward.iter_mut().zip(&weights).rev() {
            let mut row = ahead;
            row.iter_mut().zip(weight).for_each(|(a, b)| *a *= b);
            scale(&mut row);
            *slot = row;
            ahead = product(&row, &self.into_exp);
        }
        let mut marginals = Vec::with_capacity(weights.len());
        let mut reached = self.first_exp;
        for (after, here) in forward.iter().zip(&backward) {
            let mut row = *here;
            row.iter_mut().zip(&reached).for_each(|(a, b)| *a *= b);
            scale(&mut row);
            marginals.push(row);
            reached = product(after, &self.from_exp);
        }
        Sums { marginals, forward, backward }
    }

    /// Chance of each pair of labels at two neighbouring tokens, given the sums up to the first and
    /// from the second on.
    pub fn pairs(&self, forward: &Row, backward: &Row, into: &mut [Row; WIDTH]) {
        let mut total = 0.0;
        for ((row, exp), before) in into.iter_mut().zip(self.from_exp.iter()).zip(forward) {
            for ((value, exp), after) in row.iter_mut().zip(exp).zip(backward) {
                *value = before * exp * after;
            }
            total += row.iter().sum::<f32>();
        }
        let factor = if total > 0.0 { 1.0 / total } else { 0.0 };
        into.iter_mut().flatten().for_each(|value| *value *= factor);
    }

    /// The best score of each label after one step. All labels go side by side, which compilers turn into vector code.
    fn reach(&self, scores: &Row) -> Row {
        let mut best = [NEVER * 4.0; WIDTH];
        for (score, steps) in scores.iter().zip(self.from.iter()).take(self.labels) {
            for (best, step) in best.iter_mut().zip(steps) {
                let reached = score + step;
                *best = if reached > *best { reached } else { *best };
            }
        }
        best
    }

    /// The label that the best sequence has here, given the one after it.
    fn source(&self, scores: &Row, next: Option<usize>) -> usize {
        let (mut label, mut most) = (0, f32::NEG_INFINITY);
        for (from, (score, steps)) in scores.iter().zip(self.from.iter()).enumerate().take(self.labels) {
            let step = next.map_or(Some(&0.0), |next| steps.get(next));
            let reached = step.map_or(NEVER, |step| score + step);
            if reached > most {
                (label, most) = (from, reached);
            }
        }
        label
    }

    fn weigh(&self, row: &Row, allow: u32) -> Row {
        let most = row.iter().take(self.labels).copied().fold(NEVER, f32::max);
        let mut weights = [0.0; WIDTH];
        for (label, (weight, score)) in weights.iter_mut().zip(row).enumerate().take(self.labels) {
            if allow >> label & 1 == 1 {
                // The floor keeps a text from having no sequence at all.
                *weight = (score - most).exp().max(1e-30);
            }
        }
        weights
    }
}

/// An inner label follows only its own type's beginning or inside.
fn allowed(from: usize, to: usize) -> bool {
    to == 0 || to % 2 == 1 || from == to || from + 1 == to
}

fn product(row: &Row, matrix: &[Row; WIDTH]) -> Row {
    let mut sums = [0.0; WIDTH];
    for (value, row) in row.iter().zip(matrix) {
        if *value > 0.0 {
            sums.iter_mut().zip(row).for_each(|(sum, step)| *sum += value * step);
        }
    }
    sums
}

fn scale(row: &mut Row) {
    let sum: f32 = row.iter().sum();
    if sum > 0.0 {
        row.iter_mut().for_each(|value| *value /= sum);
    }
}

fn put(matrix: &mut [Row; WIDTH], row: usize, column: usize, value: f32) {
    if let Some(place) = matrix.get_mut(row).and_then(|row| row.get_mut(column)) {
        *place = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels O, B-x, I-x with given steps.
    fn chain() -> Chain {
        let mut scores = [[0.0; WIDTH]; WIDTH];
        scores[0] = [0.3; WIDTH];
        scores[1][2] = 0.7;
        scores[2][2] = -0.4;
        scores[0][2] = 50.0;
        Chain::new(3, &scores, &[0.1; WIDTH])
    }

    fn row(values: [f32; 3]) -> Row {
        let mut row = [0.0; WIDTH];
        row[..3].copy_from_slice(&values);
        row
    }

    /// All sequences that BIO allows, with their scores.
    fn all(chain: &Chain, emissions: &[Row]) -> Vec<(Vec<u8>, f64)> {
        let mut sequences = vec![(vec![], 0.0)];
        for emission in emissions {
            let mut longer = Vec::new();
            for (labels, score) in &sequences {
                for to in 0..3u8 {
                    let step = match labels.last() {
                        None => chain.first[to as usize],
                        Some(from) => chain.from[*from as usize][to as usize],
                    };
                    if step > NEVER {
                        let mut labels: Vec<u8> = labels.clone();
                        labels.push(to);
                        longer.push((labels, score + f64::from(step + emission[to as usize])));
                    }
                }
            }
            sequences = longer;
        }
        sequences
    }

    #[test]
    fn best_and_sums_agree_with_counting_every_sequence() {
        let chain = chain();
        let emissions =
            [row([0.2, 1.0, 0.4]), row([0.5, -0.3, 0.9]), row([0.1, 0.2, 1.4]), row([1.0, 0.9, 0.0])];
        let sequences = all(&chain, &emissions);
        let best = sequences.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(chain.best(&emissions), best.0);
        let total: f64 = sequences.iter().map(|(_, score)| score.exp()).sum();
        let sums = chain.sums(&emissions, None);
        for (place, marginals) in sums.marginals.iter().enumerate() {
            for (label, marginal) in marginals.iter().enumerate().take(3) {
                let here = sequences.iter().filter(|(labels, _)| labels[place] as usize == label);
                let chance: f64 = here.map(|(_, score)| score.exp()).sum::<f64>() / total;
                assert!((f64::from(*marginal) - chance).abs() < 1e-5, "{place} {label}");
            }
        }
        let mut pairs = [[0.0; WIDTH]; WIDTH];
        chain.pairs(&sums.forward[1], &sums.backward[2], &mut pairs);
        let both = sequences.iter().filter(|(labels, _)| labels[1..3] == [1, 2]);
        let chance: f64 = both.map(|(_, score)| score.exp()).sum::<f64>() / total;
        assert!((f64::from(pairs[1][2]) - chance).abs() < 1e-5);
    }

    #[test]
    fn what_is_not_allowed_has_no_chance() {
        let emissions = [row([0.0, 1.0, 0.0]), row([0.0, 0.0, 2.0])];
        let sums = chain().sums(&emissions, Some(&[0b001, 0b011]));
        assert_eq!(sums.marginals[0][..3], [1.0, 0.0, 0.0]);
        assert_eq!(sums.marginals[1][2], 0.0);
        // An inner label after O is impossible, however high its score.
        assert_eq!(chain().best(&[row([90.0, 0.0, 0.0]), row([0.0, -30.0, 30.0])])[1], 0);
        assert!(chain().best(&[]).is_empty());
    }
}
