//! Functions as queries call them.

mod addresses;
mod catalogue;
mod examples;
mod keys;
mod openpgp;
mod parse_binary;
mod queries;
mod sending;
mod streams;
mod template;
mod upload;
