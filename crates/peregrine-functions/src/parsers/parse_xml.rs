//! `parse_xml()`: a dict from XML.

use std::collections::BTreeMap;

use peregrine_engine::memory;
use peregrine_engine::value::{as_characters, from_characters};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::prelude::*;

/// Parses an XML file into a dict with one key, the name of the root element.
///
/// An element with neither attributes nor children becomes its text, any other one a dict: attribute `x`
/// becomes `Attrx`, a child its name (children of the same name a list), text `#text`. Namespace prefixes are
/// dropped; attributes that differ only in their prefix are also present with it. All values are strings;
/// keys are sorted, and looked up regardless of case.
#[derive(VqlArgs)]
pub struct Args {
    /// The file.
    file: PathArg,
    /// The accessor to read it with.
    accessor: Option<String>,
}

pub struct ParseXml;

/// Elements nested more deeply are refused.
const MAX_DEPTH: usize = 256;

impl Function for ParseXml {
    type Args = Args;
    const NAME: &'static str = "parse_xml";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::FilesystemRead];
    const EXAMPLES: &'static [Example] = &[
        example(
            "attributes, lists, text",
            r#"parse_xml(accessor='data', file='<r v="1"><i>a</i><i>b</i><t k="2">x</t><e/></r>')"#,
            r##"{"r":{"Attrv":"1","e":"","i":["a","b"],"t":{"#text":"x","Attrk":"2"}}}"##,
        ),
        example(
            "entities, prefixes and CDATA",
            "parse_xml(accessor='data', file='<n:r><a>1 &lt; 2 &#65;</a><b><![CDATA[<x>]]></b></n:r>')",
            r#"{"r":{"a":"1 \u003c 2 A","b":"\u003cx\u003e"}}"#,
        ),
        example(
            "names that differ in case",
            "parse_xml(accessor='data', file='<r a=\"1\" A=\"2\"><x>3</x><X>4</X></r>')",
            r#"{"r":{"AttrA":"2","Attra":"1","X":"4","x":"3"}}"#,
        ),
        example(
            "attributes that differ in their prefix",
            r#"parse_xml(accessor='data', file='<r a:x="1" b:x="2"><i x="1" b:x="2" b:y="3"/><j xmlns:k="u" k="4"/></r>')"#,
            r#"{"r":{"Attra:x":"1","Attrb:x":"2","Attrx":"2","i":{"Attrb:x":"2","Attrx":"1","Attry":"3"},"j":{"Attrk":"4","Attrxmlns:k":"u"}}}"#,
        ),
        example(
            "bytes that are not UTF-8",
            r#"parse_xml(accessor='data', file='<r a="\xff">\xfe</r>').r = dict(`#text`='\xfe', Attra='\xff')"#,
            "true",
        ),
        fails(
            "not closed",
            "parse_xml(accessor='data', file='<a><b></a>')",
            "parse_xml: ",
        ),
        fails(
            "nothing",
            "parse_xml(accessor='data', file='hello')",
            "no element",
        ),
        fails(
            "another charset",
            r#"parse_xml(accessor='data', file='<?xml version="1.0" encoding="utf-16"?><a/>')"#,
            "charset `utf-16`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let content = read_all(scope, args.accessor.as_ref(), &args.file)?;
        let text = as_characters(&content);
        Ok(parse(text.trim_start_matches('\u{feff}'))?)
    }
}

/// An element that is not closed yet.
#[derive(Default)]
struct Element {
    name: String,
    members: BTreeMap<String, Value>,
    /// The last non-blank text.
    text: String,
    /// The text since the last tag.
    run: String,
}

impl Element {
    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        let run = run.trim();
        if !run.is_empty() {
            self.text = run.to_owned();
        }
    }

    fn add_child(&mut self, name: String, value: Value) {
        match self.members.get_mut(&name) {
            // Only children of the same name make lists, so a list here is one of them.
            Some(Value::Array(items)) => std::sync::Arc::make_mut(items).push(value),
            Some(known) => {
                let first = std::mem::replace(known, Value::Null);
                *known = Value::array(vec![first, value]);
            }
            None => {
                self.members.insert(name, value);
            }
        }
    }

    fn into_value(mut self) -> Value {
        self.end_run();
        if self.members.is_empty() {
            return text_value(&self.text);
        }
        if !self.text.is_empty() {
            self.members.insert("#text".into(), text_value(&self.text));
        }
        let members = self.members.into_iter();
        let dict: Dict = members
            .map(|(name, value)| (from_characters(&name), value))
            .collect();
        Value::Dict(dict.ignoring_case())
    }
}

fn text_value(text: &str) -> Value {
    Value::Str(from_characters(text))
}

/// Parses text in which characters stand for bytes that are not UTF-8.
fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(text);
    let mut stack: Vec<Element> = Vec::new();
    loop {
        if memory::is_exhausted() {
            return Err("too large for the memory a query may hold".into());
        }
        let event = reader
            .read_event()
            .map_err(|error| format!("at offset {}: {error}", reader.error_position()))?;
        let closed = match event {
            Event::Start(tag) => {
                if stack.len() >= MAX_DEPTH {
                    return Err(format!("elements are nested deeper than {MAX_DEPTH}"));
                }
                if let Some(parent) = stack.last_mut() {
                    parent.end_run();
                }
                stack.push(start(&tag)?);
                None
            }
            Event::Empty(tag) => {
                if let Some(parent) = stack.last_mut() {
                    parent.end_run();
                }
                Some(start(&tag)?)
            }
            Event::End(_) => stack.pop(),
            Event::Text(text) => {
                append(&mut stack, &text.xml10_content());
                None
            }
            Event::CData(text) => {
                append(&mut stack, &text.xml10_content());
                None
            }
            Event::GeneralRef(entity) => {
                let resolved = match entity.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(c) => c.to_string(),
                    None => match quick_xml::escape::resolve_predefined_entity(&entity) {
                        Some(text) => text.to_owned(),
                        None => return Err(format!("unknown entity `&{};`", &*entity)),
                    },
                };
                append(&mut stack, &resolved);
                None
            }
            Event::Decl(declaration) => {
                if let Some(Ok(charset)) = declaration.encoding()
                    && !charset.eq_ignore_ascii_case("utf-8")
                {
                    return Err(format!(
                        "charset `{charset}` is not supported; convert the text to UTF-8 first"
                    ));
                }
                None
            }
            Event::Eof => {
                return Err(match stack.last() {
                    Some(open) => format!("element `{}` is not closed", open.name),
                    None => "no element".into(),
                });
            }
            Event::Comment(_) | Event::PI(_) | Event::DocType(_) => None,
        };
        if let Some(element) = closed {
            let name = element.name.clone();
            let value = element.into_value();
            match stack.last_mut() {
                Some(parent) => parent.add_child(name, value),
                None => {
                    let root = Dict::from_pairs([(from_characters(&name), value)]);
                    return Ok(Value::Dict(root.ignoring_case()));
                }
            }
        }
    }
}

fn append(stack: &mut [Element], text: &str) {
    if let Some(element) = stack.last_mut() {
        element.run.push_str(text);
    }
}

fn start(tag: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element {
        name: tag.local_name().as_ref().to_owned(),
        ..Element::default()
    };
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
            .map_err(|error| error.to_string())?;
        attributes.push((attribute.key, text_value(&value)));
    }
    let mut locals = BTreeMap::new();
    for (name, _) in &attributes {
        let (count, has_plain) = locals.entry(name.local_name()).or_insert((0_usize, false));
        *count += 1;
        *has_plain |= name.prefix().is_none();
    }
    for (name, value) in attributes {
        let local = name.local_name();
        let (count, has_plain) = locals.get(&local).copied().unwrap_or_default();
        if count > 1 && name.prefix().is_some() {
            let name = format!("Attr{}", name.as_ref());
            element.members.insert(name, value.clone());
            if has_plain {
                continue;
            }
        }
        element.members.insert(format!("Attr{}", local.as_ref()), value);
    }
    Ok(element)
}
