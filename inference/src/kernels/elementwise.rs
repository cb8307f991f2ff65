//! Norms, activations and rotary positions over rows of floats.

use super::isa::{Isa, Plain};

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

/// Softmax in place.
pub(crate) fn softmax(isa: Isa, values: &mut [f32]) {
    isa.run(Softmax { values });
}

/// Adds `other` to `values`.
pub(crate) fn add_assign(isa: Isa, values: &mut [f32], other: &[f32]) {
    isa.run(AddAssign { values, other });
}

/// Rotates neighbouring pairs of each head of `row` (GGUF's layout of rotary positions for llama).
pub(crate) fn rotate(isa: Isa, row: &mut [f32], angles: &[[f32; 2]]) {
    isa.run(Rotate { row, angles });
}

/// Layer norm of each row in place: (x − mean) / √(variance + ε) × weight + bias.
pub(crate) fn layer_norm(isa: Isa, (weight, bias): (&[f32], &[f32]), values: &mut [f32]) {
    isa.run(LayerNorm { weight, bias, values });
}

/// The exact GELU, x · Φ(x), in place.
pub(crate) fn gelu(isa: Isa, values: &mut [f32]) {
    isa.run(Gelu { values });
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

/// Lanes of a running sum: fixed, so that the compiler may keep them in one register.
const WIDE: usize = 16;

#[inline(always)]
fn sum_of(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; WIDE];
    let (chunks, rest) = values.as_chunks::<WIDE>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f(*value);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|value| f(*value)).sum::<f32>()
}

struct RmsNorm<'a> {
    weight: &'a [f32],
    epsilon: f32,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl Plain for RmsNorm<'_> {
    #[inline(always)]
    fn compute(self) {
        let width = self.weight.len();
        for (row, out) in self.input.chunks_exact(width).zip(self.output.chunks_exact_mut(width)) {
            let square = sum_of(row, |x| x * x) / width as f32;
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
    fn compute(self) {
        let rows = self.both.chunks_exact(self.width * 2);
        for (row, out) in rows.zip(self.output.chunks_exact_mut(self.width)) {
            let (gates, ups) = row.split_at(self.width);
            for ((out, gate), up) in out.iter_mut().zip(gates).zip(ups) {
                *out = gate / (1.0 + exp(-gate)) * up;
            }
        }
    }
}

struct Softmax<'a> {
    values: &'a mut [f32],
}

impl Plain for Softmax<'_> {
    #[inline(always)]
    fn compute(self) {
        let mut lanes = [f32::NEG_INFINITY; WIDE];
        let (chunks, rest) = self.values.as_chunks::<WIDE>();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane = if *value > *lane { *value } else { *lane };
            }
        }
        let largest = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |best, value| best.max(*value));
        for value in self.values.iter_mut() {
            *value = exp(*value - largest);
        }
        let factor = 1.0 / sum_of(self.values, |x| x);
        for value in self.values.iter_mut() {
            *value *= factor;
        }
    }
}

struct AddAssign<'a> {
    values: &'a mut [f32],
    other: &'a [f32],
}

impl Plain for AddAssign<'_> {
    #[inline(always)]
    fn compute(self) {
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
    fn compute(self) {
        for head in self.row.chunks_exact_mut(self.angles.len() * 2) {
            let (pairs, _) = head.as_chunks_mut::<2>();
            for ([a, b], [cos, sin]) in pairs.iter_mut().zip(self.angles) {
                (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
            }
        }
    }
}

struct LayerNorm<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    values: &'a mut [f32],
}

impl Plain for LayerNorm<'_> {
    #[inline(always)]
    fn compute(self) {
        const EPSILON: f32 = 1e-12;
        let width = self.weight.len();
        for row in self.values.chunks_exact_mut(width) {
            let mean = sum_of(row, |x| x) / width as f32;
            let variance = sum_of(row, |x| (x - mean) * (x - mean)) / width as f32;
            let factor = 1.0 / (variance + EPSILON).sqrt();
            for ((x, weight), bias) in row.iter_mut().zip(self.weight).zip(self.bias) {
                *x = (*x - mean) * factor * weight + bias;
            }
        }
    }
}

struct Gelu<'a> {
    values: &'a mut [f32],
}

impl Plain for Gelu<'_> {
    #[inline(always)]
    fn compute(self) {
        for x in self.values.iter_mut() {
            *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

/// The error function, absolute error below 2e-7 (Abramowitz and Stegun 7.1.26).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let poly =
        t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    (1.0 - poly * exp(-x * x)).copysign(x)
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

    #[test]
    fn error_function_is_close() {
        for (x, exact) in [(0.0, 0.0), (0.5, 0.520_499_9), (-1.0, -0.842_700_8), (3.0, 0.999_977_9)] {
            assert!((erf(x) - exact).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn softmax_sums_to_one() {
        for isa in Isa::available() {
            let mut values: Vec<f32> = (0..37).map(|i| i as f32 * 0.3 - 500.0).collect();
            softmax(isa, &mut values);
            assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
