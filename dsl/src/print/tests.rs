//! What is printed reads back as the same nodes.

mod layout;
mod spellings;

use proptest::prelude::*;

use super::*;
use crate::source::Spanned;
use crate::syntax;
use crate::syntax::node::{Field, RawMap, Value, ValueKind};

fn read(spelling: Spelling, text: &str) -> (SourceMap, FileId, Document) {
    let mut map = SourceMap::new();
    let file = map.add("script", "/edit", text);
    let (doc, findings) = syntax::parse(&map, file, spelling);
    assert!(findings.is_empty(), "{text}\n{findings:#?}");
    (map, file, doc.expect("a document"))
}

fn at() -> Span {
    Span::default()
}

fn bare_value(value: &Value) -> Value {
    let kind = match &value.kind {
        ValueKind::List(rows) => {
            ValueKind::List(rows.iter().map(|row| row.iter().map(bare_value).collect()).collect())
        }
        ValueKind::Trimmed(a, b) => ValueKind::Trimmed(Box::new(bare_value(a)), Box::new(bare_value(b))),
        ValueKind::Map(map) => {
            ValueKind::Map(RawMap { entries: map.entries.iter().map(bare_field).collect(), span: at() })
        }
        other => other.clone(),
    };
    Value { kind, span: at() }
}

fn bare_field(field: &Field) -> Field {
    Field { name: Spanned::new(field.name.value.clone(), at()), value: bare_value(&field.value) }
}

/// The same nodes without places.
fn bare(nodes: &[Node]) -> Vec<Node> {
    let word = |s: &Spanned<String>| Spanned::new(s.value.clone(), at());
    nodes
        .iter()
        .map(|n| Node {
            kind: word(&n.kind),
            name: n.name.as_ref().map(word),
            declared_type: n.declared_type.as_ref().map(word),
            positional: n.positional.iter().map(bare_value).collect(),
            fields: n.fields.iter().map(bare_field).collect(),
            effects: bare(&n.effects),
            children: n.children.as_deref().map(bare),
            span: at(),
        })
        .collect()
}

fn value(kind: ValueKind) -> Value {
    Value { kind, span: at() }
}

fn plain() -> impl Strategy<Value = ValueKind> {
    let forms = [
        "10.5s",
        "-12dB",
        "1:02.5",
        "01:02:03;12",
        "1920x1080",
        "30000/1001",
        "#101014",
        "@a.b-c.start+1s",
        "end-1s",
        "50%",
        "cover",
        "${name}",
        "rgb(1, 2, 3)",
        "cubic-bezier(0.4,0,0.2,1)",
        "a..b",
        "..20s",
        "film.cube",
        "true",
    ];
    prop::sample::select(forms.to_vec()).prop_map(|s| ValueKind::Plain(s.to_string()))
}

fn text() -> impl Strategy<Value = ValueKind> {
    // Control characters are what a script may hold only escaped; the rest of Unicode as it is.
    prop_oneof![
        any::<String>(),
        "[a-z :#\"'\\\\{}\\[\\],|@%*&!?\n\t$-]{0,24}",
        Just("Hello ${name} $${x}".to_string())
    ]
    .prop_map(ValueKind::Quoted)
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![plain(), text()].prop_map(value)
}

fn any_value() -> impl Strategy<Value = Value> {
    let row = prop::collection::vec(scalar(), 1..4);
    let list = prop::collection::vec(row, 0..4).prop_map(|rows| value(ValueKind::List(rows)));
    prop_oneof![3 => scalar(), 1 => list]
}

fn word() -> impl Strategy<Value = Spanned<String>> {
    "[a-z_][a-z0-9_]{0,7}"
        .prop_filter("`end-1` is a time", |w| w != "end")
        .prop_map(|w| Spanned::new(w, at()))
}

fn field() -> impl Strategy<Value = Field> {
    (word(), any_value()).prop_map(|(name, value)| Field { name, value })
}

fn leaf() -> impl Strategy<Value = Node> {
    let values = prop::collection::vec(any_value(), 0..3);
    (word(), values, prop::collection::vec(field(), 0..6)).prop_map(|(kind, positional, fields)| Node {
        kind,
        name: None,
        declared_type: None,
        positional,
        fields,
        effects: Vec::new(),
        children: None,
        span: at(),
    })
}

fn node() -> impl Strategy<Value = Node> {
    let one =
        (leaf(), prop::collection::vec(leaf(), 0..3)).prop_map(|(node, effects)| Node { effects, ..node });
    one.prop_recursive(3, 24, 4, |inner| {
        (leaf(), prop::option::of(prop::collection::vec(inner, 0..4)))
            .prop_map(|(node, children)| Node { children, ..node })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn vfx_reads_back(nodes in prop::collection::vec(node(), 1..5)) {
        let text = vfx::print(&nodes, None).unwrap();
        let (_, _, doc) = read(Spelling::Vfx, &text);
        let Document::Nodes(again) = doc else { panic!("{text}") };
        prop_assert_eq!(bare(&again), nodes, "{}", text);
    }
}

#[test]
fn formatting_keeps_comments_and_single_blank_lines() {
    let text = "// one\n\n\n\ncanvas   1920x1080 // two\ntimeline { // three\n  video \"a.mp4\"   in:1s\n\n  // four\n  | sepia\n  /* five\n     more */\n  gap 1s // six\n  // seven\n}\n// eight\n";
    let formatted = "// one\n\ncanvas 1920x1080 // two\ntimeline {\n  // three\n  video \"a.mp4\" in:1s | sepia\n  // four\n  /* five\n     more */\n  gap 1s // six\n  // seven\n}\n// eight\n";
    let (map, file, doc) = read(Spelling::Vfx, text);
    let once = format(&doc, &map, file).unwrap();
    let texts =
        |t: &str| super::comments::comments(t).into_iter().map(|c| c.text.to_string()).collect::<Vec<_>>();
    assert_eq!(texts(&once), texts(text));
    let (map, file, doc) = read(Spelling::Vfx, &once);
    assert_eq!(format(&doc, &map, file).unwrap(), once, "{once}");
    assert_eq!(once, formatted);
}

#[test]
fn long_nodes_are_broken_where_they_go_on() {
    let field = |i: usize| format!("field_number_{i}:\"some text\"");
    let fields: Vec<_> = (0..8).map(field).collect();
    let text = format!("text \"x\" {}\n", fields.join(" "));
    let (_, _, doc) = read(Spelling::Vfx, &text);
    let printed = convert(&doc, Spelling::Vfx, &Catalogue::default()).unwrap();
    assert!(printed.lines().count() > 1 && printed.lines().all(|l| l.chars().count() <= 110), "{printed}");
    let (_, _, again) = read(Spelling::Vfx, &printed);
    let (Document::Nodes(a), Document::Nodes(b)) = (doc, again) else { panic!() };
    assert_eq!(bare(&a), bare(&b));
}

#[test]
fn what_cannot_be_said_is_an_error() {
    let (_, _, doc) =
        read(Spelling::Vfx, "var r = 1s\nmedia a = \"a.mp4\"\ntimeline {\n  video a[${r}]\n}\n");
    let findings = convert(&doc, Spelling::Yaml, &Catalogue::default()).unwrap_err();
    assert_eq!(findings[0].code, codes::INEXPRESSIBLE);
}
