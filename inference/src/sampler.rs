//! Chooses the next token from the scores: greedy, or temperature and nucleus with a seeded generator.

use crate::tokenizer::Token;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::collections::HashMap;

/// How a request wants its tokens chosen.
#[derive(Debug, Clone)]
pub(crate) struct Sampling {
    /// 0 is greedy.
    pub temperature: f32,
    /// Keep the fewest tokens whose probabilities reach this sum.
    pub top_p: f32,
    pub seed: u64,
    /// Taken off a token's score once it has been generated.
    pub presence_penalty: f32,
    /// Taken off a token's score each time it has been generated.
    pub frequency_penalty: f32,
    /// Added to scores.
    pub bias: Vec<(Token, f32)>,
    /// How many alternatives to report with each token; none means no report at all.
    pub report: Option<usize>,
}

/// Natural logarithms of probabilities, before temperature, penalties and bias.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub chosen: f32,
    /// Best first.
    pub best: Vec<(Token, f32)>,
}

/// The state of one sequence's sampling.
pub(crate) struct Sampler {
    sampling: Sampling,
    rng: StdRng,
    counts: HashMap<Token, u32>,
}

impl Sampler {
    /// Equal settings give equal choices.
    pub(crate) fn new(sampling: Sampling) -> Self {
        let rng = StdRng::seed_from_u64(sampling.seed);
        Self { sampling, rng, counts: HashMap::new() }
    }

    /// Chooses a token.
    pub(crate) fn pick(&mut self, scores: &[f32]) -> (Token, Option<Report>) {
        let token = if self.adjusts() {
            let mut adjusted = scores.to_vec();
            self.adjust(&mut adjusted);
            self.choose(&adjusted)
        } else {
            self.choose(scores)
        };
        *self.counts.entry(token).or_default() += 1;
        (token, self.sampling.report.map(|best| report(scores, token, best)))
    }

    fn adjusts(&self) -> bool {
        let penalties = self.sampling.presence_penalty != 0.0 || self.sampling.frequency_penalty != 0.0;
        !self.sampling.bias.is_empty() || penalties
    }

    fn adjust(&self, scores: &mut [f32]) {
        for (token, bias) in &self.sampling.bias {
            if let Some(score) = scores.get_mut(*token as usize) {
                *score += bias;
            }
        }
        for (token, count) in &self.counts {
            if let Some(score) = scores.get_mut(*token as usize) {
                *score -= self.sampling.presence_penalty + self.sampling.frequency_penalty * *count as f32;
            }
        }
    }

    fn choose(&mut self, scores: &[f32]) -> Token {
        let (best, largest) = largest(scores);
        if self.sampling.temperature <= 0.0 {
            return best;
        }
        let inverse = 1.0 / self.sampling.temperature;
        let weights: Vec<f32> = scores.iter().map(|score| ((score - largest) * inverse).exp()).collect();
        let total: f32 = weights.iter().sum();
        if self.sampling.top_p >= 1.0 {
            let candidates = (0..).zip(weights.iter().copied());
            return draw(candidates, self.rng.random::<f32>() * total).unwrap_or(best);
        }
        let nucleus = nucleus(&weights, total * self.sampling.top_p);
        let kept: f32 = nucleus.iter().map(|(_, weight)| weight).sum();
        draw(nucleus.into_iter(), self.rng.random::<f32>() * kept).unwrap_or(best)
    }
}

fn largest(scores: &[f32]) -> (Token, f32) {
    let first = (0, f32::NEG_INFINITY);
    (0..).zip(scores).fold(first, |best, (token, score)| if *score > best.1 { (token, *score) } else { best })
}

/// The heaviest tokens, heaviest first, until their weights reach `enough`.
fn nucleus(weights: &[f32], enough: f32) -> Vec<(Token, f32)> {
    /// Enough for nearly every step, so that the whole vocabulary need not be sorted.
    const FIRST_TRY: usize = 256;
    let mut all: Vec<(Token, f32)> = (0..).zip(weights.iter().copied()).collect();
    let heavier = |a: &(Token, f32), b: &(Token, f32)| b.1.total_cmp(&a.1);
    if all.len() > FIRST_TRY {
        all.select_nth_unstable_by(FIRST_TRY, heavier);
        let head: f32 = all.iter().take(FIRST_TRY).map(|(_, weight)| weight).sum();
        if head >= enough {
            all.truncate(FIRST_TRY);
        }
    }
    all.sort_unstable_by(heavier);
    let mut sum = 0.0;
    let short = |(_, weight): &&(Token, f32)| {
        let before = sum;
        sum += weight;
        before < enough
    };
    let count = all.iter().take_while(short).count();
    all.truncate(count.max(1));
    all
}

fn draw(mut candidates: impl Iterator<Item = (Token, f32)>, mut at: f32) -> Option<Token> {
    candidates.find_map(|(token, weight)| {
        at -= weight;
        (at < 0.0).then_some(token)
    })
}

fn report(scores: &[f32], token: Token, best: usize) -> Report {
    let (_, largest) = largest(scores);
    let total: f64 = scores.iter().map(|score| f64::from(score - largest).exp()).sum();
    let offset = largest + total.ln() as f32;
    let mut all: Vec<(Token, f32)> = (0..).zip(scores.iter().map(|score| score - offset)).collect();
    let chosen = all.get(token as usize).map_or(f32::NEG_INFINITY, |(_, logprob)| *logprob);
    let heavier = |a: &(Token, f32), b: &(Token, f32)| b.1.total_cmp(&a.1);
    if best < all.len() {
        all.select_nth_unstable_by(best, heavier);
        all.truncate(best);
    }
    all.sort_unstable_by(heavier);
    Report { chosen, best: all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f32, top_p: f32, seed: u64) -> Sampling {
        Sampling {
            temperature,
            top_p,
            seed,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            bias: Vec::new(),
            report: None,
        }
    }

    fn draws(sampling: Sampling, scores: &[f32]) -> Vec<Token> {
        let mut sampler = Sampler::new(sampling);
        (0..200).map(|_| sampler.pick(scores).0).collect()
    }

    #[test]
    fn zero_temperature_takes_the_best() {
        assert!(draws(sampling(0.0, 1.0, 1), &[0.1, 3.0, 2.9]).iter().all(|token| *token == 1));
    }

    #[test]
    fn equal_seeds_agree_and_others_do_not() {
        let scores = [0.0; 50];
        assert_eq!(draws(sampling(1.0, 1.0, 5), &scores), draws(sampling(1.0, 1.0, 5), &scores));
        assert_ne!(draws(sampling(1.0, 1.0, 5), &scores), draws(sampling(1.0, 1.0, 6), &scores));
    }

    #[test]
    fn nucleus_leaves_out_the_tail() {
        let scores: Vec<f32> = (0..1000).map(|i| if i < 2 { 10.0 } else { 0.0 }).collect();
        let seen = draws(sampling(1.0, 0.9, 3), &scores);
        assert!(seen.iter().all(|token| *token < 2) && seen.contains(&0) && seen.contains(&1));
    }

    #[test]
    fn penalties_and_bias_change_the_choice() {
        let mut penal = sampling(0.0, 1.0, 1);
        penal.frequency_penalty = 1.0;
        assert_eq!(draws(penal, &[1.0, 0.5]).iter().take(3).collect::<Vec<_>>(), [&0, &1, &0]);
        let mut biased = sampling(0.0, 1.0, 1);
        biased.bias = vec![(1, 100.0), (99, 1.0)];
        assert_eq!(draws(biased, &[1.0, 0.5]).first(), Some(&1));
    }

    #[test]
    fn report_gives_logarithms_of_probabilities() {
        let mut asked = sampling(0.0, 1.0, 1);
        asked.report = Some(2);
        let (token, report) = Sampler::new(asked).pick(&[0.0, 0.0, 1.0]);
        let report = report.unwrap();
        let expected = 1.0 - (2.0 + 1f32.exp()).ln();
        assert!(token == 2 && (report.chosen - expected).abs() < 1e-5);
        assert_eq!((report.best.len(), report.best[0].0), (2, 2));
    }
}
