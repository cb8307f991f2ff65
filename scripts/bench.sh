#!/usr/bin/env bash
# `make bench`: peers and Weir, as it is shipped, side by side under the same load; bench/run is the rig.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build clients
scripts/dist.sh
export WEIR="${WEIR:-$TARGET_DIR/dist/weir}"
CARGO_TARGET_DIR="$TARGET_DIR" exec bench/run "$@"
