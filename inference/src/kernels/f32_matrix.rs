//! Matrix product with 32-bit weights and a bias, for the embedding model.

use super::isa::{Isa, Plain};
use super::pack::{LANES, Workers, untile};
use pulp::Simd;

/// Rows of input that one pass over a weight column serves.
const ROWS: usize = 6;

/// `outputs × inputs` weights as `[output / 16][input][16]`, and one bias an output.
pub(crate) struct F32Matrix {
    pub inputs: usize,
    pub outputs: usize,
    weights: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
}

impl F32Matrix {
    /// Rearranges row-major `[outputs][inputs]` weights; `None` if the sizes don't fit.
    pub(crate) fn new(weights: &[f32], bias: &[f32]) -> Option<Self> {
        let (outputs, (bias, rest)) = (bias.len(), bias.as_chunks::<LANES>());
        let inputs = weights.len().checked_div(outputs)?;
        if !rest.is_empty() || weights.len() != inputs * outputs || inputs == 0 {
            return None;
        }
        let mut tiled = vec![[0f32; LANES]; outputs / LANES * inputs];
        for (row, values) in weights.chunks_exact(inputs).enumerate() {
            let column = tiled.iter_mut().skip(row / LANES * inputs).take(inputs);
            for (place, value) in column.zip(values) {
                *place.get_mut(row % LANES)? = *value;
            }
        }
        Some(Self { inputs, outputs, weights: tiled, bias: bias.to_vec() })
    }

    /// `output[row][n] = bias[n] + Σ input[row][k] × weight[n][k]`, `input` row-major.
    pub(crate) fn multiply(&self, workers: &Workers, input: &[f32], output: &mut Vec<f32>) {
        let rows = input.len() / self.inputs;
        let mut scratch = vec![[0f32; LANES]; self.outputs / LANES * rows];
        workers.each_tile(&mut scratch, rows.max(1), |index, output| {
            let weights = self.weights.chunks_exact(self.inputs).nth(index).unwrap_or_default();
            let bias = self.bias.get(index).copied().unwrap_or_default();
            multiply_tile(workers.isa, (weights, bias), input, output);
        });
        untile(&scratch, rows, output);
    }
}

fn multiply_tile(
    isa: Isa,
    (weights, bias): (&[[f32; LANES]], [f32; LANES]),
    input: &[f32],
    output: &mut [[f32; LANES]],
) {
    let width = weights.len().max(1);
    let mut groups = input.chunks_exact(width * ROWS);
    let mut outputs = output.chunks_exact_mut(ROWS);
    for (input, output) in groups.by_ref().zip(outputs.by_ref()) {
        isa.run(Tile::<ROWS> { weights, bias, input, output });
    }
    let rest = groups.remainder().chunks_exact(width);
    for (input, output) in rest.zip(outputs.into_remainder().chunks_exact_mut(1)) {
        isa.run(Tile::<1> { weights, bias, input, output });
    }
}

struct Tile<'a, const R: usize> {
    weights: &'a [[f32; LANES]],
    bias: [f32; LANES],
    input: &'a [f32],
    output: &'a mut [[f32; LANES]],
}

impl<const R: usize> Plain for Tile<'_, R> {
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        clippy::needless_range_loop,
        reason = "constant lengths; iterators here end up as calls in the inner loop"
    )]
    fn compute<S: Simd>(self, simd: S) {
        let width = self.weights.len();
        let parts = LANES / S::F32_LANES;
        let (weights, _) = S::as_simd_f32s(self.weights.as_flattened());
        let (bias, _) = S::as_simd_f32s(&self.bias);
        if self.input.len() < R * width || self.output.len() < R {
            return;
        }
        for part in 0..parts {
            let mut sums = [bias[part]; R];
            for (k, weights) in weights.chunks_exact(parts).enumerate() {
                for r in 0..R {
                    let value = simd.splat_f32s(self.input[r * width + k]);
                    sums[r] = simd.mul_add_e_f32s(value, weights[part], sums[r]);
                }
            }
            for r in 0..R {
                S::as_mut_simd_f32s(&mut self.output[r]).0[part] = sums[r];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_plain_sums() {
        let (inputs, outputs, rows) = (5, 32, 8);
        let weights: Vec<f32> = (0..inputs * outputs).map(|i| (i % 7) as f32 - 3.0).collect();
        let bias: Vec<f32> = (0..outputs).map(|i| i as f32).collect();
        let input: Vec<f32> = (0..inputs * rows).map(|i| (i % 11) as f32 * 0.5).collect();
        let matrix = F32Matrix::new(&weights, &bias).unwrap();
        for isa in Isa::available() {
            let mut output = Vec::new();
            matrix.multiply(&Workers { isa, pool: None }, &input, &mut output);
            for row in 0..rows {
                for n in 0..outputs {
                    let exact: f32 = bias[n]
                        + (0..inputs).map(|k| input[row * inputs + k] * weights[n * inputs + k]).sum::<f32>();
                    assert!((output[row * outputs + n] - exact).abs() < 1e-4);
                }
            }
        }
    }
}
