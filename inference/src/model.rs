//! The forward pass: rows of many sequences packed into one batch, no padding.

use crate::cache::KvCache;
use crate::kernels::{Activations, HEAD, LANES, Workers, add_assign, attend, rms_norm, rotate, silu_mul};
use crate::tokenizer::Token;
use crate::weights::{Layer, Shape, Weights};

/// One token to run, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Which of the caches.
    pub sequence: usize,
    /// Its place in that sequence; the places before it are in the cache or in rows before this one.
    pub position: usize,
    pub token: Token,
    /// Whether the scores of the next token are wanted.
    pub wants_scores: bool,
}

/// Rows to run together, and the caches of their sequences.
pub(crate) struct Batch<'a, 'c> {
    pub rows: &'a [Row],
    pub caches: &'a mut [&'c mut KvCache],
}

/// Llama with SmolLM2's weights.
pub(crate) struct Model {
    weights: Weights,
    /// Cosine and sine by position and pair.
    angles: Vec<[[f32; 2]; HEAD / 2]>,
    workers: Workers,
}

/// Buffers of the forward pass, kept from step to step.
#[derive(Default)]
pub(crate) struct Buffers {
    stream: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    mixed: Vec<f32>,
    both: Vec<f32>,
    added: Vec<f32>,
    scores: Vec<f32>,
    packed: Option<Activations>,
    tiles: Vec<[f32; LANES]>,
    weighting: Vec<[f32; LANES]>,
}

impl Model {
    /// Prepares the rotary angles (Su et al. 2021).
    pub(crate) fn new(weights: Weights, workers: Workers) -> Self {
        let base = f64::from(weights.shape.rope_base);
        let angles = (0..weights.shape.context)
            .map(|position| {
                std::array::from_fn(|pair| {
                    let angle = position as f64 * base.powf(-2.0 * pair as f64 / HEAD as f64);
                    [angle.cos() as f32, angle.sin() as f32]
                })
            })
            .collect();
        Self { weights, angles, workers }
    }

    /// The model's sizes.
    pub(crate) fn shape(&self) -> &Shape {
        &self.weights.shape
    }

    /// The threads it runs on.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Runs a batch and returns the scores (logits) of those that want them, in their order,
    /// one after another, each as long as the vocabulary.
    pub(crate) fn step<'b>(&self, mut batch: Batch<'_, '_>, buffers: &'b mut Buffers) -> &'b [f32] {
        let width = self.shape().width;
        buffers.stream.clear();
        for row in batch.rows {
            self.weights.embedding.append_row(row.token as usize, &mut buffers.stream);
        }
        for (number, layer) in self.weights.layers.iter().enumerate() {
            self.attention((number, layer), &mut batch, buffers);
            self.feed_forward(layer, buffers);
        }
        let stream = std::mem::take(&mut buffers.stream);
        let wanted: Vec<f32> = batch
            .rows
            .iter()
            .zip(stream.chunks_exact(width))
            .filter(|(row, _)| row.wants_scores)
            .flat_map(|(_, values)| values.iter().copied())
            .collect();
        buffers.stream = stream;
        buffers.scores.clear();
        if !wanted.is_empty() {
            let norm = (self.weights.output_norm.as_slice(), self.shape().norm_epsilon);
            rms_norm(self.workers.isa, norm, &wanted, &mut buffers.normed);
            let packed = pack(&self.workers, &mut buffers.packed, &buffers.normed, width);
            let out = (&mut buffers.scores, &mut buffers.tiles);
            self.weights.embedding.multiply(&self.workers, packed, out);
        }
        &buffers.scores
    }

    fn attention(&self, (number, layer): (usize, &Layer), batch: &mut Batch<'_, '_>, buffers: &mut Buffers) {
        let (isa, shape) = (self.workers.isa, self.shape());
        let (width, kv_width) = (shape.width, shape.kv_heads * HEAD);
        rms_norm(isa, (&layer.attention_norm, shape.norm_epsilon), &buffers.stream, &mut buffers.normed);
        let packed = pack(&self.workers, &mut buffers.packed, &buffers.normed, width);
        layer.qkv.multiply(&self.workers, packed, (&mut buffers.qkv, &mut buffers.tiles));
        for (row, values) in batch.rows.iter().zip(buffers.qkv.chunks_exact_mut(width + 2 * kv_width)) {
            let (query_key, value) = values.split_at_mut(width + kv_width);
            if let Some(angles) = self.angles.get(row.position) {
                rotate(isa, query_key, angles);
            }
            if let Some(cache) = batch.caches.get_mut(row.sequence) {
                let (_, key) = query_key.split_at(width);
                cache.write(number, row.position, (key, value));
            }
        }
        buffers.mixed.resize(batch.rows.len() * width, 0.0);
        let queries = buffers.qkv.chunks_exact(width + 2 * kv_width);
        let shared = shape.heads / shape.kv_heads * HEAD;
        for ((row, values), mixed) in
            batch.rows.iter().zip(queries).zip(buffers.mixed.chunks_exact_mut(width))
        {
            let Some(cache) = batch.caches.get(row.sequence) else { continue };
            let heads = values.chunks_exact(shared).zip(mixed.chunks_exact_mut(shared));
            for (head, (query, mixed)) in heads.enumerate().take(shape.kv_heads) {
                let (keys, values) = cache.head(number, head);
                attend(isa, (keys, values, row.position + 1), query, (mixed, &mut buffers.weighting));
            }
        }
        let packed = pack(&self.workers, &mut buffers.packed, &buffers.mixed, width);
        layer.attention_out.multiply(&self.workers, packed, (&mut buffers.added, &mut buffers.tiles));
        add_assign(isa, &mut buffers.stream, &buffers.added);
    }

    fn feed_forward(&self, layer: &Layer, buffers: &mut Buffers) {
        let (isa, shape) = (self.workers.isa, self.shape());
        rms_norm(isa, (&layer.feed_norm, shape.norm_epsilon), &buffers.stream, &mut buffers.normed);
        let packed = pack(&self.workers, &mut buffers.packed, &buffers.normed, shape.width);
        layer.gate_up.multiply(&self.workers, packed, (&mut buffers.both, &mut buffers.tiles));
        silu_mul(isa, &buffers.both, shape.inner, &mut buffers.mixed);
        let packed = pack(&self.workers, &mut buffers.packed, &buffers.mixed, shape.inner);
        layer.down.multiply(&self.workers, packed, (&mut buffers.added, &mut buffers.tiles));
        add_assign(isa, &mut buffers.stream, &buffers.added);
    }
}

fn pack<'p>(
    workers: &Workers,
    packed: &'p mut Option<Activations>,
    input: &[f32],
    width: usize,
) -> &'p Activations {
    let packed = packed.get_or_insert_with(Activations::new);
    packed.fill(workers.isa, input, width);
    packed
}
