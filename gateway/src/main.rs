//! Entry point of the `weir` binary.

fn main() {}
