//! Functions and aggregates.

use super::{
    ArgSpec, ArgValue, CallArgs, Category, Example, OnError, Permission, Platforms, VqlArgs, VqlError,
    VqlResult,
};
use crate::memory;
use crate::scope::Scope;
use crate::value::{Str, Value};

/// A VQL function. One type per function; it has no state.
pub trait Function: Send + Sync + 'static {
    /// Its arguments.
    type Args: VqlArgs;
    /// Its name in the language.
    const NAME: &'static str;
    /// Its chapter of the manual.
    const CATEGORY: Category;
    /// Examples; they are tests.
    const EXAMPLES: &'static [Example];
    /// Grows when its behaviour changes; `version(function='x')` returns it.
    const VERSION: i64 = 0;
    /// Where it exists.
    const PLATFORMS: Platforms = Platforms::ALL;
    /// The permissions it needs; it checks them itself with `scope.check_access`.
    const PERMISSIONS: &'static [Permission] = &[];
    /// The value of a call that fails.
    const ON_ERROR: OnError = OnError::Null;
    /// True if it uses all its arguments and depends on nothing else: no names of the scope, no clock, no
    /// machine. Such calls are evaluated without a scope for the row.
    const IS_PURE: bool = false;
    /// A fast path of a pure function for the usual arguments, if it has one.
    const DIRECT: Option<Direct> = None;

    /// Computes the value.
    fn call(scope: &Scope, args: Self::Args) -> VqlResult;
}

/// A function with a state per call site and group.
pub trait Aggregate: Send + Sync + 'static {
    /// Its arguments.
    type Args: VqlArgs;
    /// Its name in the language.
    const NAME: &'static str;
    /// Its chapter of the manual.
    const CATEGORY: Category;
    /// Examples; they are tests.
    const EXAMPLES: &'static [Example];
    /// Grows when its behaviour changes.
    const VERSION: i64 = 0;

    /// A fast path for ints, if it has one.
    const TALLY: Option<Tally> = None;

    /// Adds one value. `state` is NULL at first; the result is the running value.
    fn update(state: &mut Value, scope: &Scope, args: Self::Args) -> VqlResult;
}

/// A pure function over arguments in declared order, of which trailing ones may be missing; `None` when they
/// are not what it expects. It must agree with [`Function::call`].
pub type Direct = fn(&Scope, &[(Str, ArgValue)]) -> Option<Value>;

/// An aggregate over ints: adds the value of its first argument (0 without arguments) and returns the running
/// value. It must agree with [`Aggregate::update`].
pub type Tally = fn(state: &mut Value, item: i64) -> i64;

/// A function as the registry knows it.
#[derive(Debug, Clone, Copy)]
pub struct FunctionDef {
    /// Its name in the language.
    pub name: &'static str,
    /// Its chapter of the manual.
    pub category: Category,
    /// Its arguments.
    pub args: &'static [ArgSpec],
    /// The manual page.
    pub doc: &'static str,
    /// Examples; they are tests.
    pub examples: &'static [Example],
    /// Grows when its behaviour changes.
    pub version: i64,
    /// Where it exists.
    pub platforms: Platforms,
    /// The permissions it needs.
    pub permissions: &'static [Permission],
    /// The value of a call that fails.
    pub on_error: OnError,
    /// True if it depends on nothing but its arguments.
    pub is_pure: bool,
    /// The fast path of a function.
    pub direct: Option<Direct>,
    /// The fast path of an aggregate.
    pub tally: Option<Tally>,
    /// Its code.
    pub kind: FunctionKind,
}

/// The code of a function.
#[derive(Debug, Clone, Copy)]
pub enum FunctionKind {
    /// Without state.
    Plain(fn(&CallArgs<'_>) -> VqlResult),
    /// With a state.
    Aggregate(fn(&mut Value, &CallArgs<'_>) -> VqlResult),
}

impl FunctionDef {
    /// The definition of a function.
    #[must_use]
    pub const fn of<F: Function>() -> FunctionDef {
        FunctionDef {
            name: F::NAME,
            category: F::CATEGORY,
            args: F::Args::SPECS,
            doc: F::Args::DOC,
            examples: F::EXAMPLES,
            version: F::VERSION,
            platforms: F::PLATFORMS,
            permissions: F::PERMISSIONS,
            on_error: F::ON_ERROR,
            is_pure: F::IS_PURE,
            direct: F::DIRECT,
            tally: None,
            kind: FunctionKind::Plain(|args| {
                let scope = args.scope();
                F::call(scope, whole(F::Args::parse(args)?)?)
            }),
        }
    }

    /// The definition of an aggregate.
    #[must_use]
    pub const fn of_aggregate<A: Aggregate>() -> FunctionDef {
        FunctionDef {
            name: A::NAME,
            category: A::CATEGORY,
            args: A::Args::SPECS,
            doc: A::Args::DOC,
            examples: A::EXAMPLES,
            version: A::VERSION,
            platforms: Platforms::ALL,
            permissions: &[],
            on_error: OnError::Null,
            is_pure: true,
            direct: None,
            tally: A::TALLY,
            kind: FunctionKind::Aggregate(|state, args| {
                A::update(state, args.scope(), whole(A::Args::parse(args)?)?)
            }),
        }
    }

    /// True for aggregates.
    #[must_use]
    pub fn is_aggregate(&self) -> bool {
        matches!(self.kind, FunctionKind::Aggregate(_))
    }
}

/// The arguments, unless the query was ended while they were converted: then they may be incomplete.
pub(super) fn whole<T>(args: T) -> VqlResult<T> {
    if memory::has_ended() {
        return Err(VqlError::Stopped);
    }
    Ok(args)
}

/// A list of functions for the registry: `functions![substr::Substr, split::Split]`.
#[macro_export]
macro_rules! functions {
    ($($function:ty),* $(,)?) => {
        &[$($crate::call::FunctionDef::of::<$function>()),*]
    };
}

/// A list of aggregates for the registry.
#[macro_export]
macro_rules! aggregates {
    ($($aggregate:ty),* $(,)?) => {
        &[$($crate::call::FunctionDef::of_aggregate::<$aggregate>()),*]
    };
}
