//! The command as its users meet it: every test starts the program in a folder of its own.

mod common;
mod eval;
mod faults;
mod inspect;
mod listings;
mod old_runs;
mod pairs;
mod predict;
mod recipes;
mod record;
mod resume;
mod segmentation;
mod sts;
mod study;
mod table;
mod table_faults;
mod terminal;
mod train;
mod usage;
mod watch;
