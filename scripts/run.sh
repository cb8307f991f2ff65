#!/usr/bin/env bash
# `make run`: from a clone to a governed conversation. Builds, fetches the default model, starts the gateway
# on the embedded default and prints a demo key, a line to paste and the console's address.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build models run
scripts/models.sh

step "build (the first time this takes several minutes)"
cargo build --release --locked -p weir

weir="$TARGET_DIR/release/weir"
export WEIR_DATA_DIR="${WEIR_DATA_DIR:-$PWD/weir-data}"
export WEIR_TRAFFIC_ADDR="${WEIR_TRAFFIC_ADDR:-127.0.0.1:8080}"
export WEIR_ADMIN_ADDR="${WEIR_ADMIN_ADDR:-127.0.0.1:8081}"
(umask 077 && mkdir -p "$WEIR_DATA_DIR")

"$weir" serve "$@" &
gateway=$!
trap 'kill -TERM "$gateway" 2>/dev/null || true' INT TERM

step "waiting for the gateway"
until curl --silent --fail --max-time 2 --output /dev/null "http://$WEIR_ADMIN_ADDR/readyz"; do
  kill -0 "$gateway" 2>/dev/null || { wait "$gateway"; exit $?; }
  [ "$SECONDS" -lt 1800 ] || die "the gateway doesn't become ready"
  sleep 0.2
done

# A key is shown once and stored only as a hash, so every start makes a new one; it ends by itself.
key="$("$weir" keys create demo --tenant demo --app demo --expires 7d --json \
  | sed -n 's/.*"key" *: *"\([^"]*\)".*/\1/p')"
[ -n "$key" ] || die "no demo key could be made"

cat <<EOF

Weir is running. Stop it with Ctrl-C.

  Demo key (valid 7 days, shown once)   $key
  Console                               http://$WEIR_ADMIN_ADDR/

Paste this into another terminal:

curl http://$WEIR_TRAFFIC_ADDR/v1/chat/completions \\
  -H 'Authorization: Bearer $key' \\
  -H 'Content-Type: application/json' \\
  -d '{"model":"smollm2-135m-instruct","messages":[{"role":"user","content":"Repeat my address: ada@example.com"}]}'

EOF
# An interrupted wait returns early; the second one collects the exit status after the drain.
wait "$gateway" || wait "$gateway"
