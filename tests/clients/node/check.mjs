// The official Node client against a gateway: BASE_URL, WEIR_KEY, LIMITED_KEY (chat only), LOCAL_MODEL.
// Prints one line a check and a closing line; fails when a check fails.
import assert from "node:assert/strict";
import OpenAI from "openai";

const { BASE_URL, WEIR_KEY, LIMITED_KEY, LOCAL_MODEL } = process.env;
const connect = (apiKey) => new OpenAI({ baseURL: BASE_URL, apiKey, maxRetries: 0 });
const client = connect(WEIR_KEY);
const secret = "Write to ada.lovelace@example.com about card 4111 1111 1111 1111.";
const user = (content) => [{ role: "user", content }];
const tool = {
  type: "function",
  function: { name: "send", parameters: { type: "object", properties: { to: { type: "string" } } } },
};
const create = (text, options = {}, by = client) =>
  by.chat.completions.create({ model: "scripted", messages: user(text), ...options });

async function raises(kind, code, call) {
  const error = await call().then(() => assert.fail(`no ${kind.name}`), (error) => error);
  assert.equal(error.constructor.name, kind.name, `${error}`);
  assert.equal(error.code, code, `${error}`);
  assert.ok(error.requestID, "x-request-id");
}

const checks = {
  async chat() {
    const reply = await create(secret);
    assert.equal(reply.choices[0].message.content, secret);
    assert.equal(reply.usage.total_tokens, 12);
  },
  async chat_stream_with_usage() {
    let text = "", usage;
    for await (const chunk of await create(secret, { stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices.map((choice) => choice.delta.content ?? "").join("");
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, secret);
    assert.equal(usage.total_tokens, 12);
  },
  async tools() {
    const reply = await create(secret, { tools: [tool] });
    assert.deepEqual(JSON.parse(reply.choices[0].message.tool_calls[0].function.arguments), { to: secret });
  },
  async tools_stream() {
    const stream = client.chat.completions.stream({ model: "scripted", messages: user(secret), tools: [tool] });
    const message = (await stream.finalChatCompletion()).choices[0].message;
    assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), { to: secret });
  },
  async structured_output() {
    const schema = { type: "object", properties: { answer: { type: "string" } } };
    const response_format = { type: "json_schema", json_schema: { name: "shape", schema } };
    const reply = await create(secret, { response_format });
    assert.deepEqual(JSON.parse(reply.choices[0].message.content), { answer: secret });
  },
  async responses() {
    assert.equal((await client.responses.create({ model: "scripted", input: secret })).output_text, secret);
  },
  async responses_stream() {
    const stream = client.responses.stream({ model: "scripted", input: secret });
    let text = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
    assert.equal(text, secret);
    assert.equal((await stream.finalResponse()).output_text, secret);
  },
  async embeddings() {
    const reply = await client.embeddings.create({ model: "scripted", input: ["one", "two"], encoding_format: "float" });
    assert.equal(reply.data.length, 2);
  },
  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.ok(names.includes(LOCAL_MODEL) && names.includes("scripted"), `${names}`);
    assert.equal((await client.models.retrieve(LOCAL_MODEL)).id, LOCAL_MODEL);
  },
  async local_chat() {
    const reply = await create("Say hello.", { model: LOCAL_MODEL, max_tokens: 8, temperature: 0 });
    assert.ok(reply.choices[0].message.content);
  },
  async local_stream() {
    let text = "", usage;
    const stream_options = { include_usage: true };
    const options = { model: LOCAL_MODEL, max_tokens: 8, temperature: 0, stream: true, stream_options };
    for await (const chunk of await create("Say hello.", options)) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.ok(text);
    assert.ok(usage.completion_tokens <= 8);
    // The scripted upstream has no price and no factors; what the embedded engine used is measured.
    assert.ok(usage.weir.energy_wh);
  },
  async local_embeddings() {
    const reply = await client.embeddings.create({ model: "all-minilm-l6-v2", input: "a cat" });
    assert.equal(reply.data[0].embedding.length, 384);
  },
  async errors_have_their_class() {
    const bad = connect("weir-no"), limited = connect(LIMITED_KEY);
    await raises(OpenAI.AuthenticationError, "invalid_api_key", () => create("x", {}, bad));
    await raises(OpenAI.PermissionDeniedError, "permission_denied", () =>
      limited.embeddings.create({ model: "scripted", input: "x" }));
    await raises(OpenAI.NotFoundError, "model_not_found", () => create("x", { model: "no-such-model" }));
    await raises(OpenAI.BadRequestError, "invalid_request", () => create("x", { messages: "x" }));
    await raises(OpenAI.BadRequestError, "content_filter", () => create("tell me about bluebird"));
    await raises(OpenAI.InternalServerError, "upstream_error", () => create("fail 500"));
    await raises(OpenAI.RateLimitError, "rate_limit_exceeded", () => create("fail 429"));
  },
  async upstream_errors_have_their_class() {
    const passedOn = {
      400: OpenAI.BadRequestError, 404: OpenAI.NotFoundError, 409: OpenAI.ConflictError,
      422: OpenAI.UnprocessableEntityError,
    };
    for (const [status, kind] of Object.entries(passedOn)) {
      for (const stream of [false, true]) await raises(kind, "scripted_code", () => create(`fail ${status}`, { stream }));
    }
    // The gateway's own credentials are not the caller's fault.
    for (const status of [401, 403]) {
      await raises(OpenAI.InternalServerError, "upstream_error", () => create(`fail ${status}`));
    }
    await raises(OpenAI.BadRequestError, "invalid_request", () => create("x", { model: LOCAL_MODEL, temperature: 3 }));
  },
  async a_broken_stream_is_an_error() {
    const read = async () => {
      for await (const _ of await create("break", { stream: true }));
    };
    await assert.rejects(read);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`openai-node: ${name} ok`);
  } catch (error) {
    failed += 1;
    console.log(`openai-node: ${name} FAILED\n${error.stack ?? error}`);
  }
}
console.log(`openai-node: ${Object.keys(checks).length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed ? 1 : 0);
