//! Plugins: the sources of rows after FROM.

use std::marker::PhantomData;

use super::function::whole;
use super::{ArgSpec, CallArgs, Category, ColumnSpec, Example, Permission, Platforms, VqlArgs, VqlResult};
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::Row;

/// A VQL plugin. One type per plugin; it has no state.
pub trait Plugin: Send + Sync + 'static {
    /// Its arguments.
    type Args: VqlArgs;
    /// Its rows; [`DynRow`] when columns are not fixed.
    type Row: IntoRow;
    /// Its name in the language.
    const NAME: &'static str;
    /// Its chapter of the manual.
    const CATEGORY: Category;
    /// Examples; they are tests.
    const EXAMPLES: &'static [Example];
    /// Grows when its behaviour changes; `version(plugin='x')` returns it.
    const VERSION: i64 = 0;
    /// Where it exists.
    const PLATFORMS: Platforms = Platforms::ALL;
    /// The permissions it needs; it checks them itself with `scope.check_access`.
    const PERMISSIONS: &'static [Permission] = &[];
    /// True if it watches for events, and ends only when it is stopped.
    const IS_EVENT: bool = false;
    /// The columns of `SELECT *`, in order; empty when they vary. Plugins whose rows are objects list them
    /// here, for the manual.
    const COLUMNS: &'static [ColumnSpec] = <Self::Row as IntoRow>::COLUMNS;

    /// Produces the rows. `rows.push(row)?` unwinds when nobody wants more.
    fn run(scope: &Scope, args: Self::Args, rows: &mut Rows<'_, Self::Row>) -> VqlResult<()>;
}

/// A struct that becomes a row; derived.
pub trait IntoRow: Sized {
    /// The columns, in order; empty when they vary.
    const COLUMNS: &'static [ColumnSpec];
    /// Other spellings of columns, each with the name it is shown by.
    const ALIASES: &'static [(&'static str, &'static str)] = &[];
    /// Names the object behind a row responds to, in addition to the columns.
    const MEMBERS: &'static [&'static str] = &[];

    /// Converts it to a row.
    fn into_row(self) -> Row;
}

/// A row whose columns are not fixed.
pub type DynRow = Row;

impl IntoRow for Row {
    const COLUMNS: &'static [ColumnSpec] = &[];

    fn into_row(self) -> Row {
        self
    }
}

/// Where a plugin puts its rows.
pub struct Rows<'a, R> {
    sink: &'a mut dyn RowSink,
    marker: PhantomData<fn(R)>,
}

impl<'a, R: IntoRow> Rows<'a, R> {
    /// Rows that go to `sink`.
    pub fn new(sink: &'a mut dyn RowSink) -> Rows<'a, R> {
        Rows {
            sink,
            marker: PhantomData,
        }
    }

    /// Emits a row. `Err(Stop)` means that no more rows are wanted.
    #[inline]
    pub fn push(&mut self, row: impl Into<R>) -> Result<(), Stop> {
        self.sink.push(row.into().into_row())
    }

    /// The underlying sink, to run a query into it.
    pub fn sink(&mut self) -> &mut dyn RowSink {
        self.sink
    }
}

impl<R> std::fmt::Debug for Rows<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// A plugin as the registry knows it.
#[derive(Debug, Clone, Copy)]
pub struct PluginDef {
    /// Its name in the language.
    pub name: &'static str,
    /// Its chapter of the manual.
    pub category: Category,
    /// Its arguments.
    pub args: &'static [ArgSpec],
    /// The manual page.
    pub doc: &'static str,
    /// Its columns; empty when they vary.
    pub columns: &'static [ColumnSpec],
    /// True if its rows may respond to names not listed here.
    pub is_open: bool,
    /// Other spellings of columns, each with the name it is shown by.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Names its rows respond to without showing them.
    pub members: &'static [&'static str],
    /// Examples; they are tests.
    pub examples: &'static [Example],
    /// Grows when its behaviour changes.
    pub version: i64,
    /// Where it exists.
    pub platforms: Platforms,
    /// The permissions it needs.
    pub permissions: &'static [Permission],
    /// True if it watches for events.
    pub is_event: bool,
    /// Its code.
    pub run: fn(&CallArgs<'_>, &mut dyn RowSink) -> VqlResult<()>,
}

impl PluginDef {
    /// The definition of a plugin.
    #[must_use]
    pub const fn of<P: Plugin>() -> PluginDef {
        PluginDef {
            name: P::NAME,
            category: P::CATEGORY,
            args: P::Args::SPECS,
            doc: P::Args::DOC,
            columns: P::COLUMNS,
            is_open: P::Row::COLUMNS.is_empty(),
            aliases: P::Row::ALIASES,
            members: P::Row::MEMBERS,
            examples: P::EXAMPLES,
            version: P::VERSION,
            platforms: P::PLATFORMS,
            permissions: P::PERMISSIONS,
            is_event: P::IS_EVENT,
            run: |args, sink| P::run(args.scope(), whole(P::Args::parse(args)?)?, &mut Rows::new(sink)),
        }
    }
}

/// A list of plugins for the registry: `plugins![range::Range, foreach::Foreach]`.
#[macro_export]
macro_rules! plugins {
    ($($plugin:ty),* $(,)?) => {
        &[$($crate::call::PluginDef::of::<$plugin>()),*]
    };
}
