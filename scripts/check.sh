#!/usr/bin/env bash
# `make check`: formatting, lints, documentation, house rules (tidy), licences and sources of dependencies.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --release --locked -- -D warnings

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace --release --locked --quiet

step "house rules (tests/tests/tidy.rs)"
cargo test --release --workspace --locked --quiet --test tidy

step "licences and sources of dependencies"
scripts/deny.sh

step "check passed"
