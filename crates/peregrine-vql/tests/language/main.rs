//! VQL as text, through the public interface.

mod conformance;
mod diagnostics;
mod robustness;
