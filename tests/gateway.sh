# For scripts that need a running gateway: ports, start, wait, stop. Source after scripts/lib.sh.
WEIR="$TARGET_DIR/release/weir"
[ -x "$WEIR" ] || die "$WEIR is missing: run cargo build --release first"
scratch="$(mktemp -d)"
children=()
cleanup() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Waits until the command succeeds; the process it belongs to must live.
await() { # WHAT PID COMMAND...
  local what="$1" pid="$2" tries=0
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || { cat "$scratch"/*.log >&2; die "$what ended"; }
    [ "$((tries += 1))" -lt 600 ] || { cat "$scratch"/*.log >&2; die "$what doesn't get ready"; }
    sleep 0.2
  done
}
answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1"; }

# Starts the gateway with the settings on standard input (all but weir, data_dir and listen).
start_gateway() {
  local traffic admin
  traffic="$(free_port)" admin="$(free_port)"
  { printf 'weir: v1\ndata_dir: %s/data\nlisten: {traffic: "127.0.0.1:%s", admin: "127.0.0.1:%s"}\n' "$scratch" "$traffic" "$admin"
    cat; } >"$scratch/weir.yaml"
  export WEIR_CONFIG="$scratch/weir.yaml" WEIR_DATA_DIR="$scratch/data" WEIR_ADMIN_KEY="admin-key-for-tests-0123456789abcdef"
  "$WEIR" serve >"$scratch/weir.log" 2>&1 &
  children+=($!)
  await "the gateway" $! answers "http://127.0.0.1:$admin/readyz"
  export BASE_URL="http://127.0.0.1:$traffic/v1"
}
make_key() { # NAME [OPTION...]
  "$WEIR" keys create "$@" --tenant tests --app clients --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])'
}

# A virtual environment of the packages named; fails when the package index can't be reached.
venv() { # PLACE REQUIREMENTS
  local stamp="$1/.weir-stamp" wanted
  wanted="$(sha256sum <"$2")"
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return 0
  python3 -m venv --clear "$1" || return 1
  "$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2" || return 1
  printf '%s' "$wanted" >"$stamp"
}
