//! What the loops of kills stand on: chance that can be had again, a disk without power, a command
//! line.

pub mod arguments;
pub mod platter;
pub mod random;
