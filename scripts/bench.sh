#!/usr/bin/env bash
# `make bench`: peers and Weir side by side under the same load; bench/run is the rig.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build clients
cargo build --release --workspace --locked
CARGO_TARGET_DIR="$TARGET_DIR" exec bench/run "$@"
