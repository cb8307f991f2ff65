//! Norms, activations and rotary positions over rows of floats.

use super::isa::{Isa, Plain};
use pulp::Simd;

/// Root-mean-square norm of each row of `input`, times `weight` (Zhang and Sennrich 2019).
pub(crate) fn rms_norm(isa: Isa, (weight, epsilon): (&[f32], f32), input: &[f32], output: &mut Vec<f32>) {
    output.resize(input.len(), 0.0);
    isa.run(RmsNorm { weight, epsilon, input, output });
}

/// `gate ← gate × sigmoid(gate) × up`, where each row of `both` holds gate and up side by side.
pub(crate) fn silu_mul(isa: Isa, both: &[f32], width: usize, output: &mut Vec<f32>) {
    output.resize(both.len() / 2, 0.0);
    isa.run(SiluMul { both, width, output });
}

/// Adds `other` to `values`.
pub(crate) fn add_assign(isa: Isa, values: &mut [f32], other: &[f32]) {
    isa.run(AddAssign { values, other });
}

/// Rotates neighbouring pairs of each head of `row` (GGUF's layout of rotary positions for llama).
pub(crate) fn rotate(isa: Isa, row: &mut [f32], angles: &[[f32; 2]]) {
    isa.run(Rotate { row, angles });
}

/// eˣ within 2 units in the last place (range reduction and polynomial of Cephes' `expf`).
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let power = (shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32) << 23;
    f32::from_bits((p.to_bits() as i32).wrapping_add(power) as u32)
}

/// Σ x.
#[inline(always)]
fn sum<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut total = simd.splat_f32s(0.0);
    for vector in vectors {
        total = simd.add_f32s(total, *vector);
    }
    simd.reduce_sum_f32s(total) + rest.iter().sum::<f32>()
}

/// Σ x².
#[inline(always)]
fn sum_of_squares<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut total = simd.splat_f32s(0.0);
    for vector in vectors {
        total = simd.mul_add_e_f32s(*vector, *vector, total);
    }
    simd.reduce_sum_f32s(total) + rest.iter().map(|x| x * x).sum::<f32>()
}

/// The largest value.
#[inline(always)]
pub(super) fn largest<S: Simd>(simd: S, values: &[f32]) -> f32 {
    let (vectors, rest) = S::as_simd_f32s(values);
    let mut best = simd.splat_f32s(f32::NEG_INFINITY);
    for vector in vectors {
        best = simd.max_f32s(best, *vector);
    }
    rest.iter().fold(simd.reduce_max_f32s(best), |best, value| best.max(*value))
}

/// values ← e^(values − largest); returns their sum.
#[inline(always)]
pub(super) fn exp_all<S: Simd>(simd: S, values: &mut [f32]) -> f32 {
    let largest = largest(simd, values);
    for value in values.iter_mut() {
        *value = exp(*value - largest);
    }
    sum(simd, values)
}

struct RmsNorm<'a> {
    weight: &'a [f32],
    epsilon: f32,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Plain for RmsNorm<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, simd: S) {
        let width = self.weight.len();
        for (row, out) in self.input.chunks_exact(width).zip(self.output.chunks_exact_mut(width)) {
            let square = sum_of_squares(simd, row) / width as f32;
            let factor = 1.0 / (square + self.epsilon).sqrt();
            for ((out, x), weight) in out.iter_mut().zip(row).zip(self.weight) {
                *out = x * factor * weight;
            }
        }
    }
}

struct SiluMul<'a> {
    both: &'a [f32],
    width: usize,
    output: &'a mut [f32],
}

impl Plain for SiluMul<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, _simd: S) {
        let rows = self.both.chunks_exact(self.width * 2);
        for (row, out) in rows.zip(self.output.chunks_exact_mut(self.width)) {
            let (gates, ups) = row.split_at(self.width);
            for ((out, gate), up) in out.iter_mut().zip(gates).zip(ups) {
                *out = gate / (1.0 + exp(-gate)) * up;
            }
        }
    }
}

struct AddAssign<'a> {
    values: &'a mut [f32],
    other: &'a [f32],
}

impl Plain for AddAssign<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, _simd: S) {
        for (value, other) in self.values.iter_mut().zip(self.other) {
            *value += other;
        }
    }
}

struct Rotate<'a> {
    row: &'a mut [f32],
    angles: &'a [[f32; 2]],
}

impl Plain for Rotate<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, _simd: S) {
        for head in self.row.chunks_exact_mut(self.angles.len() * 2) {
            let (pairs, _) = head.as_chunks_mut::<2>();
            for ([a, b], [cos, sin]) in pairs.iter_mut().zip(self.angles) {
                (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_close() {
        for step in -8700..8800 {
            let x = step as f32 * 0.01;
            let exact = f64::from(x).exp();
            assert!(((f64::from(exp(x)) - exact) / exact).abs() < 1e-6, "{x}");
        }
    }
}
