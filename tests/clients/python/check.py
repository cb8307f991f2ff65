"""The official Python client against a gateway: BASE_URL, WEIR_KEY, LIMITED_KEY (chat only), LOCAL_MODEL.

Prints one line a check and a closing line; fails when a check fails.
"""
import json
import os
import sys
import traceback

import openai
from openai import OpenAI
from pydantic import BaseModel

BASE = os.environ["BASE_URL"]
LOCAL = os.environ["LOCAL_MODEL"]
client = OpenAI(base_url=BASE, api_key=os.environ["WEIR_KEY"], max_retries=0)
SECRET = "Write to ada.lovelace@example.com about card 4111 1111 1111 1111."
TOOL = {"type": "function", "function": {
    "name": "send", "parameters": {"type": "object", "properties": {"to": {"type": "string"}}}}}


class Shape(BaseModel):
    answer: str


def user(text):
    return [{"role": "user", "content": text}]


def chat():
    reply = client.chat.completions.create(model="scripted", messages=user(SECRET))
    assert reply.choices[0].message.content == SECRET, reply
    assert reply.usage.total_tokens == 12


def chat_stream_with_usage():
    stream = client.chat.completions.create(
        model="scripted", messages=user(SECRET), stream=True, stream_options={"include_usage": True})
    text, usage = "", None
    for chunk in stream:
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        usage = chunk.usage or usage
    assert text == SECRET, text
    assert usage.total_tokens == 12, usage


def tools():
    reply = client.chat.completions.create(model="scripted", messages=user(SECRET), tools=[TOOL])
    call = reply.choices[0].message.tool_calls[0].function
    assert call.name == "send" and json.loads(call.arguments) == {"to": SECRET}, call


def tools_stream():
    with client.chat.completions.stream(model="scripted", messages=user(SECRET), tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert json.loads(message.tool_calls[0].function.arguments) == {"to": SECRET}, message


def structured_output():
    reply = client.chat.completions.parse(model="scripted", messages=user(SECRET), response_format=Shape)
    assert reply.choices[0].message.parsed == Shape(answer=SECRET), reply


def responses():
    reply = client.responses.create(model="scripted", input=SECRET)
    assert reply.output_text == SECRET, reply


def responses_stream():
    with client.responses.stream(model="scripted", input=SECRET) as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert text == SECRET, text
        assert stream.get_final_response().output_text == SECRET


def embeddings():
    reply = client.embeddings.create(model="scripted", input=["one", "two"])
    assert [item.index for item in reply.data] == [0, 1], reply


def models():
    names = [model.id for model in client.models.list()]
    assert LOCAL in names and "scripted" in names, names
    assert client.models.retrieve(LOCAL).id == LOCAL


def local_chat():
    reply = client.chat.completions.create(model=LOCAL, messages=user("Say hello."), max_tokens=8, temperature=0)
    assert reply.choices[0].message.content and reply.usage.completion_tokens <= 8, reply


def local_stream():
    stream = client.chat.completions.create(
        model=LOCAL, messages=user("Say hello."), max_tokens=8, temperature=0, stream=True,
        stream_options={"include_usage": True})
    chunks = list(stream)
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    usage = chunks[-1].usage
    assert usage.completion_tokens <= 8, usage
    # The scripted upstream has no price and no factors; what the embedded engine used is measured.
    assert "energy_wh" in usage.model_dump()["weir"], usage


def local_completion():
    reply = client.completions.create(model=LOCAL, prompt="The capital of France is", max_tokens=4, temperature=0)
    assert reply.choices[0].text, reply


def local_responses():
    reply = client.responses.create(model=LOCAL, input="Say hello.", max_output_tokens=8, temperature=0)
    assert reply.output_text and reply.usage.output_tokens <= 8, reply
    assert reply.status == "incomplete" and reply.incomplete_details.reason == "max_output_tokens", reply
    with client.responses.stream(model=LOCAL, input="Say hello.", max_output_tokens=8, temperature=0) as stream:
        events = list(stream)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == reply.output_text and events[-1].type == "response.incomplete", events
    assert events[-1].response.output_text == text, events[-1]


def local_structured_output_is_accepted():
    schema = {"type": "json_schema", "json_schema": {"name": "shape", "schema": Shape.model_json_schema()}}
    reply = client.chat.completions.create(
        model=LOCAL, messages=user("Say hello."), max_tokens=8, response_format=schema)
    assert reply.choices, reply


def local_tools_are_accepted():
    reply = client.chat.completions.create(model=LOCAL, messages=user("Say hello."), max_tokens=8, tools=[TOOL])
    assert reply.choices, reply


def local_embeddings():
    reply = client.embeddings.create(model="all-minilm-l6-v2", input=["a cat", "a kitten", "tax law"])
    cat, kitten, law = (item.embedding for item in reply.data)
    def near(a, b):
        return sum(x * y for x, y in zip(a, b))
    assert len(cat) == 384 and near(cat, kitten) > near(cat, law)


def local_answers_what_the_suite_skips():
    strict = OpenAI(base_url=BASE, api_key=client.api_key, max_retries=0, _strict_response_validation=True)
    reply = strict.embeddings.create(model="all-minilm-l6-v2", input="a cat", encoding_format="float")
    assert len(reply.data[0].embedding) == 384, reply
    reply = strict.completions.create(
        model=LOCAL, prompt="This is", best_of=0, echo=True, frequency_penalty=-2, logit_bias={"foo": 0}, max_tokens=4,
        n=1, presence_penalty=-2, seed=0, stop="\n", temperature=1, top_p=1, user="user-1234")
    assert reply.choices[0].text.startswith("This is"), reply
    raises(openai.BadRequestError, "invalid_request", client.completions.create, model=LOCAL, prompt="a", suffix="b")
    raises(openai.BadRequestError, "invalid_request", client.embeddings.create, model="all-minilm-l6-v2", input="a",
           dimensions=1)


def raises(kind, code, call, **options):
    try:
        call(**options)
    except openai.APIStatusError as error:
        assert type(error) is kind and error.code == code, (type(error), error.code, error)
        assert error.response.headers["x-request-id"], error
        assert error.request_id == error.response.json()["weir"]["record_id"]
    else:
        raise AssertionError(f"no {kind.__name__}")


def create(with_client=client, text="x", model="scripted", **options):
    return with_client.chat.completions.create(model=model, messages=user(text), **options)


def errors_have_their_class():
    raises(openai.AuthenticationError, "invalid_api_key", create, with_client=client.with_options(api_key="weir-no"))
    limited = client.with_options(api_key=os.environ["LIMITED_KEY"])
    raises(openai.PermissionDeniedError, "permission_denied", limited.embeddings.create, model="scripted", input="x")
    raises(openai.NotFoundError, "model_not_found", create, model="no-such-model")
    raises(openai.NotFoundError, "not_found", client.images.generate, prompt="x")
    raises(openai.BadRequestError, "invalid_request", client.chat.completions.create, model="scripted", messages="x")
    raises(openai.BadRequestError, "content_filter", create, text="tell me about bluebird")
    raises(openai.InternalServerError, "upstream_error", create, text="fail 500")
    raises(openai.RateLimitError, "rate_limit_exceeded", create, text="fail 429")
    raises(openai.APIStatusError, "request_too_large", create, text="x" * (64 << 20))


def upstream_errors_have_their_class():
    passed_on = {400: openai.BadRequestError, 404: openai.NotFoundError, 409: openai.ConflictError,
                 413: openai.APIStatusError, 422: openai.UnprocessableEntityError}
    for status, kind in passed_on.items():
        for stream in (False, True):
            raises(kind, "scripted_code", create, text=f"fail {status}", stream=stream)
    # The gateway's own credentials are not the caller's fault.
    for status in (401, 403):
        raises(openai.InternalServerError, "upstream_error", create, text=f"fail {status}")
    raises(openai.BadRequestError, "invalid_request", create, model=LOCAL, temperature=3)
    raises(openai.BadRequestError, "context_length_exceeded", create, model=LOCAL, text="word " * 9000)


def a_broken_stream_is_an_error():
    try:
        list(create(text="break", stream=True))
    except openai.APIError:
        return
    raise AssertionError("the stream ended as if it were whole")


def main():
    checks = [chat, chat_stream_with_usage, tools, tools_stream, structured_output, responses, responses_stream,
              embeddings, models, local_chat, local_stream, local_completion, local_responses,
              local_structured_output_is_accepted, local_tools_are_accepted, local_embeddings,
              local_answers_what_the_suite_skips, errors_have_their_class, upstream_errors_have_their_class,
              a_broken_stream_is_an_error]
    failed = 0
    for check in checks:
        try:
            check()
            print(f"openai-python {openai.__version__}: {check.__name__} ok")
        except Exception:
            failed += 1
            print(f"openai-python {openai.__version__}: {check.__name__} FAILED")
            traceback.print_exc(limit=-3)
    print(f"openai-python: {len(checks) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
