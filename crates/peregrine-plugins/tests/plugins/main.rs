//! Plugins as queries call them. Those that share the one tracker of a process, and those that need servers, are programs of their own.

mod archives_and_streams;
mod catalogue;
mod http_client;
mod text_control_exec;
mod trace;
mod vfs_ls;
mod watch_files;
