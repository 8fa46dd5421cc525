//! The envelope and the files of agents, from outside.

mod common;
mod configuration;
mod keys;
mod packets;
mod samples;
