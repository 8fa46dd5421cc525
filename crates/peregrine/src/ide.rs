//! What `vql lint`, `lsp` and the shell share: everything with a name, and VQL where it stands in files.

pub(crate) mod catalogue;
pub(crate) mod document;
pub(crate) mod lines;
