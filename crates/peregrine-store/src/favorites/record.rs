//! A favourite as the database keeps it.

/// A collection that a user keeps to start it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Favorite {
    /// Type of its artifacts, as in their definitions.
    pub r#type: String,
    /// Name, unique for the user and the type.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The artifacts with their parameters (JSON).
    pub specs: String,
}
