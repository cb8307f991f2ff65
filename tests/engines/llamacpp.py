"""llama.cpp's OpenAI-compatible server on the CPU, from the Python package xllamacpp.

Arguments: model file, model name, file to write the address to. Runs until it is killed.
"""
import signal
import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.model_alias = {sys.argv[2]}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.n_ctx = 8192
params.n_parallel = 4
params.endpoint_metrics = True
params.ui = False
server = xllamacpp.Server(params)
with open(sys.argv[3], "w", encoding="utf-8") as address:
    address.write(server.listening_address)
signal.pause()
