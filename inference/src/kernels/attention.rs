//! Attention of one query row over one sequence's cache.

use super::elementwise::exp_all;
use super::isa::{Isa, Plain};
use super::pack::LANES;
use pulp::Simd;

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
    fn compute<S: Simd>(self, simd: S) {
        let scale = 1.0 / (HEAD as f32).sqrt();
        for (keys, scores) in self.keys.chunks_exact(HEAD).zip(self.scores.iter_mut()) {
            dot_tile(simd, (keys.as_flattened(), self.query, scale), scores);
        }
        let scores = self.scores.as_flattened_mut();
        let (scores, unseen) = scores.split_at_mut(self.length.min(scores.len()));
        unseen.fill(0.0);
        let factor = 1.0 / exp_all(simd, scores);
        let (outputs, _) = S::as_mut_simd_f32s(self.output);
        for (pass, outputs) in outputs.as_chunks_mut::<PASS>().0.iter_mut().enumerate() {
            let sums = weigh(simd, (scores, self.values.as_flattened()), pass);
            for (output, sum) in outputs.iter_mut().zip(&sums) {
                *output = simd.mul_f32s(*sum, simd.splat_f32s(factor));
            }
        }
    }
}

/// Vectors that are summed side by side, so that one addition need not wait for the last.
const PASS: usize = 4;

/// Scores of the 16 positions of a tile.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "constant lengths; iterators here end up as calls in the inner loop"
)]
fn dot_tile<S: Simd>(simd: S, (keys, query, scale): (&[f32], &[f32; HEAD], f32), scores: &mut [f32; LANES]) {
    let (scores, _) = S::as_mut_simd_f32s(scores);
    let parts = LANES / S::F32_LANES;
    let (keys, _) = S::as_simd_f32s(keys);
    if keys.len() < HEAD * parts || scores.len() < parts {
        return;
    }
    for part in 0..parts {
        let mut sums = [simd.splat_f32s(0.0); PASS];
        for first in (0..HEAD).step_by(PASS) {
            for next in 0..PASS {
                let key = keys[(first + next) * parts + part];
                let value = simd.splat_f32s(query[first + next]);
                sums[next] = simd.mul_add_e_f32s(key, value, sums[next]);
            }
        }
        let sum = simd.add_f32s(simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
        scores[part] = simd.mul_f32s(sum, simd.splat_f32s(scale));
    }
}

/// Σ score × value over the positions, for the `pass`-th four vectors of the head.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "constant lengths; iterators here end up as calls in the inner loop"
)]
fn weigh<S: Simd>(simd: S, (scores, values): (&[f32], &[f32]), pass: usize) -> [S::f32s; PASS] {
    let (values, _) = S::as_simd_f32s(values);
    let mut sums = [simd.splat_f32s(0.0); PASS];
    let passes = HEAD / S::F32_LANES / PASS;
    let (values, _) = values.as_chunks::<PASS>();
    let mut place = pass;
    for score in scores {
        let Some(vectors) = values.get(place) else { break };
        let score = simd.splat_f32s(*score);
        for next in 0..PASS {
            sums[next] = simd.mul_add_e_f32s(vectors[next], score, sums[next]);
        }
        place += passes;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        let length = 37;
        let key = |t: usize, d: usize| ((t * 31 + d * 7) % 13) as f32 * 0.1 - 0.6;
        let value = |t: usize, d: usize| ((t * 5 + d * 3) % 17) as f32 - 8.0;
        let query: Vec<f32> = (0..2 * HEAD).map(|d| ((d * 11) % 9) as f32 * 0.3 - 1.2).collect();
        let mut keys = vec![[0f32; LANES]; 48 / LANES * HEAD];
        let mut values = vec![[0f32; HEAD]; 48];
        for t in 0..48 {
            for d in 0..HEAD {
                keys[t / LANES * HEAD + d][t % LANES] = key(t, d);
                values[t][d] = value(t, d);
            }
        }
        for isa in Isa::available() {
            let mut output = vec![0f32; 2 * HEAD];
            attend(isa, (&keys, &values, length), &query, (&mut output, &mut Vec::new()));
            for head in 0..2 {
                let dot = |t: usize| (0..HEAD).map(|d| query[head * HEAD + d] * key(t, d)).sum::<f32>() / 8.0;
                let weights: Vec<f32> = (0..length).map(|t| dot(t).exp()).collect();
                let total: f32 = weights.iter().sum();
                for d in 0..HEAD {
                    let exact = (0..length).map(|t| weights[t] * value(t, d)).sum::<f32>() / total;
                    let got = output[head * HEAD + d];
                    assert!((exact - got).abs() < 1e-4, "{} {exact} {got}", isa.name());
                }
            }
        }
    }
}
