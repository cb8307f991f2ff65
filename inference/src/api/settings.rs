//! The settings of generation that all endpoints share.

use super::fields::Fields;
use super::problem::Problem;
use crate::sampler::Sampling;
use serde_json::Value;

/// SmolLM2's model card recommends these where a request says nothing.
const TEMPERATURE: f64 = 0.2;
const TOP_P: f64 = 0.9;
/// Texts that one request may ask for at once.
pub(crate) const MOST_CHOICES: usize = 16;

/// Reads temperature, top_p, seed, penalties and bias. Without a seed, each request draws one.
pub(crate) fn sampling(fields: &Fields) -> Result<Sampling, Problem> {
    Ok(Sampling {
        temperature: fields.number("temperature", 0.0..=2.0)?.unwrap_or(TEMPERATURE) as f32,
        top_p: fields.number("top_p", 0.0..=1.0)?.unwrap_or(TOP_P) as f32,
        seed: seed(fields)?,
        presence_penalty: fields.number("presence_penalty", -2.0..=2.0)?.unwrap_or(0.0) as f32,
        frequency_penalty: fields.number("frequency_penalty", -2.0..=2.0)?.unwrap_or(0.0) as f32,
        bias: bias(fields)?,
        report: None,
    })
}

fn seed(fields: &Fields) -> Result<u64, Problem> {
    let Some(value) = fields.get("seed") else { return Ok(rand::random()) };
    let number = value.as_i64().map(i64::cast_unsigned).or(value.as_u64());
    number.ok_or_else(|| Problem::invalid("seed", "seed must be a whole number"))
}

fn bias(fields: &Fields) -> Result<Vec<(u32, f32)>, Problem> {
    let wrong =
        || Problem::invalid("logit_bias", "logit_bias must map token numbers to values from -100 to 100");
    let Some(value) = fields.get("logit_bias") else { return Ok(Vec::new()) };
    let entries = value.as_object().ok_or_else(wrong)?;
    let entry = |(token, bias): (&String, &Value)| {
        let bias = bias.as_f64().filter(|bias| (-100.0..=100.0).contains(bias))?;
        Some((token.parse().ok()?, bias as f32))
    };
    // A bias of 0 changes nothing, whatever it is for.
    let counts = |(_, bias): &(&String, &Value)| bias.as_f64() != Some(0.0);
    entries.iter().filter(counts).map(entry).collect::<Option<_>>().ok_or_else(wrong)
}

/// Up to four stop sequences.
pub(crate) fn stops(fields: &Fields) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::invalid("stop", "stop must be a string or up to 4 strings");
    match fields.get("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(stop)) => Ok(vec![stop.clone()]),
        Some(Value::Array(stops)) if stops.len() <= 4 => {
            stops.iter().map(|stop| stop.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

/// Whether and how to stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Stream,
    /// A stream whose last event before the end tells the usage.
    StreamWithUsage,
}

/// Reads `stream` and `stream_options.include_usage`.
pub(crate) fn delivery(fields: &Fields) -> Result<Delivery, Problem> {
    if !fields.flag("stream")? {
        return Ok(Delivery::Whole);
    }
    let options = fields.get("stream_options");
    let usage = options.and_then(|options| options.get("include_usage")).and_then(Value::as_bool);
    Ok(if usage == Some(true) { Delivery::StreamWithUsage } else { Delivery::Stream })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, param: &str) {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let result =
            sampling(&fields).map(drop).and(stops(&fields).map(drop)).and(delivery(&fields).map(drop));
        assert_eq!(result.err().and_then(|problem| problem.param).unwrap_or_default(), param, "{body}");
    }

    #[test]
    fn wrong_values_name_their_field() {
        check("{}", "");
        check(r#"{"temperature":2,"top_p":0.5,"seed":-1,"stop":null,"logit_bias":{"5":-100}}"#, "");
        check(r#"{"logit_bias":{"x":0}}"#, "");
        check(r#"{"temperature":2.1}"#, "temperature");
        check(r#"{"temperature":"hot"}"#, "temperature");
        check(r#"{"top_p":-1}"#, "top_p");
        check(r#"{"seed":1.5}"#, "seed");
        check(r#"{"logit_bias":{"x":0}}"#, "");
        check(r#"{"logit_bias":{"x":1}}"#, "logit_bias");
        check(r#"{"logit_bias":{"1":101}}"#, "logit_bias");
        check(r#"{"stop":["a","b","c","d","e"]}"#, "stop");
        check(r#"{"stop":[1]}"#, "stop");
        check(r#"{"stream":"yes"}"#, "stream");
    }
}
