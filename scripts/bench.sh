#!/usr/bin/env bash
# `make bench`: peers and Weir side by side under the same load; the rig is the crate in bench/.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build clients
cargo build --release --locked -p weir
CARGO_TARGET_DIR="$TARGET_DIR" exec bench/run "$@"
