//! Reads 32-bit tensors from a safetensors file.
//! Format: <https://huggingface.co/docs/safetensors> (length of the header, JSON header, bytes).

use serde_json::{Map, Value};

/// A parsed file.
pub(crate) struct Safetensors<'a> {
    header: Map<String, Value>,
    data: &'a [u8],
}

impl<'a> Safetensors<'a> {
    /// Parses the header; `None` if there is none.
    pub(crate) fn parse(file: &'a [u8]) -> Option<Self> {
        let (length, rest) = file.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let header = serde_json::from_slice(rest.get(..length)?).ok()?;
        Some(Self { header, data: rest.get(length..)? })
    }

    /// The numbers of a tensor, in the file's order.
    ///
    /// # Errors
    /// It is missing, of another type, or cut off.
    pub(crate) fn floats(&self, name: &str) -> Result<Vec<f32>, String> {
        self.find(name).ok_or_else(|| format!("tensor {name} is missing or not 32-bit floats"))
    }

    fn find(&self, name: &str) -> Option<Vec<f32>> {
        let entry = self.header.get(name)?;
        if entry.get("dtype")?.as_str()? != "F32" {
            return None;
        }
        let offset = |index: usize| usize::try_from(entry.get("data_offsets")?.get(index)?.as_u64()?).ok();
        let bytes = self.data.get(offset(0)?..offset(1)?)?;
        Some(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }
}
