//! The file of the model: safetensors with one byte a weight, and its settings beside.
//!
//! A matrix is a tensor of bytes under its own name, of shape rows × columns, and its scales as 32-bit floats
//! under `<name>.scale`: weight = (byte − 128) × scale of its row. Everything else is 32-bit floats as it is.
//! Names are those of Hugging Face's `BertForTokenClassification`. The settings stand in the header's
//! `__metadata__`, all as text: `format`, `labels` (JSON), `o_bias`, `temperature`, `window` and `overlap` (in
//! word pieces), `hidden`, `layers`, `heads`, `intermediate`, `layer_norm_eps`.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};

const FORMAT: &str = "weir-tagger-accurate-1";

/// Why files can't be used as a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccurateError {
    /// It isn't safetensors, or not of this kind.
    #[error("not a model of the accurate tagger")]
    NotAModel,
    /// A setting is missing or no such value.
    #[error("the model says nothing fitting for `{0}`")]
    Setting(&'static str),
    /// A tensor is missing or of another shape.
    #[error("the model's tensors don't fit together: {0}")]
    Tensors(String),
    /// The list of word pieces doesn't fit the weights.
    #[error("the model's word pieces don't fit its weights")]
    Vocabulary,
}

/// What the file says of its model.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub labels: Vec<String>,
    pub o_bias: f32,
    pub temperature: f32,
    pub window: usize,
    pub overlap: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub layer_norm_eps: f64,
}

/// Tensors by name, as 32-bit floats.
pub(super) struct Tensors(pub HashMap<String, Tensor>);

/// A file that was read.
pub(super) struct File {
    pub settings: Settings,
    pub tensors: Tensors,
}

impl Tensors {
    /// Rows of a matrix; none where it is missing.
    pub fn rows_of(&self, name: &str) -> usize {
        self.0.get(name).and_then(|it| it.dims().first()).copied().unwrap_or(0)
    }

    /// Word pieces that have a vector.
    pub fn rows(&self) -> usize {
        self.rows_of("bert.embeddings.word_embeddings.weight")
    }
}

/// Reads a model.
pub(super) fn read(bytes: &[u8]) -> Result<File, AccurateError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|_| AccurateError::NotAModel)?;
    let settings = header.metadata().as_ref().ok_or(AccurateError::NotAModel).and_then(settings)?;
    let file = SafeTensors::deserialize(bytes).map_err(|_| AccurateError::NotAModel)?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter().filter(|(name, _)| !name.ends_with(".scale")) {
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data()),
            Dtype::U8 => {
                let scales = file.tensor(&format!("{name}.scale")).map_err(|_| unfit(name))?;
                weights(view.data(), &floats(scales.data())).ok_or_else(|| unfit(name))?
            }
            _ => return Err(unfit(name)),
        };
        if !values.iter().all(|value| value.is_finite()) {
            return Err(unfit(name));
        }
        let tensor = Tensor::from_vec(values, view.shape(), &Device::Cpu).map_err(|_| unfit(name))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(File { settings, tensors: Tensors(tensors) })
}

fn unfit(name: &str) -> AccurateError {
    AccurateError::Tensors(name.to_owned())
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn weights(bytes: &[u8], scales: &[f32]) -> Option<Vec<f32>> {
    let columns = bytes.len().checked_div(scales.len()).filter(|columns| *columns > 0)?;
    if columns * scales.len() != bytes.len() {
        return None;
    }
    let row = |(row, scale): (&[u8], &f32)| {
        let scale = *scale;
        row.iter().map(move |byte| (f32::from(*byte) - 128.0) * scale).collect::<Vec<f32>>()
    };
    Some(bytes.chunks_exact(columns).zip(scales).flat_map(row).collect())
}

fn settings(said: &HashMap<String, String>) -> Result<Settings, AccurateError> {
    if said.get("format").map(String::as_str) != Some(FORMAT) {
        return Err(AccurateError::NotAModel);
    }
    let labels = said.get("labels").and_then(|it| serde_json::from_str(it).ok());
    let window: usize = number(said, "window")?;
    let overlap: usize = number(said, "overlap")?;
    if window < 8 || overlap + 4 > window {
        return Err(AccurateError::Setting("window"));
    }
    Ok(Settings {
        labels: labels.ok_or(AccurateError::Setting("labels"))?,
        o_bias: number(said, "o_bias")?,
        temperature: number(said, "temperature")?,
        window,
        overlap,
        hidden: number(said, "hidden")?,
        layers: number(said, "layers")?,
        heads: number(said, "heads")?,
        intermediate: number(said, "intermediate")?,
        layer_norm_eps: number(said, "layer_norm_eps")?,
    })
}

fn number<T: std::str::FromStr>(
    said: &HashMap<String, String>,
    key: &'static str,
) -> Result<T, AccurateError> {
    said.get(key).and_then(|it| it.parse().ok()).ok_or(AccurateError::Setting(key))
}
