use super::super::tests::worked;
use super::super::{Document, Spelling, parse as parse_text};
use super::*;
use crate::source::SourceMap;

/// The mapping as text, and each finding as `line:column code`.
fn read(text: &str) -> (Option<String>, Vec<String>) {
    let mut map = SourceMap::new();
    let file = map.add("test.yaml", "", text);
    let (document, findings) = parse_text(&map, file, Spelling::Yaml);
    let places = findings
        .iter()
        .map(|d| {
            let at = map.line_column(file, d.primary.as_ref().unwrap().span.start);
            format!("{}:{} {}", at.line, at.column, d.code.0)
        })
        .collect();
    let tree = document.map(|document| match document {
        Document::Map(raw) => {
            check_spans(&map, &raw);
            outline(&raw)
        }
        Document::Nodes(_) => unreachable!(),
    });
    (tree, places)
}

/// Every plain word stands where its span says.
fn check_spans(map: &SourceMap, raw: &RawMap) {
    fn value(map: &SourceMap, v: &Value) {
        match &v.kind {
            ValueKind::Plain(text) if !text.contains('\n') => {
                let source = map.text(v.span).split_whitespace().collect::<Vec<_>>().join(" ");
                assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), source);
            }
            ValueKind::List(elements) => elements.iter().flatten().for_each(|v| value(map, v)),
            ValueKind::Map(raw) => check_spans(map, raw),
            _ => {}
        }
    }
    for field in &raw.entries {
        assert!(map.text(field.name.span).contains(field.name.value.as_str()), "{field:?}");
        value(map, &field.value);
    }
}

fn outline(raw: &RawMap) -> String {
    let entries: Vec<_> =
        raw.entries.iter().map(|field| format!("{}:{}", field.name.value, value(&field.value))).collect();
    format!("{{{}}}", entries.join(" "))
}

fn value(v: &Value) -> String {
    match &v.kind {
        ValueKind::Plain(t) => format!("<{t}>"),
        ValueKind::Quoted(t) => format!("{t:?}"),
        ValueKind::List(l) => {
            let elements: Vec<_> =
                l.iter().map(|e| e.iter().map(value).collect::<Vec<_>>().join(" ")).collect();
            format!("[{}]", elements.join(", "))
        }
        ValueKind::Map(map) => outline(map),
        ValueKind::Null => "null".to_owned(),
        other => format!("{other:?}"),
    }
}

fn clean(text: &str) -> String {
    let (tree, findings) = read(text);
    assert!(findings.is_empty(), "{text:?}: {findings:?}");
    tree.unwrap()
}

#[test]
fn the_holiday_script() {
    insta::assert_snapshot!(clean(include_str!("../samples/holiday.yaml")).replace("} {", "}\n{"));
}

#[test]
fn scalars_are_what_stands_in_the_text() {
    assert_eq!(
        clean("a: 010\nb: no\nc: 1:10\nd: ~\ne:\nf: 'it''s'\ng: \"\\u00e9\\n\"\nh: 16:9\ni: |\n  x\n  y\n"),
        "{a:<010> b:<no> c:<1:10> d:<~> e:null f:\"it's\" g:\"é\\n\" h:<16:9> i:\"x\\ny\\n\"}"
    );
    assert_eq!(clean("日本: 日本語 é   \nb: x # c\n"), "{日本:<日本語 é> b:<x>}");
    assert_eq!(clean("a: one\n  two\n\n  three\n"), "{a:<one two\nthree>}");
    assert_eq!(clean("\u{feff}a: 1\r\nb:\r\n  - é\r\n  - c\r\n"), "{a:<1> b:[<é>, <c>]}");
    assert_eq!(clean(""), "{}");
    assert_eq!(clean("# nothing\n---\n"), "{}");
}

#[test]
fn brackets_may_close_in_the_column_of_their_key() {
    let text = "a:\n  b: [\n    \"0s 0\",\n    '1s 1' # last\n  ]\n  c: {\n    d: \"e\"\n  }\nf: 1\n";
    assert_eq!(clean(text), "{a:{b:[\"0s 0\", \"1s 1\"] c:{d:\"e\"}} f:<1>}");
}

#[test]
fn json_is_yaml() {
    let json = "{\n\t\"a\": \"\\ud83d\\ude00 \\u00e9\",\n\t\"b\":[1, \"0s 1\", {\"c\":null}],\n\t\"d\":{\"e\":true}\n}\n";
    assert_eq!(clean(json), "{a:\"😀 é\" b:[<1>, \"0s 1\", {c:<null>}] d:{e:<true>}}");
    let tabs = "{\n\t\"a\":\t{\n\t\t\"b\"\t: [\n\t\t\t1,\n\t\t\t{\n\t\t\t\t\"c\": \"d\"\n\t\t\t}\n\t\t],\t\"e\": []\n\t}\n}\n";
    assert_eq!(clean(tabs), "{a:{b:[<1>, {c:\"d\"}] e:[]}}");
    let first = "\n\t{\n\t\"a\": 1\n\t}\n";
    assert_eq!(clean(first), "{a:<1>}");
}

#[test]
fn entries_of_lists_are_words_as_in_vfx() {
    for list in [
        "[0s 1, end 1.2 ease-in-out]",
        "[0s rgb( 1 2 ), 1s ${a b}]",
        "[a, \"b c\", d \"e f\"]",
        "[]",
        "[[1 2, 3]]",
    ] {
        let mut map = SourceMap::new();
        let (a, b) = (map.add("a", "", format!("k {list}")), map.add("b", "", format!("k: {list}")));
        let (vfx, _) = parse_text(&map, a, Spelling::Vfx);
        let (yaml, _) = parse_text(&map, b, Spelling::Yaml);
        let (Some(Document::Nodes(nodes)), Some(Document::Map(raw))) = (vfx, yaml) else { panic!("{list}") };
        if !list.contains('$') {
            assert_eq!(value(&nodes[0].positional[0]), value(&raw.entries[0].value), "{list}");
        }
    }
    assert_eq!(
        clean("z:\n  - 0s 1\n  - end 1.2 cubic-bezier(0.4, 0, 0.2, 1)\n"),
        "{z:[<0s> <1>, <end> <1.2> <cubic-bezier(0.4, 0, 0.2, 1)>]}"
    );
}

#[test]
fn aliases_and_merges() {
    assert_eq!(
        clean("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: &w 1s 2\ne: [*w]\n"),
        "{a:{x:<1> y:<2>} b:{y:<3> x:<1>} c:{x:<1> y:<2>} d:<1s 2> e:[<1s> <2>]}"
    );
}

#[test]
fn every_trap_has_its_own_diagnostic() {
    for (text, expected, tree) in [
        ("color: #fff", "1:8 V0141", "{color:<#fff>}"),
        ("a: {color: #fff, x: 1}\nb: 2\n", "1:12 V0141", "{a:{color:<#fff> x:<1>} b:<2>}"),
        ("a: [0s #fff, 1s #000]\nb: 2\n", "1:8 V0141, 1:17 V0141", "{a:[<0s> <#fff>, <1s> <#000>] b:<2>}"),
        ("text: Room #5", "1:12 V0142", "{text:<Room>}"),
        ("fps: 30 # frames", "", "{fps:<30>}"),
        ("at: @intro.end\nb: 1", "1:5 V0143", "{at:<@intro.end> b:<1>}"),
        ("a: {at: @i.end, b: 1}", "1:9 V0143", "{a:{at:<@i.end> b:<1>}}"),
        ("offset: %5", "1:9 V0143", "{offset:<%5>}"),
        ("- `x`", "1:3 V0143, 1:1 V0137", ""),
        ("image: *.png\nb: 1", "1:8 V0144", "{image:<*.png> b:<1>}"),
        ("image: * x\nb: 1", "1:8 V0144", "{image:<* x> b:<1>}"),
        ("text: [live] from Paris\nb: 1", "1:7 V0145", "{text:<[live] from Paris> b:<1>}"),
        ("text: {a} b\nc: 1", "1:7 V0145", "{text:<{a} b> c:<1>}"),
        ("text: [${a}, b]\nc: 1", "1:8 V0145", "{text:[<${a}>, <b>] c:<1>}"),
        (
            "z: [0s 1, 1s 2 cubic-bezier(0.4,0,0.2,1), 2s 3]",
            "1:11 V0146",
            "{z:[<0s> <1>, <1s> <2> <cubic-bezier(0.4,0,0.2,1)>, <2s> <3>]}",
        ),
        ("a: {c: rgb(0,0,0), x: 1}", "1:8 V0146", "{a:{c:<rgb(0,0,0)> x:<1>}}"),
        ("text: !important x", "1:7 V0139", "{text:<x>}"),
        ("text: &more fun", "1:7 V0143", "{text:<fun>}"),
        ("text: > more\nb: 1", "1:7 V0143", "{text:<> more> b:<1>}"),
        ("a: 1\nb: 2\na: 3", "3:1 V0132", "{a:<1> b:<2>}"),
        ("a:\n\tb: 1\n\tc: @x\n", "2:1 V0133, 3:5 V0143", "{a:{b:<1> c:<@x>}}"),
        ("a: 1\n---\nb: 2", "2:1 V0136", "{a:<1>}"),
        ("- a\n- b", "1:1 V0137", ""),
        ("video \"a.mp4\" in:2s\n", "1:1 V0137", ""),
        ("? [a]\n: 1\nb: 2", "1:3 V0138", "{b:<2>}"),
        ("a: {<<: 5}", "1:5 V0135", "{a:{}}"),
    ] {
        let (read_tree, findings) = read(text);
        let mut findings = findings;
        findings.sort();
        let mut expected: Vec<_> = expected.split(", ").filter(|s| !s.is_empty()).collect();
        expected.sort_unstable();
        assert_eq!(findings, expected, "{text:?}");
        assert_eq!(read_tree.unwrap_or_default(), tree, "{text:?}");
    }
}

#[test]
fn errors_have_their_place_and_reading_goes_on() {
    for (text, expected) in [
        ("a: {b: 1\nc: 2", "1:4 V0114"),
        ("a: [1, 2\nb: 3\n", "1:4 V0114"),
        ("a: {b: [1, 2", "1:8 V0114"),
        ("a: {b: [1, 2}\nc: 3", "1:8 V0114"),
        ("a:\n  - [b, c\n---\nd: 1\n", "2:5 V0114"),
        ("a: {b: [#fff, 1]}", "1:9 V0141"),
        ("a: [0s #fff, 1s 0]", "1:8 V0141"),
        ("a: 1]\nb: \"x\" y\nc: @z", "2:8 V0131, 3:4 V0143"),
        ("a: 'x' y\nb: @z", "1:8 V0131, 2:4 V0143"),
        ("a: \"C:\\pics\\qux\"\nb: @x", "1:7 V0131, 1:12 V0131, 2:4 V0143"),
        ("a: \"open\nb: 1\nc: 2\n", "1:4 V0131"),
        ("text: Hello: world\nb: @x", "1:12 V0131, 2:4 V0143"),
        ("canvas:\n  fps:30\n  size: 1x1\nb: @x", "2:6 V0131, 4:4 V0143"),
        ("canvas:\n  fps:30\nb: 1", "2:6 V0131"),
        ("a:\n  - video: x\n     in: 2s\n  - b: @x\n", "3:6 V0131, 4:8 V0143"),
        ("a:\n  b: 1\n  duration 3s\n  c: 2\nd: @x", "3:3 V0131, 5:4 V0143"),
        ("a:\n  b: 1\n c: 2\nd: @x", "3:2 V0131, 4:4 V0143"),
        ("é: ü @\nb: \"ä\": @é\n", "2:7 V0131"),
        ("a: x\0y\nb: \u{1b}[2J", "1:5 V0105, 2:4 V0105"),
    ] {
        assert_eq!(read(text).1.join(", "), expected, "{text:?}");
    }
}

#[test]
fn hostile_texts_are_refused_quickly() {
    let bomb: String = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned())
        .chain((1..12).map(|n| {
            let alias = format!("*a{}", n - 1);
            format!("a{n}: &a{n} [{}]\n", vec![alias; 9].join(","))
        }))
        .collect();
    let chain: String = std::iter::once("a0: &a0 [x]\n".to_owned())
        .chain((1..200).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)))
        .collect();
    for (text, code) in [
        ("[".repeat(10_000), "V0102"),
        (format!("a: {}", "{a: ".repeat(10_000)), "V0102"),
        ((0..10_000).map(|n| format!("{}a:\n", " ".repeat(n % 300))).collect(), "V0102"),
        ("- ".repeat(10_000), "V0102"),
        (bomb, "V0134"),
        (chain, "V0134"),
        ("a: &a [*a]".to_owned(), "V0134"),
        ("a: 1 # c\n".repeat(6_000_000), "V0101"),
        ("- a\n".repeat(600_000), "V0103"),
    ] {
        let start = worked();
        let (_, findings) = read(&text);
        assert!(findings.iter().any(|f| f.ends_with(code)), "{code}: {findings:?}");
        assert!((worked() - start).as_secs() < 4, "{code}: {:?}", (worked() - start));
    }
}

#[test]
fn time_is_linear_in_the_text() {
    for piece in [
        "]",
        "\"",
        "a\n",
        "[\n",
        "- ",
        "a: @x\n",
        "a: [x #y\n",
        "? ",
        ": ",
        "a: b: c\n",
        "\t",
        "a:\n\t",
        "'",
        "a: |\n x\n",
        "{a",
        "&a ",
        "*a ",
        "!a ",
        "%",
        "é",
        "a: \"\\q\"\n",
        "---\n",
        "#\n",
        "a: 1\n",
        "[a, ",
        "x(",
        "[f(,",
        ",",
        "{f(,",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        let start = worked();
        read(&text);
        assert!((worked() - start).as_secs() < 4, "{piece:?}: {:?}", (worked() - start));
    }
}
