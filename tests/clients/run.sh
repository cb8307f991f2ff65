#!/usr/bin/env bash
# The official openai clients for Python and Node, and the Python package's own tests, against a real gateway.
# Each part prints a closing line `NAME: N passed, N failed, N skipped`, or says why it was skipped.
source "$(dirname "$0")/../../scripts/lib.sh"
here="$PWD/tests/clients"
scripts/setup.sh clients
source tests/gateway.sh
place="$TARGET_DIR/clients"
mkdir -p "$place"
failed=0

if ! venv "$place/venv" "$here/requirements.txt"; then
  skip "real clients: the Python package index can't be reached"
  exit 0
fi
python="$place/venv/bin/python"

"$python" "$here/upstream.py" "$scratch/port" "$scratch/seen" >"$scratch/upstream.log" 2>&1 &
children+=($!)
await "the scripted upstream" $! test -s "$scratch/port"
cat >"$scratch/policy.yaml" <<'EOF'
weir: v1
policy: clients
owner: tests
lists:
  secret_projects:
    words: [bluebird]
rules:
  - id: personal-data
    on: request
    find: [email_address, phone_number, credit_card, iban_code]
    then: pseudonymise
  - id: no-bluebird
    on: [request, reply]
    find: secret_projects
    then: {block: "Leave that project out."}
EOF
export UPSTREAM_KEY=upstream-secret LOCAL_MODEL=smollm2-135m-instruct
start_gateway <<EOF
upstreams:
  - {name: scripted, url: "http://127.0.0.1:$(cat "$scratch/port")/v1", api_key: {env: UPSTREAM_KEY}}
  - {name: local, engine: embedded, models: "$PWD/models"}
routes:
  - {models: [scripted], upstreams: [scripted]}
  - {models: [smollm2-135m-instruct, all-minilm-l6-v2], upstreams: [local]}
  - {models: [gpt-6-astra, gpt-3.5-turbo-instruct], upstreams: [local], model: smollm2-135m-instruct}
  - {models: [text-embedding-3-small], upstreams: [local], model: all-minilm-l6-v2}
policies: [policy.yaml]
EOF
WEIR_KEY="$(make_key full)" LIMITED_KEY="$(make_key limited --endpoints chat)"
export WEIR_KEY LIMITED_KEY

step "openai for Python"
"$python" "$here/python/check.py" || failed=1

step "openai for Node"
major() { node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'; }
[ "$(major || true)" -ge 22 ] 2>/dev/null || PATH="$place/venv/bin:$PATH"
cp "$here"/node/* "$place/"
if (cd "$place" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
  (cd "$place" && node check.mjs) || failed=1
else
  skip "openai for Node: the npm registry can't be reached"
fi

if grep -qE 'ada.lovelace|4111 ?1111' "$scratch/seen"; then
  echo "the upstream saw personal data"
  failed=1
fi

# The package's own tests are only in its source distribution.
suite="$place/openai-suite"
version="$(sed -n 's/^openai==//p' "$here/requirements.txt")"
if [ ! -f "$suite/$version" ]; then
  rm -rf "$suite" && mkdir -p "$suite"
  if "$python" -m pip download --quiet --no-deps --no-binary openai --dest "$suite" "openai==$version"; then
    tar -xzf "$suite"/openai-*.tar.gz -C "$suite" --strip-components 1 && touch "$suite/$version"
  fi
fi

# Runs the suite at a base URL and prints its closing line.
own_tests() { # NAME BASE_URL
  local report
  report="$(cd "$suite" && TEST_API_BASE_URL="$2" SKIP_LIST="$here/openai-suite-skip.txt" \
    PYTHONPATH="$here/python" PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -p weir_suite -p no:cacheprovider \
    -o addopts= --quiet --tb=short -rfE tests/api_resources/chat/test_completions.py \
    tests/api_resources/test_completions.py tests/api_resources/test_embeddings.py tests/api_resources/test_models.py 2>&1)" ||
    { failed=1; printf '%s\n' "$report" | tail -80; }
  count() { printf '%s\n' "$report" | tail -1 | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
  echo "$1: $(count passed) passed, $(($(count failed) + $(count error))) failed, $(count skipped) skipped"
}

step "tests of the openai package, through the gateway"
if [ -f "$suite/$version" ]; then
  own_tests "openai-suite through the gateway" "$BASE_URL"
  step "tests of the openai package, against weir infer serve"
  engine_port="$(free_port)"
  "$WEIR" infer serve --addr "127.0.0.1:$engine_port" --models models \
    --alias gpt-6-astra=smollm2-135m-instruct --alias gpt-3.5-turbo-instruct=smollm2-135m-instruct \
    --alias text-embedding-3-small=all-minilm-l6-v2 >"$scratch/engine.log" 2>&1 &
  children+=($!)
  await "the model server" $! answers "http://127.0.0.1:$engine_port/health"
  own_tests "openai-suite against the model server" "http://127.0.0.1:$engine_port/v1"
else
  skip "tests of the openai package: its source distribution can't be fetched"
fi
exit "$failed"
