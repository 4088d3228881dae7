//! The command as its users meet it: every test starts the program in a folder of its own.

mod common;
mod eval;
mod faults;
mod injected;
mod inspect;
mod life;
mod listings;
mod old_runs;
mod pairs;
mod predict;
mod recipes;
mod record;
mod resume;
mod segmentation;
mod shim;
mod sts;
mod study;
mod table;
mod table_faults;
mod terminal;
mod together;
mod train;
mod usage;
mod watch;
