//! Word pieces to scores of labels: candle's BERT and one linear layer, window by window.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Linear, Module, VarBuilder};
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};

use super::file::{AccurateError, File};
use super::pieces::Marks;
use crate::detectors::{Deadline, Unsearched};

/// The network, on the CPU in 32-bit floats.
pub(super) struct Encoder {
    bert: BertModel,
    head: Linear,
    /// Pieces that fit into one window beside its two marks.
    room: usize,
    /// How far the next window stands from the one before.
    step: usize,
}

impl Encoder {
    /// The network of a file.
    ///
    /// # Errors
    /// When a tensor is missing or doesn't fit; one full window is tried.
    pub fn new(file: File) -> std::result::Result<Self, AccurateError> {
        let settings = file.settings;
        let labels = settings.labels.len();
        let config = Config {
            vocab_size: file.tensors.rows(),
            hidden_size: settings.hidden,
            num_hidden_layers: settings.layers,
            num_attention_heads: settings.heads,
            intermediate_size: settings.intermediate,
            hidden_act: HiddenAct::Gelu,
            max_position_embeddings: file.tensors.rows_of("bert.embeddings.position_embeddings.weight"),
            type_vocab_size: file.tensors.rows_of("bert.embeddings.token_type_embeddings.weight"),
            layer_norm_eps: settings.layer_norm_eps,
            ..Config::default()
        };
        let room = settings.window - 2;
        let load = || -> Result<Self> {
            let tensors = VarBuilder::from_tensors(file.tensors.0, DType::F32, &Device::Cpu);
            let weight = tensors.get((labels, settings.hidden), "classifier.weight")?;
            let head = Linear::new(weight, Some(tensors.get(labels, "classifier.bias")?));
            let bert = BertModel::load(tensors.pp("bert"), &config)?;
            let encoder = Self { bert, head, room, step: room - settings.overlap };
            encoder.window(&vec![0; room], Marks { begin: 0, end: 0 })?;
            Ok(encoder)
        };
        load().map_err(|error| AccurateError::Tensors(error.to_string()))
    }

    /// Scores of each label (before softmax) for each piece. Where windows overlap, the one counts in which a
    /// piece stands farther from the edge, the earlier one where it is the same.
    ///
    /// # Errors
    /// When a piece is not of the vocabulary, or the deadline has passed.
    pub fn logits(
        &self,
        pieces: &[u32],
        marks: Marks,
        deadline: Deadline,
    ) -> std::result::Result<Vec<Vec<f32>>, Unsearched> {
        let mut scores: Vec<Vec<f32>> = Vec::with_capacity(pieces.len());
        let mut start = 0;
        while scores.len() < pieces.len() {
            let end = pieces.len().min(start + self.room);
            deadline.check()?;
            let read = self.window(pieces.get(start..end).unwrap_or_default(), marks);
            let read = read.map_err(|_| Unsearched::Failed)?;
            // Of an overlap of n pieces the earlier window keeps the first half.
            let overlap = scores.len() - start;
            let kept = overlap.div_ceil(2);
            scores.truncate(start + kept);
            scores.extend(read.into_iter().skip(kept));
            start += self.step;
        }
        Ok(scores)
    }

    /// Scores for the pieces of one window.
    fn window(&self, pieces: &[u32], marks: Marks) -> Result<Vec<Vec<f32>>> {
        let mut ids = Vec::with_capacity(pieces.len() + 2);
        ids.push(marks.begin);
        ids.extend_from_slice(pieces);
        ids.push(marks.end);
        let ids = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
        let layer = self.bert.forward(&ids, &ids.zeros_like()?, None)?.squeeze(0)?;
        self.head.forward(&layer.narrow(0, 1, pieces.len())?)?.to_vec2()
    }
}
