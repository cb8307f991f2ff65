"""The official openai client against a server that speaks its API: chat, streams, tools, responses, errors.

    python bench/inference/clients.py http://127.0.0.1:9741/v1 [KEY]
"""

import sys

import openai

CHAT, EMBEDDING = "smollm2-135m-instruct", "all-minilm-l6-v2"
HELLO = [{"role": "user", "content": "Say hello."}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}}}}


def main():
    key = sys.argv[2] if len(sys.argv) > 2 else "unused"
    client = openai.OpenAI(base_url=sys.argv[1], api_key=key, max_retries=0)

    answer = client.chat.completions.create(model=CHAT, messages=HELLO, temperature=0, max_tokens=16, n=2)
    assert len(answer.choices) == 2 and answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens

    stream = client.chat.completions.create(model=CHAT, messages=HELLO, temperature=0, max_tokens=16, stream=True,
                                            stream_options={"include_usage": True})
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == answer.choices[0].message.content, (text, answer)
    assert chunks[-1].usage.completion_tokens * 2 == answer.usage.completion_tokens

    client.chat.completions.create(model=CHAT, messages=HELLO, tools=[TOOL], tool_choice="auto", max_tokens=8)
    client.chat.completions.create(model=CHAT, messages=HELLO, max_tokens=8, response_format={"type": "json_object"})
    scored = client.chat.completions.create(model=CHAT, messages=HELLO, max_tokens=3, logprobs=True, top_logprobs=2)
    assert len(scored.choices[0].logprobs.content[0].top_logprobs) == 2

    legacy = client.completions.create(model=CHAT, prompt=["Once upon", "The sea"], max_tokens=4, echo=True)
    assert [one.text.startswith(start) for one, start in zip(legacy.choices, ["Once upon", "The sea"])] == [True, True]

    response = client.responses.create(model=CHAT, input="Say hello.", instructions="Be brief.", max_output_tokens=16)
    assert response.output_text
    kinds = [event.type for event in client.responses.create(model=CHAT, input="Say hello.", max_output_tokens=16,
                                                             stream=True)]
    assert kinds[0] == "response.created" and kinds[-1] in ("response.completed", "response.incomplete"), kinds

    vector = client.embeddings.create(model=EMBEDDING, input="hello").data[0].embedding
    assert len(vector) == 384 and abs(sum(x * x for x in vector) - 1) < 1e-4
    assert CHAT in [model.id for model in client.models.list()]

    refused = [
        (openai.BadRequestError, lambda: client.chat.completions.create(model=CHAT, messages=[])),
        (openai.BadRequestError, lambda: client.chat.completions.create(model=CHAT, messages=HELLO, temperature=9)),
        (openai.BadRequestError, lambda: client.embeddings.create(model=EMBEDDING, input="word " * 5000)),
    ]
    for kind, call in refused:
        try:
            call()
        except kind as error:
            assert error.body["message"] and error.body["type"], error.body
        else:
            raise AssertionError(f"{kind} was expected")
    print("openai client: all as expected")


if __name__ == "__main__":
    main()
