//! The one way in which Logit opens, reads and replaces files.
//!
//! Floors, from the ground up: `open`, `link`, `same`, `replace`.
//!
//! A file may come from a stranger: in its place may be a pipe that never ends, a device, a link that leads elsewhere, or
//! more than memory holds. What is read goes through [`open`] or [`read_at_most`]; what is kept in a folder of our own
//! through [`Replacement::within`] and [`open_to_append`]; what a user named, through [`Replacement::at`].

mod link;
mod open;
mod replace;
mod same;

pub use link::leads_out;
pub use open::{open, open_to_append, read_at_most, read_text_at_most};
pub use replace::{Replacement, remove_parts, replace_within};
pub use same::is_same;
