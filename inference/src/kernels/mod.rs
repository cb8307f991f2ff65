//! CPU arithmetic for transformer layers: chosen once for the machine's instruction set, safe Rust only.
//!
//! Why not candle's own matrix products: its quantised ones have no vector path for Q4_1, gain nothing
//! from batching, and run on a process-wide spinning thread pool that can only be set by environment.

mod attention;
mod elementwise;
mod isa;
mod pack;
mod q4_matrix;
mod q8_matrix;

pub(crate) use attention::{HEAD, attend};
pub(crate) use elementwise::{add_assign, rms_norm, rotate, silu_mul};
pub(crate) use pack::{Activations, LANES, Workers};
pub(crate) use q4_matrix::Q4Matrix;
pub(crate) use q8_matrix::Q8Matrix;
