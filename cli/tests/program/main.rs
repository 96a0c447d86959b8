//! The program as its users see it: exit codes, messages, JSON.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod blocktest;
#[cfg(test)]
mod common;
#[cfg(test)]
mod run;
#[cfg(test)]
mod statetest;
