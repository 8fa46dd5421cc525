//! `parse_binary()`: structures in binary files, described by a profile.

use std::sync::Arc;

use peregrine_engine::value::as_characters;

use crate::binary::{Data, PAGES, Profile, Session, Structure};
use crate::prelude::*;

/// Reads a structure in a binary file, described by a profile. The result reads its fields on demand.
///
/// A profile is a list of structures in JSON or YAML, each `[name, size, fields]`; a field is `[name, offset, type,
/// options]`. Sizes and offsets are numbers or lambdas such as `x=>x.Length + 4`, where `x` (and the variable `this`) is
/// the structure; an offset counts from its start. Structures are types too, before or after their definition.
///
/// Types: `uint8` to `uint64`, `int8` to `int64`, `float64` (with the suffix `b` or `be`: big endian),
/// `leb128`, `sleb128`, `String` (`length`, `max_length` 1024, `term`, `term_hex`, `term_exp`, `encoding`
/// utf8 or utf16, `byte_string`), `Array` (`type`, `type_options`, `count`, `max_count` 1000, `sentinel`),
/// `Value` (`value`), `Enumeration` (`type`, `choices`, `map`), `Flags` (`type`, `bitmap`), `BitField`
/// (`type`, `start_bit`, `end_bit`), `Timestamp` and `WinFileTime` (`type`, `factor`), `FatTimestamp`,
/// `Union` (`selector`, `choices`), `Pointer` (`type`), `Profile` (`type`, `offset`).
///
/// Structures also have `SizeOf`, `StartOf`, `EndOf` and `ParentOf`, unless a field has that name. ``
/// x.`@Field` `` gives the position of a field: `SizeOf`, `StartOf`, `EndOf`, `RelOffset`, `RelEndOf`,
/// `Value`. Fields whose names begin with `__` are not shown.
///
/// Times keep their fraction of a second, and `sleb128` is signed; in strings of an array the terminator
/// counts. Bytes beyond the end of the file read as zeros. Lambdas see the variables at the place where a
/// field is read, and those of `env`.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    filename: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
    /// The profile.
    profile: Option<Str>,
    /// Name of the structure to start with.
    #[arg(name = "struct")]
    structure: String,
    /// Where it starts.
    #[arg(default = 0)]
    offset: i64,
    /// Additional variables for the lambdas of the profile.
    env: Option<Dict>,
}

pub struct ParseBinary;

impl Function for ParseBinary {
    type Args = Args;
    const NAME: &'static str = "parse_binary";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "a string with its length in front",
            r#"parse_binary(accessor='data', filename="\x02\x00AB", struct='H', profile='[["H",0,[["N",0,"uint16"],["S",2,"String",{"length":"x=>x.N"}]]]]')"#,
            r#"{"N":2,"S":"AB"}"#,
        ),
        example(
            "a field behind another",
            r#"parse_binary(accessor='data', filename="one\x00\x07", struct='H', profile='[["H",0,[["S",0,"String"],["N","x=>x.`@S`.RelEndOf","uint8"]]]]')"#,
            r#"{"S":"one","N":7}"#,
        ),
        example(
            "brackets too many in a profile do no harm",
            r#"parse_binary(accessor='data', filename="A", struct='H', profile='[["H",0,[["N",0,"uint8"]]]]] ]')"#,
            r#"{"N":65}"#,
        ),
        example(
            "an array of structures",
            r#"SELECT * FROM foreach(row=parse_binary(accessor='data', filename="\x02aAbB", struct='H', profile='[["H",0,[["N",0,"uint8"],["L",1,"Array",{"type":"P","count":"x=>x.N"}]]],["P",2,[["X",0,"String",{"length":1}],["Y",1,"uint8"]]]]').L)"#,
            r#"[{"X":"a","Y":65},{"X":"b","Y":66}]"#,
        ),
        example(
            "a bracket too many",
            r#"parse_binary(accessor='data', filename="A", struct='H', profile='[["H",0,[["N",0,"uint8"]]]]] ')"#,
            r#"{"N":65}"#,
        ),
        fails(
            "an unknown type",
            r#"parse_binary(accessor='data', filename='', struct='H', profile='[["H",0,[["N",0,"word"]]]]')"#,
            "parse_binary: Reference to undefined type word in H.N",
        ),
        fails(
            "an unknown structure",
            "parse_binary(accessor='data', filename='', struct='X', profile='[]')",
            "the profile has no structure `X`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let text = args.profile.unwrap_or_default();
        let compiled = scope.cache(&as_characters(&text), || {
            Compiled(Profile::compile(scope, &text).map(Arc::new))
        });
        let profile = compiled.0.clone()?;
        let offset = u64::try_from(args.offset);
        let offset = offset.map_err(|_| format!("`offset` {} is negative; give 0 or more", args.offset))?;
        let (reader, _, _) = open(scope, args.accessor.as_ref(), &args.filename)?;
        let pages = scope
            .get("BINARY_CACHE_SIZE")
            .and_then(|pages| pages.reduce(scope).as_i64());
        let pages = pages
            .and_then(|pages| usize::try_from(pages).ok())
            .filter(|pages| *pages > 0);
        let data = Data::new(reader, pages.unwrap_or(PAGES));
        let session = Arc::new(Session::new(data, profile, args.env));
        Ok(Structure::root(session, &args.structure, offset)?.to_value())
    }
}

/// The profile a query remembers by its text.
struct Compiled(Result<Arc<Profile>, String>);
