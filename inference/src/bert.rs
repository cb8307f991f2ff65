//! The sentence encoder: BERT (Devlin et al. 2018), mean of the last layer, length 1.

use crate::kernels::{F32Matrix, Isa, Plain, Workers, add_assign, gelu, layer_norm, softmax};
use crate::safetensors::Safetensors;
use pulp::Simd;

/// Values in a vector.
pub(crate) const WIDTH: usize = 384;
/// Tokens that one text may have, the two marks at its ends included.
pub(crate) const POSITIONS: usize = 512;
const LAYERS: usize = 6;
const HEADS: usize = 12;
const HEAD: usize = WIDTH / HEADS;

/// All-MiniLM-L6-v2.
pub(crate) struct Bert {
    words: Vec<f32>,
    positions: Vec<f32>,
    /// Of the one segment that sentences here have.
    segment: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    workers: Workers,
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    query: F32Matrix,
    key: F32Matrix,
    value: F32Matrix,
    mixed: F32Matrix,
    mixed_norm: Norm,
    up: F32Matrix,
    down: F32Matrix,
    down_norm: Norm,
}

impl Bert {
    /// Reads the weights.
    ///
    /// # Errors
    /// What is missing or of another size, in words.
    pub(crate) fn read(file: &[u8], workers: Workers) -> Result<Self, String> {
        let source = Safetensors::parse(file).ok_or("it has no safetensors header")?;
        let layers = (0..LAYERS).map(|layer| Layer::read(&source, layer)).collect::<Result<_, _>>()?;
        let mut segment = source.floats("embeddings.token_type_embeddings.weight")?;
        segment.truncate(WIDTH);
        let positions = source.floats("embeddings.position_embeddings.weight")?;
        if segment.len() != WIDTH || positions.len() != WIDTH * POSITIONS {
            return Err("embeddings have another size".into());
        }
        let words = source.floats("embeddings.word_embeddings.weight")?;
        let norm = Norm::read(&source, "embeddings.LayerNorm")?;
        Ok(Self { words, positions, segment, norm, layers, workers })
    }

    /// The vector of one text, given its tokens.
    pub(crate) fn embed(&self, tokens: &[u32]) -> Vec<f32> {
        let isa = self.workers.isa;
        let mut stream = Vec::with_capacity(tokens.len() * WIDTH);
        for (token, position) in tokens.iter().zip(self.positions.chunks_exact(WIDTH)) {
            let word = self.words.chunks_exact(WIDTH).nth(*token as usize).unwrap_or_default();
            let parts = word.iter().zip(position).zip(&self.segment);
            stream.extend(parts.map(|((word, position), segment)| word + position + segment));
        }
        self.norm.apply(isa, &mut stream);
        for layer in &self.layers {
            layer.forward(&self.workers, &mut stream);
        }
        mean_of_length_one(&stream)
    }
}

fn mean_of_length_one(stream: &[f32]) -> Vec<f32> {
    let mut mean = vec![0f32; WIDTH];
    for row in stream.chunks_exact(WIDTH) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-12);
    mean.iter_mut().for_each(|value| *value /= length);
    mean
}

impl Norm {
    fn read(source: &Safetensors<'_>, name: &str) -> Result<Self, String> {
        let weight = source.floats(&format!("{name}.weight"))?;
        let bias = source.floats(&format!("{name}.bias"))?;
        if weight.len() != WIDTH || bias.len() != WIDTH {
            return Err(format!("{name} has another size"));
        }
        Ok(Self { weight, bias })
    }

    fn apply(&self, isa: Isa, values: &mut [f32]) {
        layer_norm(isa, (&self.weight, &self.bias), values);
    }
}

impl Layer {
    fn read(source: &Safetensors<'_>, layer: usize) -> Result<Self, String> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let matrix = |part: &str| {
            let weights = source.floats(&name(&format!("{part}.weight")))?;
            let bias = source.floats(&name(&format!("{part}.bias")))?;
            F32Matrix::new(&weights, &bias).ok_or_else(|| format!("{} has an odd size", name(part)))
        };
        Ok(Self {
            query: matrix("attention.self.query")?,
            key: matrix("attention.self.key")?,
            value: matrix("attention.self.value")?,
            mixed: matrix("attention.output.dense")?,
            mixed_norm: Norm::read(source, &name("attention.output.LayerNorm"))?,
            up: matrix("intermediate.dense")?,
            down: matrix("output.dense")?,
            down_norm: Norm::read(source, &name("output.LayerNorm"))?,
        })
    }

    fn forward(&self, workers: &Workers, stream: &mut [f32]) {
        let isa = workers.isa;
        let (mut query, mut key, mut value) = (Vec::new(), Vec::new(), Vec::new());
        self.query.multiply(workers, stream, &mut query);
        self.key.multiply(workers, stream, &mut key);
        self.value.multiply(workers, stream, &mut value);
        let mut mixed = vec![0f32; query.len()];
        for head in 0..HEADS {
            isa.run(Attend { isa, head, query: &query, key: &key, value: &value, output: &mut mixed });
        }
        let mut added = Vec::new();
        self.mixed.multiply(workers, &mixed, &mut added);
        add_assign(isa, stream, &added);
        self.mixed_norm.apply(isa, stream);
        let mut inner = Vec::new();
        self.up.multiply(workers, stream, &mut inner);
        gelu(isa, &mut inner);
        self.down.multiply(workers, &inner, &mut added);
        add_assign(isa, stream, &added);
        self.down_norm.apply(isa, stream);
    }
}

/// One head, every row against every row.
struct Attend<'a> {
    isa: Isa,
    head: usize,
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    output: &'a mut [f32],
}

impl Plain for Attend<'_> {
    #[inline(always)]
    fn compute<S: Simd>(self, _simd: S) {
        let rows = self.query.len() / WIDTH;
        let scale = 1.0 / (HEAD as f32).sqrt();
        let of_head = |all: &'_ [f32]| -> Vec<[f32; HEAD]> {
            all.as_chunks::<HEAD>().0.iter().skip(self.head).step_by(HEADS).copied().collect()
        };
        let (queries, keys, values) = (of_head(self.query), of_head(self.key), of_head(self.value));
        let mut columns = vec![0f32; rows * HEAD];
        for (position, key) in keys.iter().enumerate() {
            let places = columns.iter_mut().skip(position).step_by(rows.max(1));
            places.zip(key).for_each(|(place, value)| *place = *value);
        }
        let mut scores = vec![0f32; rows];
        let outputs = self.output.as_chunks_mut::<HEAD>().0.iter_mut().skip(self.head).step_by(HEADS);
        for (query, output) in queries.iter().zip(outputs) {
            scores.fill(0.0);
            for (column, query) in columns.chunks_exact(rows).zip(query) {
                let query = query * scale;
                scores.iter_mut().zip(column).for_each(|(score, key)| *score += query * key);
            }
            softmax(self.isa, &mut scores);
            let mut sum = [0f32; HEAD];
            for (score, value) in scores.iter().zip(&values) {
                sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += score * value);
            }
            *output = sum;
        }
    }
}
