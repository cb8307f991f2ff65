//! Matrix product with Q8_0 weights (the token embedding, which is also the output layer).

use super::isa::{Isa, Kernel};
use super::pack::{Activations, BLOCK, LANES, Quads, Workers, untile};
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// Bytes of one Q8_0 block in a GGUF file: scale as f16, then 32 signed bytes.
const FILE_BLOCK: usize = 34;

/// 32 inputs × 16 outputs: weight = byte × scale.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Tile {
    scale: [f32; LANES],
    /// `[pair of inputs][output][2 inputs]`
    bytes: [[i8; 32]; 16],
}

/// `outputs × inputs` weights.
pub(crate) struct Q8Matrix {
    pub inputs: usize,
    pub outputs: usize,
    tiles: Vec<Tile>,
}

impl Q8Matrix {
    /// Rearranges GGUF's Q8_0 bytes; `None` if a size is not a multiple of the block.
    pub(crate) fn from_bytes(bytes: &[u8], inputs: usize) -> Option<Self> {
        let per_row = inputs / BLOCK;
        let row_bytes = per_row * FILE_BLOCK;
        if !inputs.is_multiple_of(BLOCK) || !bytes.len().is_multiple_of(row_bytes.max(1) * LANES) {
            return None;
        }
        let mut tiles = Vec::with_capacity(bytes.len() / FILE_BLOCK / LANES);
        for columns in bytes.chunks_exact(row_bytes.max(1) * LANES) {
            for block in 0..per_row {
                let mut tile = Tile::ZERO;
                for (lane, row) in columns.chunks_exact(row_bytes).enumerate() {
                    let (blocks, _) = row.as_chunks::<FILE_BLOCK>();
                    tile.set(lane, blocks.get(block)?)?;
                }
                tiles.push(tile);
            }
        }
        Some(Self { inputs, outputs: bytes.len() / row_bytes.max(1), tiles })
    }

    /// Appends the weights of one output, as floats: the embedding of a token. False if there is none.
    pub(crate) fn append_row(&self, row: usize, into: &mut Vec<f32>) -> bool {
        let per_row = self.inputs / BLOCK;
        let Some(tiles) = self.tiles.chunks_exact(per_row).nth(row / LANES) else { return false };
        let lane = row % LANES;
        for tile in tiles {
            let scale = tile.scale.get(lane).copied().unwrap_or_default();
            let pairs = tile.bytes.iter().filter_map(|pair| pair.as_chunks::<2>().0.get(lane));
            into.extend(pairs.flatten().map(|byte| f32::from(*byte) * scale));
        }
        true
    }

    /// `output[row][n] = Σ input[row][k] × weight[n][k]`; `scratch` is only there to be reused.
    pub(crate) fn multiply(
        &self,
        workers: &Workers,
        input: &Activations,
        (output, scratch): (&mut Vec<f32>, &mut Vec<[f32; LANES]>),
    ) {
        let per_row = self.inputs / BLOCK;
        let wide: Vec<Pairs> = input.blocks.iter().map(Pairs::widen).collect();
        scratch.clear();
        scratch.resize(self.outputs / LANES * input.rows, [0.0; LANES]);
        workers.each_tile(scratch, input.rows.max(1), |index, out| {
            let tiles = self.tiles.chunks_exact(per_row).nth(index).unwrap_or_default();
            multiply_tile(workers.isa, tiles, (input, &wide), out);
        });
        untile(scratch, input.rows, output);
    }
}

impl Tile {
    const ZERO: Self = Self { scale: [0.0; LANES], bytes: [[0; 32]; 16] };

    fn set(&mut self, lane: usize, block: &[u8; FILE_BLOCK]) -> Option<()> {
        let [s0, s1, quants @ ..] = block;
        *self.scale.get_mut(lane)? = half::f16::from_le_bytes([*s0, *s1]).to_f32();
        for (input, byte) in quants.iter().enumerate() {
            *self.bytes.get_mut(input / 2)?.get_mut(lane * 2 + input % 2)? = byte.cast_signed();
        }
        Some(())
    }
}

/// A block of activations as sixteen words of two 16-bit values.
struct Pairs {
    words: [i32; BLOCK / 2],
    scale: f32,
}

impl Pairs {
    fn widen(block: &Quads) -> Self {
        let bytes: [i8; BLOCK] = bytemuck::cast(block.words);
        Self { words: bytemuck::cast(bytes.map(i16::from)), scale: block.scale }
    }
}

fn multiply_tile(
    isa: Isa,
    tiles: &[Tile],
    (input, wide): (&Activations, &[Pairs]),
    output: &mut [[f32; LANES]],
) {
    for group in &input.groups {
        let count = group.count * tiles.len();
        let Some(blocks) = wide.get(group.first_block..group.first_block + count) else { continue };
        let Some(output) = output.get_mut(group.start..group.start + group.count) else { continue };
        match group.count {
            8 => isa.run(Rows::<8> { tiles, blocks, output }),
            4 => isa.run(Rows::<4> { tiles, blocks, output }),
            2 => isa.run(Rows::<2> { tiles, blocks, output }),
            _ => isa.run(Rows::<1> { tiles, blocks, output }),
        }
    }
}

/// `R` rows of input against one column of tiles.
struct Rows<'a, const R: usize> {
    tiles: &'a [Tile],
    blocks: &'a [Pairs],
    output: &'a mut [[f32; LANES]],
}

impl<const R: usize> Kernel for Rows<'_, R> {
    type Output = ();

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        clippy::needless_range_loop,
        reason = "constant lengths; iterators here end up as calls in the inner loop"
    )]
    fn v4(self, simd: V4) {
        let (f, bw) = (simd.avx512f, simd.avx512bw);
        let mut sums = [f._mm512_setzero_ps(); R];
        let (blocks, _) = self.blocks.as_chunks::<R>();
        for (tile, rows) in self.tiles.iter().zip(blocks) {
            let scale = bytemuck::cast(tile.scale);
            let mut totals = [f._mm512_setzero_si512(); R];
            for pair in 0..BLOCK / 2 {
                let weights = bw._mm512_cvtepi8_epi16(bytemuck::cast(tile.bytes[pair]));
                for r in 0..R {
                    let product = bw._mm512_madd_epi16(weights, f._mm512_set1_epi32(rows[r].words[pair]));
                    totals[r] = f._mm512_add_epi32(totals[r], product);
                }
            }
            for r in 0..R {
                let step = f._mm512_mul_ps(scale, f._mm512_set1_ps(rows[r].scale));
                sums[r] = f._mm512_fmadd_ps(f._mm512_cvtepi32_ps(totals[r]), step, sums[r]);
            }
        }
        for r in 0..R.min(self.output.len()) {
            self.output[r] = bytemuck::cast(sums[r]);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        clippy::needless_range_loop,
        reason = "constant lengths; iterators here end up as calls in the inner loop"
    )]
    fn v3(self, simd: V3) {
        let (avx, avx2, fma) = (simd.avx, simd.avx2, simd.fma);
        let (blocks, _) = self.blocks.as_chunks::<R>();
        for side in 0..2 {
            let mut sums = [avx._mm256_setzero_ps(); R];
            for (tile, rows) in self.tiles.iter().zip(blocks) {
                let scale = bytemuck::cast(tile.scale.as_chunks::<8>().0[side]);
                let mut totals = [avx._mm256_setzero_si256(); R];
                for pair in 0..BLOCK / 2 {
                    let bytes = bytemuck::cast(tile.bytes[pair].as_chunks::<16>().0[side]);
                    let weights = avx2._mm256_cvtepi8_epi16(bytes);
                    for r in 0..R {
                        let input = avx._mm256_set1_epi32(rows[r].words[pair]);
                        let product = avx2._mm256_madd_epi16(weights, input);
                        totals[r] = avx2._mm256_add_epi32(totals[r], product);
                    }
                }
                for r in 0..R {
                    let step = avx._mm256_mul_ps(scale, avx._mm256_set1_ps(rows[r].scale));
                    sums[r] = fma._mm256_fmadd_ps(avx._mm256_cvtepi32_ps(totals[r]), step, sums[r]);
                }
            }
            for r in 0..R.min(self.output.len()) {
                self.output[r].as_chunks_mut::<8>().0[side] = bytemuck::cast(sums[r]);
            }
        }
    }

    fn portable(self) {
        let mut sums = [[0f32; LANES]; R];
        let (blocks, _) = self.blocks.as_chunks::<R>();
        for (tile, rows) in self.tiles.iter().zip(blocks) {
            for (sum, row) in sums.iter_mut().zip(rows) {
                let mut totals = [0i32; LANES];
                for (bytes, word) in tile.bytes.iter().zip(row.words) {
                    let [a, b]: [i16; 2] = bytemuck::cast(word);
                    for (total, [first, second]) in totals.iter_mut().zip(bytes.as_chunks::<2>().0) {
                        *total += i32::from(*first) * i32::from(a) + i32::from(*second) * i32::from(b);
                    }
                }
                for ((sum, total), scale) in sum.iter_mut().zip(totals).zip(tile.scale) {
                    *sum += total as f32 * (scale * row.scale);
                }
            }
        }
        for (place, sum) in self.output.iter_mut().zip(sums) {
            *place = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::StdRng};

    #[test]
    fn every_instruction_set_agrees_with_plain_sums() {
        let mut rng = StdRng::seed_from_u64(8);
        let (inputs, outputs, rows) = (64, 32, 11);
        let mut bytes = Vec::new();
        for _ in 0..inputs / BLOCK * outputs {
            bytes.extend(half::f16::from_f32(rng.random_range(0.001..0.02)).to_le_bytes());
            bytes.extend((0..BLOCK).map(|_| rng.random_range(-127i8..=127).cast_unsigned()));
        }
        let matrix = Q8Matrix::from_bytes(&bytes, inputs).unwrap();
        let mut weights = Vec::new();
        for row in 0..outputs {
            assert!(matrix.append_row(row, &mut weights));
        }
        assert!(!matrix.append_row(outputs, &mut weights));
        let first =
            f32::from(bytes[2].cast_signed()) * half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32();
        assert_eq!(weights[0], first);
        // Whole numbers with 127 in each block are quantised without loss.
        let mut input: Vec<f32> =
            (0..rows * inputs).map(|_| f32::from(rng.random_range(-127i8..=127))).collect();
        input.iter_mut().step_by(BLOCK).for_each(|x| *x = 127.0);
        for isa in Isa::available() {
            let mut packed = Activations::new();
            packed.fill(isa, &input, inputs);
            let mut output = Vec::new();
            matrix.multiply(&Workers { isa, pool: None }, &packed, (&mut output, &mut Vec::new()));
            for row in 0..rows {
                for n in 0..outputs {
                    let exact: f32 =
                        (0..inputs).map(|k| input[row * inputs + k] * weights[n * inputs + k]).sum();
                    let got = output[row * outputs + n];
                    assert!((exact - got).abs() < 0.02, "{}: {exact} {got}", isa.name());
                }
            }
        }
    }
}
