//! The command `logit`.
fn main() {}
