"""The same model in 32-bit floats with numpy, no quantised activations: which engine is closer to it?

Prints, for each prompt, the largest error of the next token's log-probability over the five best tokens.
"""

import json
import struct
import sys

import numpy as np

HEADS, KV, HEAD, LAYERS, BASE, EPSILON = 9, 3, 64, 30, 100000.0, 1e-5


def read(path):
    """Tensors of a GGUF file, dequantised."""
    file = open(path, "rb").read()
    at = 4

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, file, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        size = take("Q")
        at += size
        return file[at - size : at].decode()

    def skip(kind):
        if kind == 8:
            return text()
        if kind == 9:
            inner, count = take("I"), take("Q")
            return [skip(inner) for _ in range(count)]
        return take({0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}[kind])

    take("I")
    tensors, values = take("Q"), take("Q")
    for _ in range(values):
        text()
        skip(take("I"))
    places = {}
    for _ in range(tensors):
        name = text()
        shape = [take("Q") for _ in range(take("I"))][::-1]
        places[name] = (shape, take("I"), take("Q"))
    start = (at + 31) // 32 * 32
    return {name: decode(file, shape, kind, start + offset) for name, (shape, kind, offset) in places.items()}


def decode(file, shape, kind, at):
    count = int(np.prod(shape))
    if kind == 0:
        return np.frombuffer(file, "<f4", count, at).reshape(shape)
    size = {3: 20, 8: 34}[kind]
    blocks = np.frombuffer(file, "u1", count // 32 * size, at).reshape(-1, size)
    scale = blocks[:, :2].copy().view("<f2").astype("f4")
    if kind == 8:
        return (blocks[:, 2:].view("i1").astype("f4") * scale).reshape(shape)
    least = blocks[:, 2:4].copy().view("<f2").astype("f4")
    nibbles = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], 1).astype("f4")
    return (nibbles * scale + least).reshape(shape)


def norm(x, weight):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight


def forward(w, tokens):
    """Log-probabilities of the token after `tokens`."""
    x = w["token_embd.weight"][tokens]
    n = len(tokens)
    angle = np.arange(n)[:, None] * BASE ** (-np.arange(0, HEAD, 2) / HEAD)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]

    def turn(y):
        even, odd = y[..., ::2], y[..., 1::2]
        return np.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(y.shape)

    mask = np.where(np.tril(np.ones((n, n))), 0.0, -np.inf)
    for layer in range(LAYERS):
        part = lambda name: w[f"blk.{layer}.{name}.weight"]
        y = norm(x, part("attn_norm"))
        q = turn((y @ part("attn_q").T).reshape(n, HEADS, HEAD))
        k = turn((y @ part("attn_k").T).reshape(n, KV, HEAD)).repeat(HEADS // KV, 1)
        v = (y @ part("attn_v").T).reshape(n, KV, HEAD).repeat(HEADS // KV, 1)
        s = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD) + mask
        s = np.exp(s - s.max(-1, keepdims=True))
        y = np.einsum("hqk,khd->qhd", s / s.sum(-1, keepdims=True), v).reshape(n, HEADS * HEAD)
        x = x + y @ part("attn_output").T
        y = norm(x, part("ffn_norm"))
        gate = y @ part("ffn_gate").T
        x = x + (gate / (1 + np.exp(-gate)) * (y @ part("ffn_up").T)) @ part("ffn_down").T
    scores = norm(x[-1], w["output_norm.weight"]) @ w["token_embd.weight"].T
    scores = scores - scores.max()
    return scores - np.log(np.exp(scores).sum())


if __name__ == "__main__":
    weights = read(sys.argv[1] if len(sys.argv) > 1 else "models/smollm2-135m-instruct-q4_1.gguf")
    for line in sys.stdin:
        print(json.dumps(forward(weights, json.loads(line)).tolist()), flush=True)
