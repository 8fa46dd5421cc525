//! VQL as text, from outside.

mod conformance;
mod diagnostics;
mod robustness;
