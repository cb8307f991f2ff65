//! Keys of vendors of language models.

use super::Kind;
use crate::EntityType::SecretToken;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key("OpenAI key", &["sk-"], r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}")
        .sample("sk-proj-{b74}T3BlbkFJ{b74}"),
    key("OpenAI key of older form", &["sk-"], r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b")
        .sample("sk-{a20}T3BlbkFJ{a20}"),
    key("Key of a model vendor", &["sk-"], r"sk-[A-Za-z0-9]{32,64}\b").score(0.85).sample("sk-{x32}"),
    key("Anthropic key", &["sk-ant-"], r"sk-ant-(?:api|admin|oat|sid)\d{2}-[A-Za-z0-9_-]{80,110}")
        .sample("sk-ant-api03-{b93}AA"),
    key("Hugging Face token", &["hf_"], r"hf_[A-Za-z0-9]{30,40}\b").sample("hf_{a34}"),
    key("Hugging Face organisation token", &["api_org_"], r"api_org_[A-Za-z0-9]{34}\b")
        .sample("api_org_{a34}"),
    key("Replicate token", &["r8_"], r"r8_[A-Za-z0-9]{37}\b").sample("r8_{a37}"),
    key("Groq key", &["gsk_"], r"gsk_[A-Za-z0-9]{52}\b").sample("gsk_{a52}"),
    key("Perplexity key", &["pplx-"], r"pplx-[A-Za-z0-9]{48,56}\b").sample("pplx-{a48}"),
    key("xAI key", &["xai-"], r"xai-[A-Za-z0-9_-]{70,90}").sample("xai-{a80}"),
    key("OpenRouter key", &["sk-or-v1-"], r"sk-or-v1-[a-f0-9]{64}\b").sample("sk-or-v1-{x64}"),
    key("LangSmith key", &["lsv2_"], r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}\b")
        .sample("lsv2_pt_{x32}_{x10}"),
    key("Langfuse key", &["sk-lf-"], r"sk-lf-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")
        .sample("sk-lf-{x8}-{x4}-{x4}-{x4}-{x12}"),
    key("ElevenLabs key", &["sk_"], r"sk_[a-f0-9]{48}\b").sample("sk_{x48}"),
    key("NVIDIA key", &["nvapi-"], r"nvapi-[A-Za-z0-9_-]{60,70}").sample("nvapi-{b64}"),
    key("Fireworks key", &["fw_"], r"fw_[A-Za-z0-9]{22,28}\b").sample("fw_{a24}"),
    key("Cerebras key", &["csk-"], r"csk-[a-z0-9]{48}\b").sample("csk-{l48}"),
    key("Tavily key", &["tvly-"], r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{28,36}\b").sample("tvly-{a32}"),
    key("Pinecone key", &["pcsk_"], r"pcsk_[A-Za-z0-9]{5,8}_[A-Za-z0-9]{50,70}\b").sample("pcsk_{a6}_{a63}"),
    key(
        "Voyage or Jina key",
        &["pa-", "jina_"],
        r"pa-[A-Za-z0-9_-]{43}|jina_[A-Za-z0-9]{32}[A-Za-z0-9_-]{28}",
    )
    .sample("pa-{b43}"),
    key("Firecrawl key", &["fc-"], r"fc-[a-f0-9]{32}\b").sample("fc-{x32}"),
    Kind::label(SecretToken, "Weights & Biases, Cohere, Mistral or Together key", r"[A-Za-z0-9]{32,64}\b")
        .score(0.9)
        .must(check::random)
        .words(&[
            "wandb api key",
            "cohere api key",
            "co api key",
            "mistral api key",
            "together api key",
            "assemblyai api key",
            "deepgram api key",
            "stability api key",
        ])
        .sample("WANDB_API_KEY={x40}"),
];
