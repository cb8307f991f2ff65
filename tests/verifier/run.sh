#!/usr/bin/env bash
# Lets a verifier that shares no code with Weir judge good and tampered evidence bundles.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

venv=target/verifier-venv
if ! "$venv/bin/python" -c 'import cryptography' 2>/dev/null; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/verifier/requirements.txt
fi
cargo run --release --quiet -p weir-audit --example evidence -- "$work/bundles"
"$venv/bin/python" tests/verifier/judge.py "$work/bundles"
