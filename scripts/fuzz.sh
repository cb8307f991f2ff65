#!/usr/bin/env bash
# `make fuzz`: every fuzz target of every */fuzz folder, FUZZ_SECONDS each (default 60).
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build

VERSION=0.13.2
tools="$TARGET_DIR/tools"
export PATH="$tools/bin:$PATH"
if ! have cargo-fuzz; then
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --root "$tools" --target-dir "$tools/build" \
    --version "$VERSION" cargo-fuzz || die "cargo-fuzz $VERSION can't be installed from the crate registry"
fi
# libFuzzer's instrumentation needs unstable compiler flags; this admits them on the pinned stable compiler.
export RUSTC_BOOTSTRAP=1

for manifest in */fuzz/Cargo.toml; do
  [ -f "$manifest" ] || die "no fuzz targets found"
  crate="$(dirname "$(dirname "$manifest")")"
  for target in $(cd "$crate" && cargo fuzz list); do
    step "$crate: $target"
    (cd "$crate" && cargo fuzz run --target "$(rustc -vV | sed -n 's/^host: //p')" "$target" -- \
      -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=4096 -print_final_stats=1)
  done
done
step "fuzzing found nothing"
