#!/usr/bin/env bash
# Trains the fast tagger anew: texts, gazetteer, corpora, model. `train.sh SHARED [OUT]`
# SHARED is the folder that holds pii/. The same requirements give the same model.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
shared="$(cd "${1:?usage: train.sh SHARED [OUT]}" && pwd)"
out="${2:-$here/../../target/tagger}"
mkdir -p "$out"
[ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
"$out/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
python="$out/venv/bin/python"
# The order of sets must not depend on the run.
export PYTHONHASHSEED=0
"$python" "$here/prepare.py" "$shared" "$out"
"$python" "$here/generate/gazetteer.py" "$out"
"$python" "$here/generate/texts.py" "$out"
cargo run --release --package weir-classifiers --example train-tagger -- "$out" "$here/../models/tagger-fast.bin"
