//! The table of modules and the commands of the binary.
