"""A second real engine behind the gateway: BASE_URL, WEIR_KEY; models `llamacpp` (llama.cpp) and `embedded` (ours),
both with the same model file. LLAMA_URL and ENGINE_URL are both engines without the gateway, for their tokens.
Prints one line a check and a closing line; fails when a check fails.
"""
import json
import os
import sys
import traceback
import urllib.request

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/inference"))
import corpus

PROMPTS = [
    "The capital of France is", "Once upon a time", "def add(a, b):\n    return", "Water boils at",
    "The three primary colours are", "In 1969, the first man", "To make tea, first", "A triangle has",
]
TEXTS = PROMPTS + [
    " ", "  two  spaces  ", "Grüße aus Köln", "日本語のテキスト", "🙂🙃 emoji", "12345 67 8.90", "a\tb\nc\r\nd",
    "https://example.com/a?b=c&d=%20", "{\"json\": [1, 2.5, null]}", "don't can't won't", "ALLCAPS and CamelCase",
    "<|im_start|>not a turn", "ends with a newline\n", "naïve café", "x" * 200, "مرحبا بالعالم", "привет мир",
]


def post(path, body, base=os.environ["BASE_URL"]):
    request = urllib.request.Request(
        base + path, json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": "Bearer " + os.environ["WEIR_KEY"]})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.headers, answer.read().decode()


def complete(model, prompt, limit):
    body = {"model": model, "prompt": prompt, "max_tokens": limit, "temperature": 0}
    return json.loads(post("/completions", body)[1])


def plain():
    headers, text = post("/chat/completions", {"model": "llamacpp", "max_tokens": 8, "temperature": 0,
                                               "messages": [{"role": "user", "content": "Say hello."}]})
    reply = json.loads(text)
    assert headers["x-weir-upstream"] == "llamacpp", headers
    assert reply["choices"][0]["message"]["content"] and reply["usage"]["completion_tokens"] <= 8, reply
    return reply["choices"][0]["message"]["content"]


def streamed():
    whole = plain()
    _, text = post("/chat/completions", {
        "model": "llamacpp", "max_tokens": 8, "temperature": 0, "stream": True,
        "stream_options": {"include_usage": True}, "messages": [{"role": "user", "content": "Say hello."}]})
    events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]", events[-1]
    chunks = [json.loads(event) for event in events[:-1]]
    said = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert said == whole, (said, whole)
    assert chunks[-1]["usage"]["completion_tokens"] <= 8, chunks[-1]


def personal_data_stays_here():
    headers, text = post("/chat/completions", {
        "model": "llamacpp", "max_tokens": 24, "temperature": 0,
        "messages": [{"role": "user", "content": "Repeat exactly: ada.lovelace@example.com"}]})
    assert headers["x-weir-decision"] == "transformed", headers
    print("  it said:", json.loads(text)["choices"][0]["message"]["content"][:80].replace("\n", " "))


def token_ids_are_equal():
    texts = corpus.strings()
    assert len(set(texts)) >= 1000, len(set(texts))
    differ = []
    for text in texts:
        theirs = post("/tokenize", {"content": text, "parse_special": True}, os.environ["LLAMA_URL"])[1]
        ours = post("/tokenize", {"prompt": text}, os.environ["ENGINE_URL"])[1]
        if json.loads(theirs)["tokens"] != json.loads(ours)["tokens"]:
            differ.append(text)
    print(f"  tokenizer: {len(texts) - len(differ)} of {len(texts)} strings give equal token ids")
    assert not differ, differ[:5]


def prompts_have_as_many_tokens():
    differ = []
    for text in TEXTS:
        counts = [complete(model, text, 1)["usage"]["prompt_tokens"] for model in ("llamacpp", "embedded")]
        if counts[0] != counts[1]:
            differ.append((text[:20], counts))
    assert not differ, differ


def greedy_output_agrees():
    equal, shares = 0, []
    for prompt in PROMPTS:
        theirs, ours = (complete(model, prompt, 32)["choices"][0]["text"] for model in ("llamacpp", "embedded"))
        equal += theirs == ours
        same = len(os.path.commonprefix([theirs, ours]))
        shares.append(same / max(len(theirs), len(ours), 1))
    mean = sum(shares) / len(shares)
    print(f"  greedy, 32 tokens: {equal} of {len(PROMPTS)} equal, common beginning {mean:.0%} on average")
    assert mean > 0.5, shares


def main():
    checks = [plain, streamed, personal_data_stays_here, token_ids_are_equal, prompts_have_as_many_tokens,
              greedy_output_agrees]
    failed = 0
    for check in checks:
        try:
            check()
            print(f"llama.cpp: {check.__name__} ok")
        except Exception:
            failed += 1
            print(f"llama.cpp: {check.__name__} FAILED")
            traceback.print_exc(limit=-3)
    print(f"llama.cpp behind the gateway: {len(checks) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
