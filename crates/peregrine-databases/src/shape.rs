//! The columns of a result, and rows of them.

use std::sync::Arc;

use peregrine_engine::prelude::*;

/// The names of the columns, in order.
pub(super) struct Shape {
    columns: Arc<Columns>,
    names: Vec<Str>,
}

impl Shape {
    pub(super) fn new<N: Into<Str>>(names: impl IntoIterator<Item = N>) -> Shape {
        let names: Vec<Str> = names.into_iter().map(Into::into).collect();
        Shape {
            columns: Columns::new(names.iter().cloned()),
            names,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// A row. Columns with the same name are merged; such rows take the slow path.
    pub(super) fn row(&self, cells: Vec<Value>) -> Row {
        if self.columns.len() == self.names.len() {
            Row::new(&self.columns, cells)
        } else {
            Row::from_pairs(self.names.iter().cloned().zip(cells))
        }
    }
}
