//! What an exchange consumed, in tokens, read from any vendor's `usage` object.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a token count comes from, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider stated it.
    Provider,
    /// Counted here with the model's own tokenizer.
    Counted,
    /// Inferred from bytes or from another tokenizer.
    #[default]
    Estimated,
}

impl UsageSource {
    /// The source's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

/// Tokens of one exchange. All counts are tokens; a part never exceeds its whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All prompt tokens, those read from and written to a cache included.
    pub input: u64,
    /// The part of `input` that was read from the provider's cache.
    pub cached_input: u64,
    /// The part of `input` that was written to the provider's cache, for any lifetime.
    pub cache_write: u64,
    /// The part of `cache_write` that was written for the long lifetime (Anthropic: 1 h, OpenAI: 12 h).
    pub cache_write_long: u64,
    /// All generated tokens, reasoning included.
    pub output: u64,
    /// The part of `output` spent on reasoning.
    pub reasoning: u64,
    /// Audio tokens in `input` and `output` together. They have prices of their own.
    pub audio: u64,
    /// Where the counts come from.
    pub source: UsageSource,
    /// The provider's figures contradicted each other. They were reconciled upwards, so that a
    /// contradiction never makes a call cheaper.
    pub suspect: bool,
}

impl Usage {
    /// Counts that Weir itself made with the model's tokenizer.
    pub fn counted(input: u64, output: u64) -> Self {
        Self { input, output, source: UsageSource::Counted, ..Self::default() }
    }

    /// Counts that are a guess.
    pub fn estimated(input: u64, output: u64) -> Self {
        Self { input, output, source: UsageSource::Estimated, ..Self::default() }
    }

    /// Reads a provider's `usage` object. Understood are the names of
    ///
    /// - OpenAI chat, completions and embeddings (`prompt_tokens`, `prompt_tokens_details`, …) with
    ///   DeepSeek's `prompt_cache_hit_tokens`;
    /// - OpenAI responses (`input_tokens` with `input_tokens_details`);
    /// - Anthropic (`input_tokens` beside `cache_read_input_tokens`, which it doesn't include);
    /// - genai-prices (`cache_read_tokens`, which `input_tokens` includes).
    ///
    /// `None` where there is no count of input or output, or one that isn't a whole number from 0 up:
    /// the usage is then unknown. Other figures that can't be read, or contradict, make it `suspect`.
    pub fn from_json(usage: &Value) -> Option<Self> {
        let mut reading = Reading { usage, suspect: false };
        let (input, output) = reading.wholes()?;
        let mut counts = Self {
            input,
            output,
            cached_input: reading.cached(),
            cache_write: reading.cache_write(),
            cache_write_long: reading.cache_write_long(),
            reasoning: reading.part(OUTPUT_DETAILS, &["reasoning_tokens"]),
            audio: reading.audio(),
            source: UsageSource::Provider,
            suspect: false,
        };
        if reading.counts_cache_apart() {
            counts.input = input.saturating_add(counts.cached_input).saturating_add(counts.cache_write);
        }
        let total = reading.count(&["total_tokens"]);
        counts.suspect = reading.suspect;
        counts.reconcile(total);
        Some(counts)
    }

    /// Raises every whole to the sum of its parts and checks the stated total.
    fn reconcile(&mut self, total: Option<u64>) {
        if self.cache_write_long > self.cache_write {
            self.cache_write = self.cache_write_long;
            self.suspect = true;
        }
        let cache = self.cached_input.saturating_add(self.cache_write);
        if cache > self.input {
            self.input = cache;
            self.suspect = true;
        }
        let apart = self.input.saturating_add(self.output).saturating_add(self.reasoning);
        if self.reasoning > 0 && total == Some(apart) {
            // xAI's chat counts reasoning beside the completion; the total shows which is meant.
            self.output = self.output.saturating_add(self.reasoning);
        }
        if self.reasoning > self.output {
            self.output = self.reasoning;
            self.suspect = true;
        }
        let sum = self.input.saturating_add(self.output);
        if self.audio > sum || total.is_some_and(|total| total != sum) {
            self.suspect = true;
        }
    }
}

const INPUT_DETAILS: [&str; 2] = ["prompt_tokens_details", "input_tokens_details"];
const OUTPUT_DETAILS: [&str; 2] = ["completion_tokens_details", "output_tokens_details"];

/// One pass over a usage object, remembering whether anything in it could not be read.
struct Reading<'a> {
    usage: &'a Value,
    suspect: bool,
}

impl Reading<'_> {
    /// Input and output; one of them may be missing (embeddings have no output), not both.
    fn wholes(&mut self) -> Option<(u64, u64)> {
        let input = self.whole(["prompt_tokens", "input_tokens"])?;
        let output = self.whole(["completion_tokens", "output_tokens"])?;
        if input.is_none() && output.is_none() {
            return None;
        }
        Some((input.unwrap_or(0), output.unwrap_or(0)))
    }

    /// `None`: unreadable. `Some(None)`: absent. Two names with different counts: the larger, suspect.
    #[expect(clippy::option_option, reason = "unreadable and absent differ here, and only here")]
    fn whole(&mut self, names: [&str; 2]) -> Option<Option<u64>> {
        let mut found = None;
        for value in names.iter().filter_map(|name| present(self.usage, name)) {
            let count = whole_number(value)?;
            self.suspect |= found.is_some_and(|earlier| earlier != count);
            found = found.max(Some(count));
        }
        Some(found)
    }

    /// The first of these names that is present at the top level.
    fn count(&mut self, names: &[&str]) -> Option<u64> {
        let value = names.iter().find_map(|name| present(self.usage, name))?;
        let count = whole_number(value);
        self.suspect |= count.is_none();
        count
    }

    /// The first of these names that is present in one of the detail objects.
    fn detail(&mut self, objects: [&str; 2], names: &[&str]) -> Option<u64> {
        let object = objects.iter().find_map(|name| present(self.usage, name))?;
        let value = names.iter().find_map(|name| present(object, name))?;
        let count = whole_number(value);
        self.suspect |= count.is_none();
        count
    }

    fn part(&mut self, objects: [&str; 2], names: &[&str]) -> u64 {
        self.detail(objects, names).unwrap_or(0)
    }

    fn cached(&mut self) -> u64 {
        self.detail(INPUT_DETAILS, &["cached_tokens"])
            .or_else(|| {
                self.count(&["cache_read_input_tokens", "cache_read_tokens", "prompt_cache_hit_tokens"])
            })
            .unwrap_or(0)
    }

    fn cache_write(&mut self) -> u64 {
        self.detail(INPUT_DETAILS, &["cache_creation_tokens", "cache_write_tokens"])
            .or_else(|| self.count(&["cache_creation_input_tokens", "cache_write_tokens"]))
            .unwrap_or(0)
    }

    /// Tokens written for the long lifetime: Anthropic's `cache_creation`, or LiteLLM's copy of it.
    fn cache_write_long(&mut self) -> u64 {
        let copied = INPUT_DETAILS
            .iter()
            .find_map(|name| present(self.usage, name))
            .and_then(|details| present(details, "cache_creation_token_details"));
        let Some(split) = present(self.usage, "cache_creation").or(copied) else { return 0 };
        let Some(value) = present(split, "ephemeral_1h_input_tokens") else { return 0 };
        let count = whole_number(value);
        self.suspect |= count.is_none();
        count.unwrap_or(0)
    }

    fn audio(&mut self) -> u64 {
        let names = ["audio_tokens"];
        self.part(INPUT_DETAILS, &names).saturating_add(self.part(OUTPUT_DETAILS, &names))
    }

    /// Anthropic's `input_tokens` leaves out what was read from and written to the cache.
    fn counts_cache_apart(&self) -> bool {
        present(self.usage, "prompt_tokens").is_none()
            && present(self.usage, "input_tokens_details").is_none()
            && ["cache_read_input_tokens", "cache_creation_input_tokens"]
                .iter()
                .any(|name| present(self.usage, name).is_some())
    }
}

fn present<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A whole number from 0 up; `12.0`, as some engines write it, is one.
fn whole_number(value: &Value) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        let float = value.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=EXACT).contains(float))?;
        Some(float as u64)
    })
}
