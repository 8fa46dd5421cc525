//! `pathspec()`: paths from text or from their parts.

use peregrine_accessors::Pathspec as Spec;

use crate::prelude::*;

/// Makes a path: from text with `parse`, otherwise from its parts, which may include the container it is in.
#[derive(VqlArgs)]
pub struct Args {
    /// The accessor that opens the container.
    #[arg(name = "DelegateAccessor")]
    delegate_accessor: Option<String>,
    /// The container's path.
    #[arg(name = "DelegatePath")]
    delegate_path: Option<Str>,
    /// The container as a path object.
    #[arg(name = "Delegate")]
    delegate: Option<Lazy>,
    /// The path inside the container; values that are not strings are kept as JSON.
    #[arg(name = "Path")]
    path: Option<Value>,
    /// A path or pathspec as text.
    parse: Option<Str>,
    /// How the path is written: `linux`, `windows`, `registry`, `ntfs`, `pathspec`, `zip`, `generic`.
    path_type: Option<String>,
    /// The accessor that parses `Path`.
    accessor: Option<String>,
}

pub struct Pathspec;

impl Function for Pathspec {
    type Args = Args;
    const NAME: &'static str = "pathspec";
    const CATEGORY: Category = Category::FileSystem;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "text",
            r"pathspec(parse='C:\\Windows', path_type='windows')",
            r#""C:\\Windows""#,
        ),
        example(
            "parts",
            r"pathspec(parse='C:\\a\\b', path_type='windows').Components",
            r#"["C:","a","b"]"#,
        ),
        example(
            "more of it",
            r"pathspec(parse='C:\\a', path_type='windows') + 'b\\c'",
            r#""C:\\a\\b\\c""#,
        ),
        example(
            "in a container",
            "pathspec(DelegateAccessor='file', DelegatePath='/srv/a.zip', Path='m/x')",
            r#""{\"DelegateAccessor\":\"file\",\"DelegatePath\":\"/srv/a.zip\",\"Path\":\"/m/x\"}""#,
        ),
        fails(
            "another type",
            "pathspec(parse='/', path_type='amiga')",
            "unknown path type `amiga`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let dialect = super::dialect(None, Some(&args.path_type.unwrap_or_else(|| "generic".into())))?;
        if let Some(text) = args.parse.filter(|text| !text.is_empty()) {
            return Ok(OsPath::parse(dialect, &text)
                .map_err(|error| error.to_string())?
                .into());
        }
        let mut spec = Spec {
            delegate_accessor: args.delegate_accessor.unwrap_or_default(),
            delegate_path: args.delegate_path.unwrap_or_default(),
            ..Spec::default()
        };
        if let Some(delegate) = args
            .delegate
            .map(|delegate| delegate.force(scope))
            .filter(|value| !value.is_null())
        {
            match delegate.as_object::<OsPath>() {
                Some(path) => spec.delegate = Some(Box::new(path.pathspec())),
                None => {
                    return Err(
                        format!("Delegate should be a pathspec, not {}", delegate.type_name()).into(),
                    );
                }
            }
        }
        let text = match args.path.map(|path| path.reduce(scope)) {
            None | Some(Value::Null) => Str::EMPTY,
            Some(Value::Str(text)) => text,
            Some(other) if other.as_object::<OsPath>().is_some() => other.to_text(scope),
            Some(other) => {
                let other = if let Value::Query(query) = &other {
                    query.to_array(scope)
                } else {
                    other
                };
                spec.path = Str::from(json_text(scope, &other));
                return Ok(OsPath::from_pathspec(Dialect::Raw, &spec).into());
            }
        };
        if let Some(name) = args.accessor.filter(|name| !name.is_empty())
            && let Ok(files) = accessor(scope, &name)
            && let Ok(path) = files.parse_path(&text)
        {
            return Ok(path.into());
        }
        spec.path = text;
        Ok(OsPath::from_pathspec(dialect, &spec).into())
    }
}
