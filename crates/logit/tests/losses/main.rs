//! What every loss promises, and the numbers of the oracle, tried on every loss of one [`table`].

mod gradients;
mod harness;
mod identities;
mod numbers;
mod options;
mod oracle;
mod table;
mod targets;
