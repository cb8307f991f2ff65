//! Reads the parts of a GGUF file (version 3, little endian) that the model needs.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

use std::collections::HashMap;
use std::ops::Range;

/// A value of the header. Numbers that are not integers or floats in the file don't occur.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
}

/// How a tensor's numbers are stored, by GGML's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    F32,
    Q4_1,
    Q8_0,
}

/// One tensor: its size, fastest-changing dimension first, and where its bytes are in the file.
#[derive(Debug, Clone)]
pub(crate) struct TensorPlace {
    pub encoding: Encoding,
    pub dimensions: Vec<usize>,
    pub bytes: Range<usize>,
}

/// A parsed header.
pub(crate) struct Gguf {
    pub values: HashMap<String, Value>,
    pub tensors: HashMap<String, TensorPlace>,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum GgufError {
    #[error("not a GGUF file of version 2 or 3")]
    Magic,
    #[error("the file ends too early")]
    Short,
    #[error("unknown value type {0}")]
    ValueType(u32),
    #[error("tensor {name} has encoding {code}, which this server can't run")]
    Encoding { name: String, code: u32 },
    #[error("text that is not UTF-8")]
    Text,
}

/// Lists may not nest deeper than this.
const DEPTH: usize = 4;

impl Gguf {
    /// Parses the header of `file`.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, GgufError> {
        let mut reader = Reader { file, at: 0 };
        if reader.take(4)? != b"GGUF" || !matches!(reader.u32()?, 2 | 3) {
            return Err(GgufError::Magic);
        }
        let tensor_count = reader.u64()?;
        let value_count = reader.u64()?;
        let mut values = HashMap::new();
        for _ in 0..value_count {
            let name = reader.text()?;
            let kind = reader.u32()?;
            values.insert(name, reader.value(kind, DEPTH)?);
        }
        let mut places = Vec::new();
        for _ in 0..tensor_count {
            places.push(reader.tensor()?);
        }
        let align = match values.get("general.alignment") {
            Some(Value::Integer(align)) => usize::try_from(*align).unwrap_or(32).max(1),
            _ => 32,
        };
        let start = reader.at.next_multiple_of(align);
        let mut tensors = HashMap::new();
        for (name, mut place) in places {
            place.bytes = start.saturating_add(place.bytes.start)..start.saturating_add(place.bytes.end);
            file.get(place.bytes.clone()).ok_or(GgufError::Short)?;
            tensors.insert(name, place);
        }
        Ok(Self { values, tensors })
    }
}

impl Encoding {
    /// Values in a block, and bytes of a block.
    fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::Q4_1 => (32, 20),
            Self::Q8_0 => (32, 34),
        }
    }
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], GgufError> {
        let end = self.at.checked_add(count).ok_or(GgufError::Short)?;
        let bytes = self.file.get(self.at..end).ok_or(GgufError::Short)?;
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        self.take(N)?.try_into().map_err(|_| GgufError::Short)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize, GgufError> {
        usize::try_from(self.u64()?).map_err(|_| GgufError::Short)
    }

    fn text(&mut self) -> Result<String, GgufError> {
        let length = self.size()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| GgufError::Text)
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value, GgufError> {
        let integer = |number: i64| Ok(Value::Integer(number));
        match kind {
            0 | 7 => integer(u8::from_le_bytes(self.array()?).into()),
            1 => integer(i8::from_le_bytes(self.array()?).into()),
            2 => integer(u16::from_le_bytes(self.array()?).into()),
            3 => integer(i16::from_le_bytes(self.array()?).into()),
            4 => integer(self.u32()?.into()),
            5 => integer(i32::from_le_bytes(self.array()?).into()),
            6 => Ok(Value::Float(f32::from_le_bytes(self.array()?).into())),
            8 => Ok(Value::Text(self.text()?)),
            9 if depth > 0 => {
                let kind = self.u32()?;
                let count = self.u64()?;
                (0..count).map(|_| self.value(kind, depth - 1)).collect::<Result<_, _>>().map(Value::List)
            }
            10 | 11 => integer(i64::from_le_bytes(self.array()?)),
            12 => Ok(Value::Float(f64::from_le_bytes(self.array()?))),
            other => Err(GgufError::ValueType(other)),
        }
    }

    /// A tensor whose byte range still starts from the data section.
    fn tensor(&mut self) -> Result<(String, TensorPlace), GgufError> {
        let name = self.text()?;
        let rank = self.u32()?;
        let dimensions = (0..rank).map(|_| self.size()).collect::<Result<Vec<_>, _>>()?;
        let encoding = match self.u32()? {
            0 => Encoding::F32,
            3 => Encoding::Q4_1,
            8 => Encoding::Q8_0,
            code => return Err(GgufError::Encoding { name, code }),
        };
        let start = self.size()?;
        let count = dimensions.iter().try_fold(1usize, |total, size| total.checked_mul(*size));
        let (values, bytes) = encoding.block();
        let length = count.map(|count| count / values * bytes).ok_or(GgufError::Short)?;
        let end = start.checked_add(length).ok_or(GgufError::Short)?;
        Ok((name, TensorPlace { encoding, dimensions, bytes: start..end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    }

    fn small() -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(3u32.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        text(&mut file, "names");
        file.extend(9u32.to_le_bytes());
        file.extend(8u32.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        text(&mut file, "a");
        text(&mut file, "t");
        file.extend(1u32.to_le_bytes());
        file.extend(2u64.to_le_bytes());
        file.extend(0u32.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(1f32.to_le_bytes());
        file.extend(2f32.to_le_bytes());
        file
    }

    #[test]
    fn reads_values_and_tensors() {
        let file = small();
        let gguf = Gguf::parse(&file).unwrap();
        assert_eq!(gguf.values["names"], Value::List(vec![Value::Text("a".into())]));
        let place = &gguf.tensors["t"];
        assert_eq!((place.encoding, &place.dimensions[..]), (Encoding::F32, &[2][..]));
        assert_eq!(file[place.bytes.clone()][4..], 2f32.to_le_bytes());
    }

    #[test]
    fn every_cut_is_refused() {
        let file = small();
        for end in 0..file.len() {
            assert!(Gguf::parse(&file[..end]).is_err(), "{end}");
        }
    }
}
