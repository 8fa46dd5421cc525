//! Code shared by `vql lint`, `lsp` and the shell: the catalogue of names, and VQL inside files.

pub(crate) mod catalogue;
pub(crate) mod document;
pub(crate) mod lines;
