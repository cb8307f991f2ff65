#!/usr/bin/env bash
# `make soak`: the soak scenario for SOAK_SECONDS (default 600) instead of the few seconds of `make test`.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build
cargo build --release --workspace --locked
WEIR_SOAK_SECONDS="${SOAK_SECONDS:-600}" cargo test --release --workspace --locked --test soak -- --nocapture
