#!/usr/bin/env bash
# `make bench`: peers and Weir side by side under the same load; bench/run is the rig.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build clients
<<<<<<< HEAD
cargo build --release --workspace --locked
exec bench/run "$@"
=======
cargo build --release --locked -p weir
CARGO_TARGET_DIR="$TARGET_DIR" exec bench/run "$@"
>>>>>>> refs/heads/bench
