//! Turns the GGUF file into a model's shape, its matrices and its vocabulary.

use crate::gguf::{Encoding, Gguf, TensorPlace, Value};
use crate::kernels::{HEAD, Q4Matrix, Q8Matrix};
use crate::tokenizer::Vocabulary;

/// Sizes of a llama model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub layers: usize,
    /// Values in the residual stream.
    pub width: usize,
    /// Values inside the feed-forward part.
    pub inner: usize,
    pub heads: usize,
    /// Key/value heads, each shared by heads / kv_heads query heads.
    pub kv_heads: usize,
    /// Positions the model was trained for.
    pub context: usize,
    pub rope_base: f32,
    pub norm_epsilon: f32,
}

/// Weights of one layer.
pub(crate) struct Layer {
    pub attention_norm: Vec<f32>,
    /// Query, key and value, one below the other.
    pub qkv: Q4Matrix,
    pub attention_out: Q4Matrix,
    pub feed_norm: Vec<f32>,
    /// Gate and up, one below the other.
    pub gate_up: Q4Matrix,
    pub down: Q4Matrix,
}

/// Everything in the file.
pub(crate) struct Weights {
    pub shape: Shape,
    pub layers: Vec<Layer>,
    /// Token embedding and output layer in one.
    pub embedding: Q8Matrix,
    pub output_norm: Vec<f32>,
}

/// Reads the weights and the vocabulary.
///
/// # Errors
/// What is missing or of another size, in words.
pub(crate) fn read(file: &[u8]) -> Result<(Weights, Vocabulary), String> {
    let gguf = Gguf::parse(file).map_err(|error| error.to_string())?;
    let source = Source { file, gguf: &gguf };
    let shape = source.shape()?;
    let layers = (0..shape.layers).map(|layer| source.layer(layer, &shape)).collect::<Result<_, _>>()?;
    let embedding = source.bytes("token_embd.weight", Encoding::Q8_0, shape.width)?;
    let embedding = Q8Matrix::from_bytes(embedding, shape.width).ok_or("token_embd has an odd size")?;
    let output_norm = source.floats("output_norm.weight", shape.width)?;
    Ok((Weights { shape, layers, embedding, output_norm }, source.vocabulary()?))
}

struct Source<'a> {
    file: &'a [u8],
    gguf: &'a Gguf,
}

impl<'a> Source<'a> {
    fn shape(&self) -> Result<Shape, String> {
        if self.value("general.architecture")? != &Value::Text("llama".into()) {
            return Err("the architecture is not llama".into());
        }
        let shape = Shape {
            layers: self.size("llama.block_count")?,
            width: self.size("llama.embedding_length")?,
            inner: self.size("llama.feed_forward_length")?,
            heads: self.size("llama.attention.head_count")?,
            kv_heads: self.size("llama.attention.head_count_kv")?,
            context: self.size("llama.context_length")?,
            rope_base: self.float("llama.rope.freq_base")?,
            norm_epsilon: self.float("llama.attention.layer_norm_rms_epsilon")?,
        };
        let grouped = shape.kv_heads > 0 && shape.heads.is_multiple_of(shape.kv_heads);
        if shape.width != shape.heads * HEAD || !grouped {
            return Err(format!("attention heads don't have {HEAD} values"));
        }
        Ok(shape)
    }

    fn layer(&self, layer: usize, shape: &Shape) -> Result<Layer, String> {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let stack = |parts: &[&str], inputs: usize| -> Result<Q4Matrix, String> {
            let bytes = parts
                .iter()
                .map(|part| self.bytes(&name(part), Encoding::Q4_1, inputs))
                .collect::<Result<Vec<_>, _>>()?;
            Q4Matrix::stack(&bytes, inputs)
                .ok_or_else(|| format!("{} has an odd size", name(&parts.join("+"))))
        };
        Ok(Layer {
            attention_norm: self.floats(&name("attn_norm"), shape.width)?,
            qkv: stack(&["attn_q", "attn_k", "attn_v"], shape.width)?,
            attention_out: stack(&["attn_output"], shape.width)?,
            feed_norm: self.floats(&name("ffn_norm"), shape.width)?,
            gate_up: stack(&["ffn_gate", "ffn_up"], shape.width)?,
            down: stack(&["ffn_down"], shape.inner)?,
        })
    }

    fn vocabulary(&self) -> Result<Vocabulary, String> {
        const CONTROL: i64 = 3;
        if self.value("tokenizer.ggml.pre")? != &Value::Text("smollm".into()) {
            return Err("the tokenizer is not SmolLM's".into());
        }
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        let merges = self.texts("tokenizer.ggml.merges")?;
        let merges = merges
            .into_iter()
            .filter_map(|pair| pair.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())))
            .collect();
        let Value::List(kinds) = self.value("tokenizer.ggml.token_type")? else {
            return Err("token types are no list".into());
        };
        let control: Vec<bool> = kinds.iter().map(|kind| kind == &Value::Integer(CONTROL)).collect();
        if control.len() != tokens.len() {
            return Err("not every token has a type".into());
        }
        Ok(Vocabulary { tokens, merges, control })
    }

    fn value(&self, name: &str) -> Result<&'a Value, String> {
        self.gguf.values.get(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn size(&self, name: &str) -> Result<usize, String> {
        match self.value(name)? {
            Value::Integer(number) if (1..=1 << 30).contains(number) => Ok(*number as usize),
            _ => Err(format!("{name} is no size")),
        }
    }

    fn float(&self, name: &str) -> Result<f32, String> {
        match self.value(name)? {
            Value::Float(number) => Ok(*number as f32),
            _ => Err(format!("{name} is no number")),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let Value::List(values) = self.value(name)? else { return Err(format!("{name} is no list")) };
        let texts = values.iter().map(|value| match value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(format!("{name} holds something else than text")),
        });
        texts.collect()
    }

    fn tensor(&self, name: &str, encoding: Encoding, inputs: usize) -> Result<&'a TensorPlace, String> {
        let place = self.gguf.tensors.get(name).ok_or_else(|| format!("tensor {name} is missing"))?;
        if place.encoding != encoding || place.dimensions.first() != Some(&inputs) {
            return Err(format!("tensor {name} is not {encoding:?} of width {inputs}"));
        }
        Ok(place)
    }

    fn bytes(&self, name: &str, encoding: Encoding, inputs: usize) -> Result<&'a [u8], String> {
        let place = self.tensor(name, encoding, inputs)?;
        self.file.get(place.bytes.clone()).ok_or_else(|| format!("tensor {name} is cut off"))
    }

    fn floats(&self, name: &str, width: usize) -> Result<Vec<f32>, String> {
        let bytes = self.bytes(name, Encoding::F32, width)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}
