//! Attention of one query row over one sequence's cache.

use super::elementwise::exp;
use super::isa::{Isa, Plain};
use super::pack::LANES;

/// Values in one attention head; the only size that the kernels are written for.
pub(crate) const HEAD: usize = 64;

/// Attention of the `G` query heads that share one key/value head, over `length` positions.
/// Keys lie as `[position / 16][value][position % 16]`, values as `[position][value]`;
/// `query` and `output` hold the heads one after another. `G` = query heads / key heads.
pub(crate) fn attend(
    isa: Isa,
    (keys, values, length): (&[[f32; LANES]], &[[f32; HEAD]], usize),
    query: &[f32],
    (output, scores): (&mut [f32], &mut Vec<[f32; LANES]>),
) {
    let tiles = length.div_ceil(LANES);
    scores.clear();
    scores.resize(tiles, [0.0; LANES]);
    for (query, output) in query.as_chunks::<HEAD>().0.iter().zip(output.as_chunks_mut::<HEAD>().0) {
        isa.run(Attend { keys, values, length, query, output, scores });
    }
}

struct Attend<'a> {
    keys: &'a [[f32; LANES]],
    values: &'a [[f32; HEAD]],
    length: usize,
    query: &'a [f32; HEAD],
    output: &'a mut [f32; HEAD],
    scores: &'a mut [[f32; LANES]],
}

impl Plain for Attend<'_> {
    #[inline(always)]
    fn compute(self) {
        let scale = 1.0 / (HEAD as f32).sqrt();
        let mut largest = [f32::NEG_INFINITY; LANES];
        for (tile, (keys, scores)) in self.keys.chunks_exact(HEAD).zip(self.scores.iter_mut()).enumerate() {
            let mut sums = [[0f32; LANES]; 4];
            for (keys, query) in keys.as_chunks::<4>().0.iter().zip(self.query.as_chunks::<4>().0) {
                for ((sum, key), query) in sums.iter_mut().zip(keys).zip(query) {
                    for (sum, key) in sum.iter_mut().zip(key) {
                        *sum += key * query;
                    }
                }
            }
            let [a, b, c, d] = sums;
            let seen = self.length - (tile * LANES).min(self.length);
            for (lane, (score, (((a, b), c), d))) in
                scores.iter_mut().zip(a.iter().zip(b).zip(c).zip(d)).enumerate()
            {
                let value = ((a + b) + (c + d)) * scale;
                *score = if lane < seen { value } else { f32::NEG_INFINITY };
            }
            for (best, score) in largest.iter_mut().zip(scores.iter()) {
                *best = if *score > *best { *score } else { *best };
            }
        }
        let largest = largest.iter().fold(f32::NEG_INFINITY, |best, value| best.max(*value));
        let mut totals = [0f32; LANES];
        for scores in self.scores.iter_mut() {
            for (score, total) in scores.iter_mut().zip(&mut totals) {
                *score = exp(*score - largest);
                *total += *score;
            }
        }
        let total: f32 = totals.iter().sum();
        let mut sums = [0f32; HEAD];
        for (score, values) in self.scores.as_flattened().iter().zip(self.values).take(self.length) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += score * value;
            }
        }
        for (out, sum) in self.output.iter_mut().zip(sums) {
            *out = sum / total;
        }
    }
}
