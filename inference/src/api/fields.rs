//! Reads the fields of a JSON request; a wrong type or range names the field, never its value.

use super::problem::Problem;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A request's JSON object. A field that is null counts as absent.
pub(crate) struct Fields {
    object: Map<String, Value>,
}

impl Fields {
    /// Parses the body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { object }),
            Ok(_) => Err(Problem::invalid("", "the body is not a JSON object")),
            Err(error) => {
                let place = format!("line {} column {}", error.line(), error.column());
                Err(Problem::invalid("", format!("the body is not valid JSON at {place}")))
            }
        }
    }

    /// The field's value, if it is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&Value, Problem> {
        self.get(name).ok_or_else(|| Problem::invalid(name, format!("{name} is required")))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let text = |value: &'_ Value| value.as_str().is_some();
        match self.get(name) {
            Some(value) if !text(value) => Err(Problem::invalid(name, format!("{name} must be a string"))),
            value => Ok(value.and_then(Value::as_str)),
        }
    }

    /// A truth value, false when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Problem::invalid(name, format!("{name} must be true or false"))),
        }
    }

    /// A number within `range`.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_f64().filter(|number| range.contains(number));
        let expected = || format!("{name} must be a number from {} to {}", range.start(), range.end());
        number.map(Some).ok_or_else(|| Problem::invalid(name, expected()))
    }

    /// A whole number within `range`.
    pub(crate) fn count(&self, name: &str, range: RangeInclusive<usize>) -> Result<Option<usize>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        let expected = || format!("{name} must be a whole number from {} to {}", range.start(), range.end());
        count
            .filter(|count| range.contains(count))
            .map(Some)
            .ok_or_else(|| Problem::invalid(name, expected()))
    }

    /// A list, empty when absent.
    pub(crate) fn list(&self, name: &str) -> Result<&[Value], Problem> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(Problem::invalid(name, format!("{name} must be a list"))),
        }
    }

    /// Refuses a field that this server doesn't implement, unless it has one of the values that change nothing.
    pub(crate) fn unsupported(&self, name: &str, harmless: &[Value]) -> Result<(), Problem> {
        match self.get(name) {
            Some(value) if !harmless.contains(value) => {
                Err(Problem::invalid(name, format!("{name} is not supported by this model")))
            }
            _ => Ok(()),
        }
    }
}
