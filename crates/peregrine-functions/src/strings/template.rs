//! `template()`: Go templates.

use gotmpl::parse::{CommandNode, Expr, ListNode, Node};
use peregrine_engine::value::{as_characters, from_characters};

use crate::prelude::*;
use crate::sprig::{Bridge, EVERYWHERE, MAX_TEXT, TEXT_ONLY, Table, TemplateFunction, show};

/// Expands a template in the language of Go's `text/template`, with the text functions of Sprig.
///
/// `{{ .Name }}` refers to the members of `expansion`; a missing one prints `<no value>`, or nothing with
/// `html`. `{{ Get .A "b.c" "default" }}` looks into a value as VQL does, `{{ Scope "Name" }}` returns a
/// variable of the query, `{{ str .A }}` VQL's text for a value. Text templates compare as VQL does: `lt`,
/// `gt`, `eq`, `not` and `bool` are those of VQL. A dict is printed as JSON. A backslash at the end of a line
/// joins it with the next one.
///
/// Unlike elsewhere, `{{ .A.b }}` also reaches into dicts in dicts. Values of a template never change, so
/// `set` and `unset` return a changed copy. There are no functions for keys, certificates, password hashes
/// and name look-ups; `env` and `expandenv` return nothing. The output of a template is limited to 64 MiB.
#[derive(VqlArgs)]
pub struct Args {
    /// The template.
    template: Str,
    /// The members that the template refers to.
    expansion: Dict,
    /// Escape values as required by their place in the HTML.
    #[arg(default = false)]
    html: bool,
}

pub struct Template;

impl Function for Template {
    type Args = Args;
    const NAME: &'static str = "template";
    const CATEGORY: Category = Category::Strings;
    const VERSION: i64 = 2;
    const PLATFORMS: Platforms = Platforms::ALL;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a list",
            "template(template='{{ .Name | upper }}: {{ range .Items }}[{{ . }}]{{ end }}', expansion=dict(Name='x', Items=[1, 2]))",
            r#""X: [1][2]""#,
        ),
        example(
            "a member, or else",
            r#"template(template='{{ Get .D "k" "none" }}', expansion=dict(D=dict(j=1)))"#,
            r#""none""#,
        ),
        example(
            "a variable of the query",
            r#"template(template='{{ Scope "NoSuchVariable" }}', expansion=dict())"#,
            r#""<?>""#,
        ),
        example(
            "HTML",
            "template(template='<b title=\"{{ .T }}\">{{ .T }}</b>', expansion=dict(T='\"<1>'), html=TRUE)",
            r#""<b title=\"&#34;&lt;1&gt;\">&#34;&lt;1&gt;</b>""#,
        ),
        example(
            "a missing member",
            "template(template='{{ .Nobody }}', expansion=dict())",
            r#""<no value>""#,
        ),
        example(
            "text as VQL has it",
            "template(template='{{ .D }} {{ str .L }}', expansion=dict(D=dict(b=1, a=2), L=[1, 'x']))",
            r#""{\"b\":1,\"a\":2} [1 x]""#,
        ),
        example(
            "bytes that are not UTF-8",
            r"template(template='{{ .A }}\xfe', expansion=dict(A='\xff')) = '\xff\xfe'",
            "true",
        ),
        fails(
            "a wrong template",
            "template(template='{{ .A', expansion=dict())",
            "unclosed action",
        ),
        fails(
            "an unknown function",
            "template(template='{{ nothing . }}', expansion=dict())",
            "nothing",
        ),
    ];
    const ON_ERROR: OnError = OnError::Null;

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let source = as_characters(&args.template)
            .replace("\\\r\n", "")
            .replace("\\\n", "");
        let bridge = Bridge::new(scope);
        let mut out = Bounded {
            text: String::new(),
            scope,
        };
        let data = bridge
            .show(&Value::Dict(args.expansion))
            .map_err(|error| error.to_string())?;
        let result = if args.html {
            html(&bridge, &source).and_then(|template| template.execute_fmt(&mut out, &data))
        } else {
            text(&bridge, &source)
                .and_then(|(template, name)| template.execute_template_fmt(&mut out, name, &data))
        };
        match result {
            Ok(()) => Ok(Value::Str(from_characters(&out.text))),
            Err(_) if scope.checkpoint().is_err() => Err(VqlError::Stopped),
            Err(_) if out.text.len() > MAX_OUTPUT => {
                Err(format!("the template produces more than {MAX_OUTPUT} bytes").into())
            }
            Err(error) => Err(error.to_string().into()),
        }
    }
}

/// Maximum bytes that a template may produce.
const MAX_OUTPUT: usize = MAX_TEXT * 4;
/// The name of the template itself.
const NAME: &str = "template";
/// The name of the template that is run: an empty template has no entry of its own.
const ENTRY: &str = "\0entry";
/// The function applied to everything that is printed.
const SHOW: &str = "\0show";

fn functions<'a>(tables: &[&'a [Table]]) -> impl Iterator<Item = (&'static str, TemplateFunction)> + use<'a> {
    let tables: Vec<&[Table]> = tables.to_vec();
    tables.into_iter().flatten().copied().flatten().copied()
}

fn html(bridge: &Bridge, source: &str) -> gotmpl::Result<gotmpl::html::Template> {
    functions(&[EVERYWHERE])
        .fold(gotmpl::html::Template::new(NAME), |template, (name, function)| {
            template.func(name, bridge.bind(function))
        })
        .parse(source)
}

fn text(bridge: &Bridge, source: &str) -> gotmpl::Result<(gotmpl::Template, &'static str)> {
    let template = functions(&[EVERYWHERE, TEXT_ONLY])
        .fold(gotmpl::Template::new(NAME), |template, (name, function)| {
            template.func(name, bridge.bind(function))
        })
        .func(SHOW, bridge.bind(show))
        .parse(source)?;
    let names: Vec<String> = template.templates().iter().map(ToString::to_string).collect();
    let mut shown = template;
    let mut has_own = false;
    for name in names {
        let Some(tree) = shown.lookup(&name) else { continue };
        let mut tree = tree.clone();
        show_all(&mut tree);
        has_own |= name == NAME;
        shown = shown.add_parse_tree(&name, tree);
    }
    if has_own {
        return Ok((shown, NAME));
    }
    // Only white space, which is kept.
    let blank = gotmpl::parse::Parser::new(source, "{{", "}}")?.parse()?.0;
    Ok((shown.add_parse_tree(ENTRY, blank), ENTRY))
}

/// Appends the function that shows values to every action that prints. Parsing has bounded the depth.
fn show_all(list: &mut ListNode) {
    for node in &mut list.nodes {
        match node {
            Node::Action(action) if action.pipe.decl.is_empty() => {
                let pos = action.pipe.pos;
                action.pipe.commands.push(CommandNode {
                    pos,
                    args: vec![Expr::Identifier(pos, SHOW.into())],
                });
            }
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                show_all(&mut branch.body);
                if let Some(other) = &mut branch.else_body {
                    show_all(other);
                }
            }
            Node::List(inner) => show_all(inner),
            Node::Define(define) => show_all(&mut define.body),
            _ => {}
        }
    }
}

/// Collects the output, up to the limit.
struct Bounded<'a> {
    text: String,
    scope: &'a Scope,
}

impl std::fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.text.push_str(text);
        if self.text.len() > MAX_OUTPUT || self.scope.checkpoint().is_err() {
            return Err(std::fmt::Error);
        }
        Ok(())
    }
}
