//! Readers of Logit, fed what nobody meant to write.
//!
//! Floors, from the ground up: `seeds`, `targets`, `mutate`.
//!
//! | file | concept |
//! |---|---|
//! | `seeds` | small files of each kind, as they should be |
//! | `targets` | the readers: what they are given, and how |
//! | `mutate` | what is done to a file, by what it is made of |

pub mod mutate;
pub mod seeds;
pub mod targets;
