//! Activations quantised to 8 bits in groups of rows, and the threads that share a matrix product.

use super::isa::{Isa, Plain};
use crate::error::InferenceError;
use pulp::Simd;

/// Output columns that one weight tile holds side by side.
pub(crate) const LANES: usize = 16;
/// Values that share one scale, as in GGML's Q4_1 and Q8_0.
pub(crate) const BLOCK: usize = 32;

/// One block of one row: 32 values as eight words of four signed bytes, value = byte × scale.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Quads {
    pub words: [i32; BLOCK / 4],
    pub scale: f32,
    /// scale × sum of the bytes, which the minimum of a Q4_1 block multiplies.
    pub sum: f32,
}

/// Rows `start .. start + count` of the input, blocks of the rows interleaved: `[block][row]`.
pub(crate) struct Group {
    pub start: usize,
    pub count: usize,
    pub first_block: usize,
}

/// A row-major `[rows][width]` input, quantised.
pub(crate) struct Activations {
    pub rows: usize,
    pub blocks: Vec<Quads>,
    pub groups: Vec<Group>,
}

impl Activations {
    /// An empty buffer, to be filled again and again.
    pub(crate) fn new() -> Self {
        Self { rows: 0, blocks: Vec::new(), groups: Vec::new() }
    }

    /// Quantises `input`, whose rows have `width` values (a multiple of 32).
    pub(crate) fn fill(&mut self, isa: Isa, input: &[f32], width: usize) {
        self.rows = input.len() / width.max(1);
        let per_row = width / BLOCK;
        self.blocks.clear();
        self.blocks.resize(self.rows * per_row, Quads::default());
        self.plan(per_row);
        isa.run(Quantise { input, width, blocks: &mut self.blocks, groups: &self.groups });
    }

    /// Splits the rows into groups of 8, 4, 2 and 1, which the kernels are compiled for.
    fn plan(&mut self, per_row: usize) {
        self.groups.clear();
        let mut start = 0;
        for count in [8, 4, 2, 1] {
            while self.rows - start >= count {
                self.groups.push(Group { start, count, first_block: start * per_row });
                start += count;
            }
        }
    }
}

struct Quantise<'a> {
    input: &'a [f32],
    width: usize,
    blocks: &'a mut [Quads],
    groups: &'a [Group],
}

impl Plain for Quantise<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, _simd: S) {
        let per_row = self.width / BLOCK;
        for group in self.groups {
            let rows = self.input.chunks_exact(self.width).skip(group.start).take(group.count);
            for (offset, row) in rows.enumerate() {
                let blocks = self.blocks.iter_mut().skip(group.first_block + offset).step_by(group.count);
                let (values, _) = row.as_chunks::<BLOCK>();
                for (values, block) in values.iter().zip(blocks.take(per_row)) {
                    quantise_block(values, block);
                }
            }
        }
    }
}

/// GGML's Q8_1 rounding: scale = largest magnitude / 127, nearest integer.
#[inline(always)]
fn quantise_block(values: &[f32; BLOCK], block: &mut Quads) {
    /// Adding and taking away 1.5 × 2²³ rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let mut lanes = [0f32; LANES];
    let (halves, _) = values.as_chunks::<LANES>();
    for half in halves {
        for (lane, value) in lanes.iter_mut().zip(half) {
            *lane = lane.max(value.abs());
        }
    }
    let largest = lanes.iter().fold(0f32, |best, lane| best.max(*lane));
    let scale = largest / 127.0;
    let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut bytes = [0i8; BLOCK];
    for (byte, value) in bytes.iter_mut().zip(values) {
        *byte = ((value * inverse + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32) as i8;
    }
    block.words = bytemuck::cast(bytes);
    block.scale = scale;
    block.sum = scale * bytes.iter().map(|byte| i32::from(*byte)).sum::<i32>() as f32;
}

/// The threads of one engine; one thread means the caller's own, with no pool at all.
pub(crate) struct Workers {
    pub isa: Isa,
    pub pool: Option<rayon::ThreadPool>,
}

impl Workers {
    /// `threads` threads; a single one is the caller's.
    pub(crate) fn start(threads: usize) -> Result<Self, InferenceError> {
        let pool = || {
            let names = |index| format!("weir-engine-{index}");
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(names).build()
        };
        let pool = (threads > 1).then(pool).transpose();
        let pool = pool.map_err(|error| InferenceError::Thread { reason: error.to_string() })?;
        Ok(Self { isa: Isa::detect(), pool })
    }

    /// Calls `work(tile index, output of that tile)` for each tile of `per_tile` values of `output`.
    pub(crate) fn each_tile<W>(&self, output: &mut [[f32; LANES]], per_tile: usize, work: W)
    where
        W: Fn(usize, &mut [[f32; LANES]]) + Sync + Send,
    {
        use rayon::prelude::*;
        match &self.pool {
            None => {
                for (tile, out) in output.chunks_exact_mut(per_tile).enumerate() {
                    work(tile, out);
                }
            }
            Some(pool) => {
                let shares = pool.current_num_threads() * 4;
                let smallest = (output.len() / per_tile.max(1)).div_ceil(shares).max(1);
                pool.install(|| {
                    output
                        .par_chunks_exact_mut(per_tile)
                        .with_min_len(smallest)
                        .enumerate()
                        .for_each(|(tile, out)| work(tile, out));
                });
            }
        }
    }
}

/// Copies `[tile][row][16]` to row-major `[row][tile × 16]`.
pub(crate) fn untile(tiles: &[[f32; LANES]], rows: usize, output: &mut Vec<f32>) {
    let count = tiles.len() / rows.max(1);
    output.clear();
    if rows == 1 {
        output.extend_from_slice(tiles.as_flattened());
        return;
    }
    output.resize(count * rows * LANES, 0.0);
    for (tile, block) in tiles.chunks_exact(rows.max(1)).enumerate() {
        for (row, values) in output.chunks_exact_mut(count * LANES).zip(block) {
            if let Some(place) = row.get_mut(tile * LANES..(tile + 1) * LANES) {
                place.copy_from_slice(values);
            }
        }
    }
}
