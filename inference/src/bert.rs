//! The sentence encoder: candle's BERT (Devlin et al. 2018), mean of the last layer, length 1.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};

/// Values in a vector.
pub(crate) const WIDTH: usize = 384;
/// Tokens that one text may have, the two marks at its ends included.
pub(crate) const POSITIONS: usize = 512;

/// All-MiniLM-L6-v2, on the CPU in 32-bit floats.
pub(crate) struct Bert(BertModel);

impl Bert {
    /// Reads the weights, a safetensors file.
    ///
    /// # Errors
    /// What is missing or of another size.
    pub(crate) fn read(file: Vec<u8>) -> candle_core::Result<Self> {
        let weights = VarBuilder::from_buffered_safetensors(file, DType::F32, &Device::Cpu)?;
        BertModel::load(weights, &shape()).map(Self)
    }

    /// The vector of one text, given its tokens.
    ///
    /// # Errors
    /// When a token is not of this model's vocabulary.
    pub(crate) fn embed(&self, tokens: &[u32]) -> candle_core::Result<Vec<f32>> {
        let tokens = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
        let layer = self.0.forward(&tokens, &tokens.zeros_like()?, None)?;
        let mean = layer.squeeze(0)?.mean(0)?;
        let length = mean.sqr()?.sum_all()?.sqrt()?.maximum(1e-12)?;
        mean.broadcast_div(&length)?.to_vec1()
    }
}

/// The `config.json` of the model, as published with its weights.
fn shape() -> Config {
    Config {
        vocab_size: 30_522,
        hidden_size: WIDTH,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 1536,
        hidden_act: HiddenAct::Gelu,
        max_position_embeddings: POSITIONS,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        ..Config::default()
    }
}
