#!/usr/bin/env bash
# `make soak`: the soak scenario for SOAK_SECONDS (default 600) instead of the few seconds of `make test`.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build
cargo build --release --workspace --locked
WEIR_SOAK_SECONDS="${SOAK_SECONDS:-600}" cargo test --release --workspace --locked --test soak -- --nocapture

# Ten thousand generated requests of which nothing may leave (SOAK_REQUESTS, default 10000).
WEIR_LEAK_REQUESTS="${SOAK_REQUESTS:-10000}" cargo test --release --workspace --locked --test leak -- --nocapture

# Writers killed again and again, while sealing and while bodies are written (SOAK_KILLS children each, default 500);
# then the whole gateway under load (SOAK_GATEWAY_KILLS, default 100).
step "the audit log under kills"
WEIR_KILL_ROUNDS="${SOAK_KILLS:-500}" cargo test --release --workspace --locked --test log --test proof kill -- --nocapture
step "the gateway under kills"
WEIR_GATEWAY_KILLS="${SOAK_GATEWAY_KILLS:-100}" cargo test --release --workspace --locked --test durability kill -- --nocapture

# Callers that leave, and upstreams that reset, at every byte of a reply.
step "every byte"
WEIR_EVERY_BYTE=1 cargo test --release --workspace --locked --test faults any_byte -- --nocapture

# The index at size: records shipped to a PostgreSQL that crashes and hangs, then filters over many rows in both
# databases. Takes a quarter of an hour and some space, so it is asked for: SOAK_INDEX_ROWS=10000000 make soak
if [ -n "${SOAK_INDEX_ROWS:-}" ]; then
  step "index"
  scripts/setup.sh postgres
  # About 1 KB a row, the larger database's; and as much again for what is written on the way.
  need=$((SOAK_INDEX_ROWS * 2 / 1024 / 1024 + 1))
  free=$(df -Pk "${TMPDIR:-/tmp}" | awk 'NR == 2 { print int($4 / 1048576) }')
  if [ "$free" -lt "$need" ]; then
    skip "the index at size: needs $need GB in ${TMPDIR:-/tmp}, $free GB are free"
  else
    cargo build --release --locked -p weir-index --example ship
    "$TARGET_DIR/release/examples/ship" records sqlite "$((SOAK_INDEX_ROWS / 10))"
    "$TARGET_DIR/release/examples/ship" records postgres "$((SOAK_INDEX_ROWS / 10))"
    "$TARGET_DIR/release/examples/ship" filters sqlite "$SOAK_INDEX_ROWS"
    "$TARGET_DIR/release/examples/ship" filters postgres "$SOAK_INDEX_ROWS"
  fi
fi
