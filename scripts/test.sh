#!/usr/bin/env bash
# `make test`: the Rust tests of all crates, then real clients and a second engine against the built gateway.
source "$(dirname "$0")/lib.sh"
scripts/setup.sh build run models clients postgres
scripts/models.sh

step "build"
# The same selection as the tests below: without `--tests`, features that only tests ask for are left out, and
# `cargo test` builds most dependencies a second time.
cargo build --release --workspace --bins --tests --locked

step "Rust tests"
cargo test --release --workspace --locked

step "a verifier by other means"
tests/verifier/run.sh

step "real clients"
tests/clients/run.sh

step "second engine"
tests/engines/run.sh

step "tests passed"
