//! Matrix product with Q4_1 weights, kept at four bits without loss and laid out for vector registers.

use super::isa::{Isa, Kernel};
use super::pack::{Activations, BLOCK, LANES, Quads, Workers, untile};
#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};

/// Bytes of one Q4_1 block in a GGUF file: scale and minimum as f16, then 32 nibbles.
const FILE_BLOCK: usize = 20;

/// 32 inputs × 16 outputs: weight = nibble × scale + minimum.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Tile {
    scale: [f32; LANES],
    minimum: [f32; LANES],
    /// `[pair of quads][output][4 inputs]`; low nibbles are inputs 8j..8j+4, high ones 8j+4..8j+8.
    nibbles: [[u8; 64]; 4],
}

/// `outputs × inputs` weights.
pub(crate) struct Q4Matrix {
    pub inputs: usize,
    pub outputs: usize,
    tiles: Vec<Tile>,
}

impl Q4Matrix {
    /// Rearranges matrices of equal input width, one below the other, from GGUF's Q4_1 bytes.
    /// `None` if a size is not a multiple of the block.
    pub(crate) fn stack(parts: &[&[u8]], inputs: usize) -> Option<Self> {
        let per_row = inputs / BLOCK;
        let row_bytes = per_row * FILE_BLOCK;
        let rows: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks_exact(row_bytes.max(1))).collect();
        let whole = parts.iter().all(|part| part.len().is_multiple_of(row_bytes.max(1)));
        if !whole || !inputs.is_multiple_of(BLOCK) || !rows.len().is_multiple_of(LANES) {
            return None;
        }
        let mut tiles = Vec::with_capacity(rows.len() / LANES * per_row);
        for columns in rows.chunks_exact(LANES) {
            for block in 0..per_row {
                let mut tile = Tile::ZERO;
                for (lane, row) in columns.iter().enumerate() {
                    let (blocks, _) = row.as_chunks::<FILE_BLOCK>();
                    tile.set(lane, blocks.get(block)?)?;
                }
                tiles.push(tile);
            }
        }
        Some(Self { inputs, outputs: rows.len(), tiles })
    }

    /// `output[row][n] = Σ input[row][k] × weight[n][k]`; `scratch` is only there to be reused.
    pub(crate) fn multiply(
        &self,
        workers: &Workers,
        input: &Activations,
        (output, scratch): (&mut Vec<f32>, &mut Vec<[f32; LANES]>),
    ) {
        let per_row = self.inputs / BLOCK;
        scratch.clear();
        scratch.resize(self.outputs / LANES * input.rows, [0.0; LANES]);
        workers.each_tile(scratch, input.rows.max(1), |index, out| {
            let tiles = self.tiles.chunks_exact(per_row).nth(index).unwrap_or_default();
            multiply_tile(workers.isa, tiles, input, out);
        });
        untile(scratch, input.rows, output);
    }
}

impl Tile {
    const ZERO: Self = Self { scale: [0.0; LANES], minimum: [0.0; LANES], nibbles: [[0; 64]; 4] };

    fn set(&mut self, lane: usize, block: &[u8; FILE_BLOCK]) -> Option<()> {
        let [s0, s1, m0, m1, quants @ ..] = block;
        *self.scale.get_mut(lane)? = half::f16::from_le_bytes([*s0, *s1]).to_f32();
        *self.minimum.get_mut(lane)? = half::f16::from_le_bytes([*m0, *m1]).to_f32();
        for input in 0..BLOCK {
            let byte = *quants.get(input % 16)?;
            let value = if input < 16 { byte & 15 } else { byte >> 4 };
            let place = self.nibbles.get_mut(input / 8)?.get_mut(lane * 4 + input % 4)?;
            *place |= if input % 8 < 4 { value } else { value << 4 };
        }
        Some(())
    }
}

fn multiply_tile(isa: Isa, tiles: &[Tile], input: &Activations, output: &mut [[f32; LANES]]) {
    for group in &input.groups {
        let count = group.count * tiles.len();
        let Some(blocks) = input.blocks.get(group.first_block..group.first_block + count) else { continue };
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
    blocks: &'a [Quads],
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
        let low = f._mm512_set1_epi8(15);
        let ones = f._mm512_set1_epi16(1);
        let mut sums = [f._mm512_setzero_ps(); R];
        let (blocks, _) = self.blocks.as_chunks::<R>();
        for (tile, rows) in self.tiles.iter().zip(blocks) {
            let scale = bytemuck::cast(tile.scale);
            let minimum = bytemuck::cast(tile.minimum);
            let mut weights = [f._mm512_setzero_si512(); 8];
            for pair in 0..4 {
                let bytes = bytemuck::cast(tile.nibbles[pair]);
                weights[2 * pair] = f._mm512_and_si512(bytes, low);
                weights[2 * pair + 1] = f._mm512_and_si512(bw._mm512_srli_epi16::<4>(bytes), low);
            }
            for r in 0..R {
                let row = &rows[r];
                let mut total = f._mm512_setzero_si512();
                for quad in 0..8 {
                    let input = f._mm512_set1_epi32(row.words[quad]);
                    total = bw._mm512_add_epi16(total, bw._mm512_maddubs_epi16(weights[quad], input));
                }
                let whole = f._mm512_cvtepi32_ps(bw._mm512_madd_epi16(total, ones));
                let step = f._mm512_mul_ps(scale, f._mm512_set1_ps(row.scale));
                sums[r] = f._mm512_fmadd_ps(minimum, f._mm512_set1_ps(row.sum), sums[r]);
                sums[r] = f._mm512_fmadd_ps(whole, step, sums[r]);
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
        let low = avx._mm256_set1_epi8(15);
        let ones = avx._mm256_set1_epi16(1);
        let (blocks, _) = self.blocks.as_chunks::<R>();
        for side in 0..2 {
            let mut sums = [avx._mm256_setzero_ps(); R];
            for (tile, rows) in self.tiles.iter().zip(blocks) {
                let scale = bytemuck::cast(tile.scale.as_chunks::<8>().0[side]);
                let minimum = bytemuck::cast(tile.minimum.as_chunks::<8>().0[side]);
                let mut weights = [avx._mm256_setzero_si256(); 8];
                for pair in 0..4 {
                    let bytes = bytemuck::cast(tile.nibbles[pair].as_chunks::<32>().0[side]);
                    weights[2 * pair] = avx2._mm256_and_si256(bytes, low);
                    weights[2 * pair + 1] = avx2._mm256_and_si256(avx2._mm256_srli_epi16::<4>(bytes), low);
                }
                for r in 0..R {
                    let row = &rows[r];
                    let mut total = avx._mm256_setzero_si256();
                    for quad in 0..8 {
                        let input = avx._mm256_set1_epi32(row.words[quad]);
                        total = avx2._mm256_add_epi16(total, avx2._mm256_maddubs_epi16(weights[quad], input));
                    }
                    let whole = avx._mm256_cvtepi32_ps(avx2._mm256_madd_epi16(total, ones));
                    let step = avx._mm256_mul_ps(scale, avx._mm256_set1_ps(row.scale));
                    sums[r] = fma._mm256_fmadd_ps(minimum, avx._mm256_set1_ps(row.sum), sums[r]);
                    sums[r] = fma._mm256_fmadd_ps(whole, step, sums[r]);
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
                let mut total = [0i32; LANES];
                let (words, _) = row.words.as_chunks::<2>();
                for (bytes, [first, second]) in tile.nibbles.iter().zip(words) {
                    let first: [i8; 4] = bytemuck::cast(*first);
                    let second: [i8; 4] = bytemuck::cast(*second);
                    for (total, four) in total.iter_mut().zip(bytes.as_chunks::<4>().0) {
                        for ((byte, a), b) in four.iter().zip(first).zip(second) {
                            *total += i32::from(byte & 15) * i32::from(a);
                            *total += i32::from(byte >> 4) * i32::from(b);
                        }
                    }
                }
                let lanes = total.iter().zip(tile.scale).zip(tile.minimum);
                for (sum, ((total, scale), minimum)) in sum.iter_mut().zip(lanes) {
                    *sum += minimum * row.sum + *total as f32 * (scale * row.scale);
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

    fn dequantise(bytes: &[u8]) -> Vec<f32> {
        let mut out = Vec::new();
        for block in bytes.chunks_exact(FILE_BLOCK) {
            let d = half::f16::from_le_bytes([block[0], block[1]]).to_f32();
            let m = half::f16::from_le_bytes([block[2], block[3]]).to_f32();
            out.extend(block[4..].iter().map(|byte| f32::from(byte & 15) * d + m));
            out.extend(block[4..].iter().map(|byte| f32::from(byte >> 4) * d + m));
        }
        out
    }

    #[test]
    fn every_instruction_set_agrees_with_plain_sums() {
        let mut rng = StdRng::seed_from_u64(7);
        let (inputs, outputs, rows) = (96, 48, 15);
        let mut bytes = Vec::new();
        for _ in 0..inputs / BLOCK * outputs {
            bytes.extend(half::f16::from_f32(rng.random_range(0.001..0.1)).to_le_bytes());
            bytes.extend(half::f16::from_f32(rng.random_range(-0.5..0.1)).to_le_bytes());
            bytes.extend((0..16).map(|_| rng.random::<u8>()));
        }
        let weights = dequantise(&bytes);
        // Whole numbers with 127 in each block are quantised without loss.
        let mut input: Vec<f32> =
            (0..rows * inputs).map(|_| f32::from(rng.random_range(-127i8..=127))).collect();
        input.iter_mut().step_by(BLOCK).for_each(|x| *x = 127.0);
        let (one, two) = bytes.split_at(inputs / BLOCK * FILE_BLOCK * 16);
        let matrix = Q4Matrix::stack(&[one, two], inputs).unwrap();
        for isa in Isa::available() {
            let workers = Workers { isa, pool: None };
            let mut packed = Activations::new();
            packed.fill(isa, &input, inputs);
            let mut output = Vec::new();
            matrix.multiply(&workers, &packed, (&mut output, &mut Vec::new()));
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

    #[test]
    fn sizes_that_do_not_fill_tiles_are_refused() {
        assert!(Q4Matrix::stack(&[&[0; FILE_BLOCK * 15]], BLOCK).is_none());
        assert!(Q4Matrix::stack(&[&[0; FILE_BLOCK * 16 + 1]], BLOCK).is_none());
    }
}
