//! `filter()`: the elements that pass a test.

use crate::prelude::*;

/// Keeps the elements of a list that pass a test.
#[derive(VqlArgs)]
pub struct Args {
    /// The list.
    list: Vec<Value>,
    /// Keeps what matches, ignoring case.
    regex: Option<Str>,
    /// A lambda on one element; goes before `regex`.
    condition: Option<Lambda>,
}

pub struct Filter;

impl Function for Filter {
    type Args = Args;
    const NAME: &'static str = "filter";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "by regex",
            "filter(list=['ab', 'cd', ''], regex='A')",
            r#"["ab"]"#,
        ),
        example(
            "by lambda",
            "filter(list=[1, 5, 10], condition='x => x > 4')",
            "[5,10]",
        ),
        example(
            "by truth",
            "filter(list=[0, '', NULL, 3], condition='x => x')",
            "[3]",
        ),
        example(
            "a condition with a byte that is not UTF-8",
            r#"len(list=filter(list=['\xff', '\xfe'], condition="x=>x = '\xff'"))"#,
            "1",
        ),
        fails("no list", "filter()", "filter: Field list is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if args.regex.is_some() && args.condition.is_some() {
            scope.log(
                Level::Error,
                "filter: both `regex` and `condition` are given; `condition` is used",
            );
        }
        let regex = args.regex.map(Value::Str);
        let keep = |item: &Value| match (&args.condition, &regex) {
            (Some(condition), _) => condition.call(scope, std::slice::from_ref(item)).truth(scope),
            (None, Some(regex)) => item.matches(scope, regex),
            (None, None) => true,
        };
        let wanted = args.list.into_iter().take_while(|_| !scope.is_over());
        Ok(Value::array(wanted.filter(keep).collect()))
    }
}
