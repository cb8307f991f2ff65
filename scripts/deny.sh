#!/usr/bin/env bash
# Runs cargo-deny over deny.toml; builds it once into the target folder when the machine has none.
source "$(dirname "$0")/lib.sh"

VERSION=0.20.2
tools="$TARGET_DIR/tools"
export PATH="$tools/bin:$PATH"

if ! have cargo-deny; then
  # Unoptimised and without debug info: three minutes instead of ten, and it runs for seconds.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --debug --locked --no-default-features \
    --root "$tools" --target-dir "$tools/build" --version "$VERSION" cargo-deny \
    || { skip "licences and sources: cargo-deny $VERSION can't be installed from the crate registry"; exit 0; }
  rm -rf "$tools/build"
fi
cargo-deny --locked --log-level error check --hide-inclusion-graph licenses bans sources

# The advisory database is a git repository: there may be no way to it from here.
if timeout 90 cargo-deny --log-level off fetch db >/dev/null 2>&1; then
  cargo-deny --locked --log-level error check --disable-fetch --hide-inclusion-graph advisories
else
  skip "advisories: the RustSec database can't be reached from this machine"
fi
