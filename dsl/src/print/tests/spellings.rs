//! Trees that the vocabulary allows, through YAML and through both spellings.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::lower::tests::catalogue;
use crate::vocabulary::{EFFECT_FIELDS, GEOMETRY, NodeSpec, Place};

/// What a node says, however it is spelt.
#[derive(Debug, PartialEq)]
struct Meaning {
    kind: String,
    name: Option<String>,
    declared_type: Option<String>,
    fields: BTreeMap<String, String>,
    effects: Vec<Meaning>,
    children: Option<Vec<Meaning>>,
}

fn value_text(value: &Value) -> String {
    let words = |text: &str| text.replace('"', "").split_whitespace().collect::<Vec<_>>().join(" ");
    match &value.kind {
        ValueKind::Plain(text) | ValueKind::Quoted(text) => format!("={text}"),
        ValueKind::List(rows) => {
            let row = |row: &Vec<Value>| {
                words(&row.iter().map(|v| value_text(v)[1..].to_string()).collect::<Vec<_>>().join(" "))
            };
            format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join("|"))
        }
        other => panic!("{other:?}"),
    }
}

fn meaning(node: &Node, place: Option<Place>) -> Meaning {
    let spec = place.and_then(|p| p.kind(&node.kind.value));
    let catalogue = catalogue();
    let effect = catalogue.find(&node.kind.value);
    let name_of = |index: usize| match (spec, effect) {
        (Some(spec), _) if spec.binds && spec.positional.is_empty() => "value".to_string(),
        (Some(spec), _) => spec.positional[index].to_string(),
        (None, effect) => effect.unwrap().params[index].name.to_string(),
    };
    let mut fields = BTreeMap::new();
    for (index, value) in node.positional.iter().enumerate() {
        let value = match &value.kind {
            ValueKind::Trimmed(source, range) => {
                let text = value_text(range);
                let (from, to) = text[1..].split_once("..").unwrap();
                for (name, end) in [("in", from), ("out", to)].into_iter().filter(|(_, end)| !end.is_empty())
                {
                    fields.insert(name.to_string(), format!("={end}"));
                }
                source
            }
            _ => value,
        };
        fields.insert(name_of(index), value_text(value));
    }
    for field in &node.fields {
        fields.insert(field.name.value.clone(), value_text(&field.value));
    }
    let inside = spec.and_then(|s| s.children);
    let mut children: Option<Vec<_>> =
        node.children.as_ref().map(|c| c.iter().map(|c| meaning(c, inside)).collect());
    // A text's own words are its first span.
    if let (Some(spans), "text") = (&mut children, node.kind.value.as_str())
        && let Some(text) = fields.remove("text")
    {
        let fields = BTreeMap::from([("text".to_string(), text)]);
        let kind = "span".to_string();
        spans.insert(
            0,
            Meaning { kind, name: None, declared_type: None, fields, effects: Vec::new(), children: None },
        );
    }
    Meaning {
        kind: node.kind.value.clone(),
        name: node.name.as_ref().map(|n| n.value.clone()),
        declared_type: node.declared_type.as_ref().map(|n| n.value.clone()),
        fields,
        effects: node.effects.iter().map(|e| meaning(e, None)).collect(),
        children: children.filter(|c| !(c.is_empty() && node.kind.value == "group")),
    }
}

/// All nodes; those of one kind are together in YAML.
fn meanings(nodes: &[Node]) -> Vec<Meaning> {
    let mut all: Vec<_> = nodes.iter().map(|n| meaning(n, Some(Place::Top))).collect();
    all.sort_by(|a, b| a.kind.cmp(&b.kind));
    all
}

fn rows() -> impl Strategy<Value = Value> {
    let words = prop::collection::vec(plain().prop_map(value), 1..4);
    let point = Just(vec![
        value(ValueKind::Plain("0s".into())),
        value(ValueKind::Quoted("10px 20px".into())),
        value(ValueKind::Plain("ease-in".into())),
    ]);
    let quoted = text().prop_map(|t| vec![value(t)]);
    prop::collection::vec(prop_oneof![3 => words, 1 => point, 1 => quoted], 0..4)
        .prop_map(|rows| value(ValueKind::List(rows)))
}

fn field_value() -> impl Strategy<Value = Value> {
    prop_oneof![3 => scalar(), 1 => rows()]
}

fn empty(kind: &str) -> Node {
    Node {
        kind: Spanned::new(kind.to_string(), at()),
        name: None,
        declared_type: None,
        positional: Vec::new(),
        fields: Vec::new(),
        effects: Vec::new(),
        children: None,
        span: at(),
    }
}

/// Fields of these names, each at most once, and not those that are given by position.
fn fields_of(
    names: Vec<&'static str>,
    but: usize,
    positional: Vec<&'static str>,
) -> BoxedStrategy<Vec<Field>> {
    // A style has `radius` twice: of pictures and of texts.
    let names: BTreeSet<_> =
        names.into_iter().filter(|n| !positional.iter().take(but).any(|p| p == n)).collect();
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() {
        return Just(Vec::new()).boxed();
    }
    let most = names.len().min(5);
    prop::sample::subsequence(names, 0..=most)
        .prop_flat_map(|names| {
            let values = names.iter().map(|_| field_value()).collect::<Vec<_>>();
            (Just(names), values)
        })
        .prop_map(|(names, values)| {
            let field =
                |(name, value): (&str, Value)| Field { name: Spanned::new(name.to_string(), at()), value };
            names.into_iter().zip(values).map(field).collect()
        })
        .boxed()
}

fn effect() -> impl Strategy<Value = Node> {
    let all: Vec<_> = catalogue().iter().copied().chain(GEOMETRY.iter().copied()).collect();
    let all: Vec<_> = all.into_iter().filter(|e| e.role != crate::vocabulary::Role::Transition).collect();
    (prop::sample::select(all), 0..2_usize).prop_flat_map(|(spec, given)| {
        let given = given.min(spec.positional);
        let names: Vec<_> = spec.params.iter().chain(EFFECT_FIELDS).map(|p| p.name).collect();
        let positional: Vec<_> = spec.params.iter().map(|p| p.name).collect();
        (prop::collection::vec(field_value(), given), fields_of(names, given, positional))
            .prop_map(move |(positional, fields)| Node { positional, fields, ..empty(spec.name) })
    })
}

fn source() -> impl Strategy<Value = Value> {
    let trimmed =
        (scalar(), prop::sample::select(vec!["1s..2s", "..end-1s", "12f.."])).prop_map(|(source, range)| {
            value(ValueKind::Trimmed(Box::new(source), Box::new(value(ValueKind::Plain(range.into())))))
        });
    prop_oneof![2 => scalar(), 1 => trimmed]
}

fn node_of(spec: &'static NodeSpec, depth: u32) -> BoxedStrategy<Node> {
    let given = 0..=spec.positional.len();
    given
        .prop_flat_map(move |given| {
            let trims = spec.field("in").is_some() && !spec.binds;
            let positional = if trims {
                prop::collection::vec(source().boxed(), given).boxed()
            } else {
                prop::collection::vec(scalar().boxed(), given).boxed()
            };
            // `in` and `out` beside a trimmed source would be there twice.
            // `transition` of `defaults` is the same as its child of that name; a list as `text` is its spans.
            let but = ["in", "out", "transition", "text"];
            let names = spec.all_fields().map(|f| f.name).filter(|n| !but.contains(n));
            let names = names.collect();
            let effects = if spec.effects { 0..3_usize } else { 0..1 };
            let children = match spec.children.filter(|_| depth > 0) {
                Some(place) if place != Place::Defaults => children(place, depth - 1).prop_map(Some).boxed(),
                _ => Just(None).boxed(),
            };
            (
                positional,
                fields_of(names, given, spec.positional.to_vec()),
                prop::collection::vec(effect(), effects),
                children,
            )
        })
        .prop_map(|(positional, fields, effects, children)| Node {
            positional,
            fields,
            effects,
            children,
            ..empty(spec.name)
        })
        .boxed()
}

fn children(place: Place, depth: u32) -> BoxedStrategy<Vec<Node>> {
    let kinds: Vec<_> = place.kinds().collect();
    let one = prop::sample::select(kinds).prop_flat_map(move |spec| node_of(spec, depth));
    let some = prop::collection::vec(one, 0..4);
    if place == Place::Group {
        return some.prop_map(once).boxed();
    }
    some.boxed()
}

/// The first node of each kind; bindings and outputs may be several.
fn once(nodes: Vec<Node>) -> Vec<Node> {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    let many = ["var", "media", "style", "output"];
    nodes
        .into_iter()
        .filter(|n| many.contains(&n.kind.value.as_str()) || seen.insert(n.kind.value.clone()))
        .map(|mut n| {
            if many[..3].contains(&n.kind.value.as_str()) {
                count += 1;
                n.name = Some(Spanned::new(format!("n{count}"), at()));
            }
            n
        })
        .collect()
}

/// What a top-level node needs for its spelling to be one of ours.
fn completed(mut node: Node) -> Node {
    match node.kind.value.as_str() {
        "var" if node.positional.is_empty() => node.positional.push(value(ValueKind::Plain("1s".into()))),
        "timeline" | "overlays" | "audio" => drop(node.children.get_or_insert_default()),
        "style" if node.fields.is_empty() && node.effects.is_empty() => node.effects.push(empty("sepia")),
        "media" if node.positional.is_empty() => {
            node.fields.retain(|f| f.name.value != "file");
            node.positional.push(value(ValueKind::Plain("a.mp4".into())));
        }
        _ => {}
    }
    node
}

pub(super) fn script() -> impl Strategy<Value = Vec<Node>> {
    let kinds: Vec<_> = Place::Top.kinds().collect();
    let one = prop::sample::select(kinds).prop_flat_map(|spec| node_of(spec, 3)).prop_map(completed);
    prop::collection::vec(one, 1..5).prop_map(once)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_and_back_means_the_same(nodes in script()) {
        let text = yaml::print(&nodes, &catalogue()).unwrap();
        let (_, _, doc) = read(Spelling::Yaml, &text);
        let (again, findings) = crate::lower::nodes(&doc, &catalogue());
        prop_assert_eq!(findings, [], "{}", text);
        prop_assert_eq!(meanings(&again), meanings(&nodes), "{}", text);
        let text = vfx::print(&again, None).unwrap();
        let (_, _, doc) = read(Spelling::Vfx, &text);
        let Document::Nodes(third) = doc else { panic!("{text}") };
        prop_assert_eq!(meanings(&third), meanings(&nodes), "{}", text);
    }

    #[test]
    fn lowering_takes_whatever_the_vocabulary_allows(nodes in script()) {
        let mut map = SourceMap::new();
        let file = map.add("script", "/edit", "");
        let (script, findings) =
            crate::lower(&Document::Nodes(nodes), &map, file, &catalogue(), &[("n1".into(), "${n1} [".into())]);
        prop_assert_eq!(script.is_some(), !findings.iter().any(Diagnostic::is_error));
    }
}
