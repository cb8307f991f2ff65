"""Weir's embedded engine against llama.cpp on the same file, same machine, same run, one thread each.

Needs PyPI xllamacpp, the models (`make models`) and the built example:
    cargo build --release -p weir-inference --examples
    python bench/inference/compare.py [--engine target/release/examples/serve]
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import signal
import subprocess
import sys
import time

import corpus
import reference

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = [
    "Once upon a time", "The capital of Germany is", "def fibonacci(n):\n", "In 1969, ", "Water boils at",
    "Dear Sir or Madam,\n", "1, 2, 3, 4,", "La vie est", "import numpy as np\n", "The three laws of robotics are",
    "To be, or not to be,", "Q: What is 2 + 2?\nA:",
]


class Server:
    """One engine in its own process: asks it over HTTP and reads its CPU time from /proc."""

    def __init__(self, name, command, port, **environment):
        self.name, self.port = name, port
        environment = dict(os.environ, RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1", **environment)
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if self.process.poll() is not None:
                sys.exit(f"{name} ended with status {self.process.returncode}")
            try:
                self.ask("GET", "/v1/models")
                return
            except (OSError, RuntimeError):
                time.sleep(0.1)
        sys.exit(f"{name} did not start")

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(method, path, json.dumps(body) if body else None, {"content-type": "application/json"})
        answer = connection.getresponse()
        value = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status} {value}")
        return value

    def cpu(self):
        """CPU seconds of the process so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Resident MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def complete(self, prompt, tokens, **more):
        body = {"model": "smollm2-135m-instruct", "prompt": prompt, "max_tokens": tokens, "temperature": 0}
        return self.ask("POST", "/v1/completions", body | more)

    def timed(self, work):
        """Wall and CPU seconds of `work`."""
        wall, cpu = time.monotonic(), self.cpu()
        work()
        return time.monotonic() - wall, self.cpu() - cpu

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def tokenizers(weir, llama):
    texts = corpus.strings()
    wrong = 0
    for text in texts:
        ours = weir.ask("POST", "/tokenize", {"prompt": text})["tokens"]
        theirs = llama.ask("POST", "/tokenize", {"content": text, "parse_special": True})["tokens"]
        if theirs != ours:
            wrong += 1
            print("differs:", json.dumps(text), theirs, ours, file=sys.stderr)
    print(f"tokenizer: {len(texts) - wrong} of {len(texts)} strings give equal tokens")


def greedy(weir, llama):
    equal = 0
    for prompt in PROMPTS:
        ours = weir.complete(prompt, 32)["choices"][0]["text"]
        theirs = llama.complete(prompt, 32, cache_prompt=False)["choices"][0]["text"]
        equal += ours == theirs
        if ours != theirs:
            print(f"greedy differs after {os.path.commonprefix([ours, theirs])!r}: {ours!r} {theirs!r}", file=sys.stderr)
    print(f"greedy: {equal} of {len(PROMPTS)} prompts give equal text over 32 tokens")


def logprobs(weir, llama):
    """Errors of the first token's log-probability against 32-bit arithmetic, over the five best tokens."""
    weights = reference.read("models/smollm2-135m-instruct-q4_1.gguf")
    errors = {"weir": [], "llama.cpp": []}
    for prompt in PROMPTS:
        tokens = weir.ask("POST", "/tokenize", {"prompt": prompt})["tokens"]
        exact = reference.forward(weights, tokens)
        best = [int(token) for token in exact.argsort()[-5:]]
        words = [llama.ask("POST", "/detokenize", {"tokens": [token]})["content"] for token in best]
        ours = weir.complete(prompt, 1, logprobs=5)["choices"][0]["logprobs"]["top_logprobs"][0]
        theirs = llama.ask("POST", "/completion", {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": 10,
                                                   "cache_prompt": False})["completion_probabilities"][0]
        theirs = {one["token"]: one["logprob"] for one in theirs["top_logprobs"]}
        for name, got in (("weir", ours), ("llama.cpp", theirs)):
            errors[name] += [abs(got[word] - exact[token]) for token, word in zip(best, words) if word in got]
    for name, list_ in errors.items():
        print(f"log-probabilities against 32-bit arithmetic, {name}: mean error {sum(list_) / len(list_):.4f},"
              f" largest {max(list_):.4f} of {len(list_)}")


def speeds(server, rounds):
    """Tokens a second by wall clock and by CPU: prefill, decode, eight at once. Best of the rounds."""
    best = {}
    long_prompt = "The history of the Roman Empire is long. " * 60
    more = {"cache_prompt": False} if server.name == "llama.cpp" else {}
    more |= {"logit_bias": {"0": -100, "2": -100}}

    def keep(name, tokens, seconds):
        wall, cpu = (tokens / max(one, 1e-3) for one in seconds)
        old = best.get(name, (0, 0))
        best[name] = (max(old[0], wall), max(old[1], cpu))

    for round_number in range(rounds):
        answer = {}
        prompt = f"{round_number} {long_prompt}"
        seconds = server.timed(lambda: answer.update(server.complete(prompt, 1, **more)))
        keep("prefill", answer["usage"]["prompt_tokens"], seconds)
        seconds = server.timed(lambda: answer.update(server.complete("Once upon a time", 128, **more)))
        keep("decode", answer["usage"]["completion_tokens"], seconds)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ask = lambda prompt: server.complete(prompt, 64, **more)["usage"]["completion_tokens"]
            counts = []
            seconds = server.timed(lambda: counts.extend(pool.map(ask, PROMPTS[:8])))
        keep("8 at once", sum(counts), seconds)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="target/release/examples/serve")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    weir = Server("weir", [options.engine, "127.0.0.1:9741"], 9741)
    llama = Server("llama.cpp", [sys.executable, os.path.join(HERE, "llama.py")], 9742, LLAMA_PORT="9742")
    try:
        tokenizers(weir, llama)
        greedy(weir, llama)
        logprobs(weir, llama)
        ours, theirs = speeds(weir, options.rounds), speeds(llama, options.rounds)
        print(f"{'tokens a second':18}{'weir':>10}{'llama.cpp':>11}{'ratio':>8}   by CPU: weir, llama.cpp, ratio")
        for name, (wall, cpu) in ours.items():
            other_wall, other_cpu = theirs[name]
            print(f"{name:18}{wall:10.1f}{other_wall:11.1f}{wall / other_wall:8.2f}"
                  f"   {cpu:8.1f}{other_cpu:8.1f}{cpu / other_cpu:8.2f}")
        print(f"resident MiB: weir {weir.memory():.0f} (embedding model included), llama.cpp {llama.memory():.0f}")
    finally:
        weir.stop()
        llama.stop()


if __name__ == "__main__":
    main()
