//! Load rig entry point.

fn main() {}
