"""llama.cpp (PyPI xllamacpp) on the same GGUF file: its HTTP server, one thread, for the comparisons here."""

import os

import xllamacpp


def start(model="models/smollm2-135m-instruct-q4_1.gguf", threads=1, slots=8, context=8192):
    """Starts the server in this process and returns it; `listening_address` says where."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = context
    params.n_parallel = slots
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.hostnames = ["127.0.0.1"]
    params.port = int(os.environ.get("LLAMA_PORT", "0"))
    params.warmup = False
    params.cont_batching = True
    return xllamacpp.Server(params)


if __name__ == "__main__":
    import signal

    server = start()
    print(server.listening_address, flush=True)
    signal.pause()
