//! Canonical JSON (RFC 8785) for records, appended to a buffer: a serializer of the few shapes they have.
//!
//! A general serializer looks at each byte of every key and writes each quote, colon and comma on its own,
//! which made up most of a record's cost. Keys here are written as they stand, in one go.

use std::fmt::{self, Write};

use serde::ser::{self, Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};

/// A value that no record may hold: a float, a map, or an enum with content.
#[derive(Debug, thiserror::Error)]
#[error("a record can't hold this kind of value")]
pub(crate) struct Unsupported;

impl ser::Error for Unsupported {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Appends the JSON of `value`. Its structs must declare their fields in the order of their names.
pub(crate) fn append<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), Unsupported> {
    value.serialize(Json { out })
}

struct Json<'a> {
    out: &'a mut Vec<u8>,
}

impl Json<'_> {
    fn integer(self, number: impl itoa::Integer) -> Result<(), Unsupported> {
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        Ok(())
    }

    fn word(self, word: &str) -> Result<(), Unsupported> {
        self.out.extend_from_slice(word.as_bytes());
        Ok(())
    }
}

impl<'a> Serializer for Json<'a> {
    type Ok = ();
    type Error = Unsupported;
    type SerializeSeq = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeTuple = Impossible<(), Unsupported>;
    type SerializeTupleStruct = Impossible<(), Unsupported>;
    type SerializeTupleVariant = Impossible<(), Unsupported>;
    type SerializeMap = Impossible<(), Unsupported>;
    type SerializeStructVariant = Impossible<(), Unsupported>;

    fn serialize_bool(self, value: bool) -> Result<(), Unsupported> {
        self.word(if value { "true" } else { "false" })
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unsupported> {
        self.integer(value)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_char(self, value: char) -> Result<(), Unsupported> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unsupported> {
        self.out.reserve(value.len() + 2);
        self.out.push(b'"');
        escape(value, self.out);
        self.out.push(b'"');
        Ok(())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Unsupported> {
        self.out.push(b'"');
        write!(Escaping(self.out), "{value}").map_err(|_| Unsupported)?;
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_none(self) -> Result<(), Unsupported> {
        self.word("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unsupported> {
        self.word("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unsupported> {
        self.word("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<(), Unsupported> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unsupported> {
        Err(Unsupported)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>, Unsupported> {
        Ok(Members { out: self.out, opening: b'[', last: "" })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unsupported> {
        Err(Unsupported)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Unsupported> {
        Ok(Members { out: self.out, opening: b'{', last: "" })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unsupported> {
        Err(Unsupported)
    }
}

/// The members of an object or array that is being written.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    /// What stands before the next member: the bracket, then commas.
    opening: u8,
    last: &'static str,
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        self.out.push(std::mem::replace(&mut self.opening, b','));
        value.serialize(Json { out: self.out })
    }

    fn end(self) -> Result<(), Unsupported> {
        self.out.extend_from_slice(if self.opening == b'[' { b"[]" } else { b"]" });
        Ok(())
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        debug_assert!(self.last < key, "the field {key} is not in the order of names");
        self.last = key;
        self.out.reserve(key.len() + 4);
        self.out.push(std::mem::replace(&mut self.opening, b','));
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.serialize(Json { out: self.out })
    }

    fn end(self) -> Result<(), Unsupported> {
        self.out.extend_from_slice(if self.opening == b'{' { b"{}" } else { b"}" });
        Ok(())
    }
}

struct Escaping<'a>(&'a mut Vec<u8>);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let is_special = |byte: u8| (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    // No early end: this way the compiler looks at many bytes at once.
    if !text.bytes().fold(false, |found, byte| found | is_special(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            0x00..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Sample {
        empty: Vec<u8>,
        list: Vec<i64>,
        nothing: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        text: String,
        unit: Unit,
        yes: bool,
    }

    #[derive(Serialize)]
    struct Unit {}

    #[test]
    fn it_agrees_with_a_general_serializer() {
        let all: String = ('\0'..='\u{ff}').chain(['\u{2028}', '😀']).collect();
        for text in [String::new(), "plain".into(), all] {
            let list = vec![i64::MIN, -1, 0, 7, i64::MAX];
            let value =
                Sample { empty: vec![], list, nothing: None, skipped: None, text, unit: Unit {}, yes: true };
            let mut out = Vec::new();
            append(&value, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn floats_and_maps_are_refused() {
        assert!(append(&1.5_f64, &mut Vec::new()).is_err());
        assert!(append(&std::collections::BTreeMap::from([("a", 1)]), &mut Vec::new()).is_err());
    }
}
