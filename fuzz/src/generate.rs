//! Generates queries from bytes. Each byte decides one choice, so that small changes of the input change the query little.

/// Bytes as choices. When they run out, the first option is always chosen, which ends all recursion.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> usize {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                usize::from(*byte)
            }
            None => 0,
        }
    }

    fn of<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.byte() % choices.len()]
    }
}

const NAMES: &[&str] = &["_value", "a", "b", "c", "X", "Y", "N"];
const LITERALS: &[&str] = &[
    "1",
    "0",
    "-1",
    "2.5",
    "'x'",
    "''",
    "NULL",
    "TRUE",
    "FALSE",
    "9223372036854775807",
    "'a b'",
    "(1, 2)",
    "(3,)",
    "'12'",
    "'\\xff'",
    "dict(a=1, b='x')",
    "1e300",
    "0x10",
    "timestamp(epoch=5)",
    "'2020-01-01'",
];
const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "=", "!=", "<", ">", "<=", ">=", "=~", "IN", "AND", "OR", "&&", "||", "<>",
];
const CALLS: &[&str] = &[
    "len(list=@)",
    "str(str=@)",
    "int(int=@)",
    "format(format='%v|%d|%5s', args=[@, @])",
    "if(condition=@, then=@, else=@)",
    "dict(a=@, b=@)",
    "split(string=@, sep_string='a')",
    "join(array=@, sep='-')",
    "atoi(string=@)",
    "parse_float(string=@)",
    "get(item=@, field='a')",
    "array(_=@, x=@)",
    "filter(list=@, regex='1|x')",
    "timestamp(epoch=@)",
    "items(item=@)",
    "to_dict(item=@)",
    "lazy_dict(a=@).a",
    "any(items=@, regex='x')",
    "all(items=@, filter='x=>x')",
    "f(p=@)",
    "f(q=@)",
    "eval(func='x=>x + 1', args=@)",
    "timestamp_format(time=@)",
    "format(format=@, args=@)",
];
const AGGREGATES: &[&str] = &[
    "count()",
    "sum(item=@)",
    "min(item=@)",
    "max(item=@)",
    "enumerate(items=@)",
    "rate(x=@, y=2)",
    "count(items=@)",
];

/// A query with up to two LETs and up to two SELECTs.
pub fn query(choices: &mut Choices<'_>) -> String {
    let mut text = String::new();
    for _ in 0..choices.byte() % 3 {
        text.push_str(&statement(choices));
        text.push('\n');
    }
    text.push_str(&select(choices, 3));
    text
}

fn statement(choices: &mut Choices<'_>) -> String {
    match choices.byte() % 5 {
        0 => format!("LET {} = {}", choices.of(NAMES), expression(choices, 3)),
        1 => format!("LET f(p, q=2) = {}", expression(choices, 3)),
        2 => format!("LET {} <= {}", choices.of(NAMES), select(choices, 2)),
        3 => format!("LET {} = {}", choices.of(NAMES), select(choices, 2)),
        _ => select(choices, 2),
    }
}

fn select(choices: &mut Choices<'_>, depth: usize) -> String {
    let mut columns = Vec::new();
    for i in 0..1 + choices.byte() % 3 {
        columns.push(match choices.byte() % 8 {
            0 => "*".to_owned(),
            1 if i > 0 => format!("{} AS {}", aggregate(choices, depth), choices.of(NAMES)),
            2 if depth > 0 => format!("{{ {} }} AS {}", select(choices, depth - 1), choices.of(NAMES)),
            _ => format!("{} AS {}", expression(choices, depth), choices.of(NAMES)),
        });
    }
    let mut text = format!("SELECT {} FROM {}", columns.join(", "), source(choices, depth));
    if choices.byte() % 2 == 1 {
        text.push_str(&format!(" WHERE {}", expression(choices, depth)));
    }
    if choices.byte() % 4 == 3 {
        text.push_str(&format!(" GROUP BY {}", expression(choices, 1)));
    }
    if choices.byte() % 4 == 3 {
        text.push_str(&format!(
            " ORDER BY {}{}",
            choices.of(NAMES),
            choices.of(&["", " DESC"])
        ));
    }
    if choices.byte() % 8 == 7 {
        text.push_str(&format!(" LIMIT {}", choices.byte() % 20));
    }
    text
}

fn source(choices: &mut Choices<'_>, depth: usize) -> String {
    if depth == 0 {
        return format!("range(end={})", choices.byte() % 12);
    }
    let depth = depth - 1;
    match choices.byte() % 9 {
        0 | 1 => format!("range(start=-3, end={})", choices.byte() % 30),
        2 => format!(
            "foreach(row={}, query={{ {} }})",
            expression(choices, 2),
            select(choices, depth)
        ),
        3 => format!(
            "foreach(row={{ {} }}, query={{ {} }})",
            select(choices, depth),
            select(choices, depth)
        ),
        4 => format!(
            "chain(a={{ {} }}, b={{ {} }})",
            select(choices, depth),
            select(choices, depth)
        ),
        5 => format!("flatten(query={{ {} }})", select(choices, depth)),
        6 => choices.of(NAMES).to_owned(),
        7 => format!(
            "if(condition={}, then={{ {} }}, else={{ {} }})",
            expression(choices, 1),
            select(choices, depth),
            select(choices, depth)
        ),
        _ => format!(
            "foreach(row=(dict(a=1, b='x'), dict(a={}, c=2), 7, NULL))",
            expression(choices, 1)
        ),
    }
}

fn expression(choices: &mut Choices<'_>, depth: usize) -> String {
    if depth == 0 {
        let words = if choices.byte().is_multiple_of(2) {
            NAMES
        } else {
            LITERALS
        };
        return choices.of(words).to_owned();
    }
    let depth = depth - 1;
    match choices.byte() % 10 {
        0 | 1 => choices.of(NAMES).to_owned(),
        2 | 3 => choices.of(LITERALS).to_owned(),
        4 | 5 => format!(
            "({} {} {})",
            expression(choices, depth),
            choices.of(OPERATORS),
            expression(choices, depth)
        ),
        6 => format!("NOT {}", expression(choices, depth)),
        7 => format!(
            "{}{}",
            choices.of(NAMES),
            choices.of(&[".a", "[0]", "[-1]", "[1:]", ".Unix", "[0].a", "[:2]"])
        ),
        8 => format!("-{}", choices.of(NAMES)),
        _ => {
            let call = choices.of(CALLS);
            fill(call, choices, depth)
        }
    }
}

fn aggregate(choices: &mut Choices<'_>, depth: usize) -> String {
    let call = choices.of(AGGREGATES);
    let call = fill(call, choices, depth.min(2));
    match choices.byte() % 4 {
        0 => format!("{call} + {}", expression(choices, 1)),
        _ => call,
    }
}

/// Replaces each `@` by an expression.
fn fill(call: &str, choices: &mut Choices<'_>, depth: usize) -> String {
    let mut parts = call.split('@');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(&expression(choices, depth));
        text.push_str(part);
    }
    text
}
