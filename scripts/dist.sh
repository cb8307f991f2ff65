#!/usr/bin/env bash
# `make dist`: the binary to ship, target/dist/weir, optimised across all crates (docs/decisions/0028-shipped-build.md).
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build
cargo build --profile dist --locked -p weir --bin weir
echo "built: $TARGET_DIR/dist/weir"
