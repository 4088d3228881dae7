//! The crate as programs use it: by hand, against other programs, by what must always hold, and with what is wrong.

mod bad_input;
mod common;
mod golden;
mod measures;
mod methods;
mod properties;
mod zennit;
