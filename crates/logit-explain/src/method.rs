//! Methods that ask the network at other inputs than the one that is explained.
