//! Studies: the questions' comparisons, answered with numbers.

pub mod activations;
pub mod explain;
pub mod sts;
