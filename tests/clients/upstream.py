"""A scripted OpenAI-compatible server: echoes, calls tools, answers Responses, fails on demand.

Writes its port to the file named by its first argument and every request body to the second.
What it does with a request follows from the text of the last message:
`fail 429`, `fail 500`, `break` (a stream that ends in the middle), else an echo.
"""
import http.server
import json
import socket
import sys

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
RESPONSES_USAGE = {
    "input_tokens": 7, "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12,
}


def last_text(body):
    if "messages" in body:
        content = body["messages"][-1].get("content") or ""
    else:
        content = body.get("input") or body.get("prompt") or ""
    if isinstance(content, list):
        content = " ".join(part.get("text", "") if isinstance(part, dict) else str(part) for part in content)
    return content


def pieces(text):
    """Cut so that pseudonyms are split."""
    return [text[at:at + 3] for at in range(0, len(text), 3)] or [""]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [
            {"id": "scripted", "object": "model", "created": 1, "owned_by": "tests"}]})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        with open(sys.argv[2], "ab") as log:
            log.write(raw + b"\n")
        body = json.loads(raw)
        text = last_text(body)
        if text.startswith("fail "):
            error = {"message": "scripted", "type": "server_error", "code": "scripted_code"}
            self.answer(int(text[5:]), {"error": error})
        elif self.path.endswith("/responses"):
            self.respond(body, text)
        elif self.path.endswith("/embeddings"):
            count = len(body["input"]) if isinstance(body["input"], list) else 1
            data = [{"object": "embedding", "index": at, "embedding": [0.25, -0.5]} for at in range(count)]
            self.answer(200, {"object": "list", "model": body["model"], "data": data,
                              "usage": {"prompt_tokens": 3, "total_tokens": 3}})
        else:
            self.chat(body, text)

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def start_stream(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def event(self, value, name=None):
        data = value if isinstance(value, str) else json.dumps(value)
        text = (f"event: {name}\n" if name else "") + f"data: {data}\n\n"
        self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())

    def chat(self, body, text):
        tools = body.get("tools")
        if body.get("response_format", {}).get("type") == "json_schema":
            text = json.dumps({"answer": text})
        call = {"id": "call_1", "type": "function", "function": {
            "name": tools[0]["function"]["name"], "arguments": json.dumps({"to": text})}} if tools else None
        if not body.get("stream"):
            message = {"role": "assistant", "content": None if call else text, "refusal": None}
            if call:
                message["tool_calls"] = [call]
            return self.answer(200, {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": body["model"],
                "choices": [{"index": 0, "message": message, "logprobs": None,
                             "finish_reason": "tool_calls" if call else "stop"}], "usage": USAGE})
        self.start_stream()
        if call:
            function = call["function"]
            deltas = [{"tool_calls": [{"index": 0, **call, "function": {"name": function["name"], "arguments": ""}}]}]
            deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                       for piece in pieces(function["arguments"])]
        else:
            deltas = [{"content": piece} for piece in pieces(text)]
        for delta in [{"role": "assistant", "content": None if call else ""}, *deltas]:
            self.chunk(body, [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])
        if text == "break":
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        self.chunk(body, [{"index": 0, "delta": {}, "logprobs": None,
                           "finish_reason": "tool_calls" if call else "stop"}])
        if body.get("stream_options", {}).get("include_usage"):
            self.chunk(body, [], USAGE)
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, body, choices, usage=None):
        self.event({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000,
                    "model": body["model"], "choices": choices, "usage": usage})

    def respond(self, body, text):
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}

        def response(status, output):
            return {"id": "resp_1", "object": "response", "created_at": 1700000000, "status": status,
                    "model": body["model"], "output": output, "parallel_tool_calls": True, "tool_choice": "auto",
                    "tools": [], "error": None, "incomplete_details": None, "instructions": None, "metadata": {},
                    "temperature": 1.0, "top_p": 1.0, "usage": RESPONSES_USAGE if output else None}
        if not body.get("stream"):
            return self.answer(200, response("completed", [item]))
        self.start_stream()
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        events = [
            {"type": "response.created", "response": response("in_progress", [])},
            {"type": "response.output_item.added", "output_index": 0,
             "item": {**item, "status": "in_progress", "content": []}},
            {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
            *({"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
              for piece in pieces(text)),
            {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
            {"type": "response.content_part.done", **place, "part": part},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response("completed", [item])},
        ]
        for number, event in enumerate(events):
            self.event({**event, "sequence_number": number}, event["type"])
        self.wfile.write(b"0\r\n\r\n")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1], "w") as port:
    port.write(str(server.server_address[1]))
server.serve_forever()
