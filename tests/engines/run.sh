#!/usr/bin/env bash
# llama.cpp's server as an upstream of the gateway, with the same model file as the embedded engine.
source "$(dirname "$0")/../../scripts/lib.sh"
here="$PWD/tests/engines"
scripts/setup.sh clients
source tests/gateway.sh

mkdir -p "$TARGET_DIR/engines"
if ! venv "$TARGET_DIR/engines/venv" "$here/requirements.txt"; then
  skip "second engine: the Python package index can't be reached"
  exit 0
fi
python="$TARGET_DIR/engines/venv/bin/python"
model="$PWD/models/smollm2-135m-instruct-q4_1.gguf"
"$python" "$here/llamacpp.py" "$model" smollm2 "$scratch/engine" >"$scratch/engine.log" 2>&1 &
children+=($!)
await "llama.cpp" $! test -s "$scratch/engine"

cat >"$scratch/policy.yaml" <<'EOF'
weir: v1
policy: engines
owner: tests
rules:
  - id: personal-data
    on: request
    find: [email_address, phone_number, credit_card, iban_code]
    then: pseudonymise
EOF
start_gateway <<EOF
upstreams:
  - {name: llamacpp, url: "$(cat "$scratch/engine")/v1"}
  - {name: local, engine: embedded, models: "$PWD/models"}
routes:
  - {models: [llamacpp], upstreams: [llamacpp], model: smollm2}
  - {models: [embedded], upstreams: [local], model: smollm2-135m-instruct}
policies: [policy.yaml]
EOF
engine_port="$(free_port)"
"$WEIR" infer serve --addr "127.0.0.1:$engine_port" >"$scratch/infer.log" 2>&1 &
children+=($!)
await "the model server" $! answers "http://127.0.0.1:$engine_port/health"
LLAMA_URL="$(cat "$scratch/engine")" ENGINE_URL="http://127.0.0.1:$engine_port" WEIR_KEY="$(make_key engines)"
export LLAMA_URL ENGINE_URL WEIR_KEY
"$python" "$here/check.py"
