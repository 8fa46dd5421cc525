//! The codes of findings, in addition to those of the parser. They are stable; the wording of messages is
//! not.

/// A call of a function that does not exist.
pub const UNKNOWN_FUNCTION: &str = "V101";
/// A source that does not exist.
pub const UNKNOWN_PLUGIN: &str = "V102";
/// An argument the callee does not take.
pub const UNKNOWN_ARGUMENT: &str = "V103";
/// A required argument is not given.
pub const MISSING_ARGUMENT: &str = "V104";
/// A constant that cannot be converted to the type of the argument.
pub const WRONG_TYPE: &str = "V105";
/// Part of the language but not of this program.
pub const NOT_IMPLEMENTED: &str = "V106";
/// An argument given twice; the last one counts.
pub const REPEATED_ARGUMENT: &str = "V107";
/// An unused LET.
pub const UNUSED_LET: &str = "V110";
/// A LET that hides an earlier one.
pub const SHADOWED_LET: &str = "V111";
/// A LET function that is never called, because a built-in one takes precedence.
pub const HIDDEN_BY_BUILTIN: &str = "V112";
/// A name that nothing defines.
pub const UNKNOWN_NAME: &str = "V120";
/// A column the rows do not have.
pub const UNKNOWN_COLUMN: &str = "V121";
/// An invalid constant regular expression.
pub const BAD_PATTERN: &str = "V122";
/// A call of an unknown artifact.
pub const UNKNOWN_ARTIFACT: &str = "V130";
/// An argument that is not a parameter of the artifact.
pub const UNKNOWN_PARAMETER: &str = "V131";
