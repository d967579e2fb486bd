use super::super::tests::worked;
use super::super::{Document, Spelling, parse as parse_text};
use super::*;
use crate::source::SourceMap;

/// The nodes, and each finding as `line:column code`.
fn read(text: &str) -> (Vec<Node>, Vec<String>) {
    let mut map = SourceMap::new();
    let file = map.add("test.vfx", "", text);
    let (document, findings) = parse_text(&map, file, Spelling::Vfx);
    let places = findings
        .iter()
        .map(|d| {
            let at = map.line_column(file, d.primary.as_ref().unwrap().span.start);
            format!("{}:{} {}", at.line, at.column, d.code.0)
        })
        .collect();
    match document {
        Some(Document::Nodes(nodes)) => (nodes, places),
        _ => (Vec::new(), places),
    }
}

/// A node as text, everything told apart: for comparing trees at a glance.
fn outline(nodes: &[Node]) -> String {
    nodes.iter().map(node).collect::<Vec<_>>().join("; ")
}

fn node(n: &Node) -> String {
    let mut text = n.kind.value.clone();
    if let Some(name) = &n.name {
        text += &format!(" {}", name.value);
        if let Some(ty) = &n.declared_type {
            text += &format!(": {}", ty.value);
        }
        text += " =";
    }
    for v in &n.positional {
        text += &format!(" {}", value(v));
    }
    for f in &n.fields {
        text += &format!(" {}:{}", f.name.value, value(&f.value));
    }
    for e in &n.effects {
        text += &format!(" | {}", node(e));
    }
    if let Some(children) = &n.children {
        text += &format!(" {{{}}}", outline(children));
    }
    text
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
        ValueKind::Trimmed(s, r) => format!("{}~{}", value(s), value(r)),
        other => format!("{other:?}"),
    }
}

fn clean(text: &str) -> String {
    let (nodes, findings) = read(text);
    assert!(findings.is_empty(), "{text:?}: {findings:?}");
    outline(&nodes)
}

#[test]
fn the_holiday_script() {
    insta::assert_snapshot!(clean(include_str!("../samples/holiday.vfx")).replace("; ", ";\n"));
}

#[test]
fn where_a_node_ends() {
    for (text, tree) in [
        ("", ""),
        ("gap 2s\ngap 3s", "gap <2s>; gap <3s>"),
        ("gap\n 2s:5", "gap"),
        ("video a\n\n// c\n  /* d */ | sepia\n  at:1s\nvideo b", "video <a> | sepia at:<1s>; video <b>"),
        ("video a\n in:1s out:2s\n speed:2", "video <a> in:<1s> out:<2s> speed:<2>"),
        ("timeline { video a }", "timeline {video <a>}"),
        ("group id:g | sepia { } | blur 2", "group id:<g> | sepia | blur <2> {}"),
        ("group {\r\n a 1\r\n}\r\n | sepia\r\nb", "group | sepia {a <1>}; b"),
        ("a /* in\nside */ b // to the end | c\n", "a <b>"),
        ("a { b { c { } } }", "a {b {c {}}}"),
    ] {
        let (nodes, findings) = read(text);
        assert_eq!(outline(&nodes), tree, "{text:?}");
        assert_eq!(findings.is_empty(), !text.contains("2s:5"), "{text:?}: {findings:?}");
    }
}

#[test]
fn bindings() {
    assert_eq!(clean("var size: length = 6vmin"), "var size: length = <6vmin>");
    assert_eq!(
        clean("var name = \"Ada\"\nmedia b = \"x\" in:2s"),
        "var name = \"Ada\"; media b = \"x\" in:<2s>"
    );
    assert_eq!(clean("style title = size:6vmin color:red"), "style title = size:<6vmin> color:<red>");
}

#[test]
fn plain_values_keep_their_text() {
    for text in [
        "word",
        "top-left",
        "film.cube",
        "out/a.mp4",
        "10",
        "-12dB",
        "10.5s",
        ".5",
        "50%",
        "1e308",
        "1e-3",
        "4k",
        "1080p",
        "1:02.5",
        "01:02:03.25",
        "01:02:03;12",
        "16:9",
        "1920x1080",
        "30000/1001",
        "#fff",
        "#10101480",
        "@a.start",
        "@a.start+1s",
        "@a-b.end-1.5s",
        "@g.c.start-1:02",
        "@a.end+50%",
        "end",
        "end-1s",
        "end-1:02.5",
        "end+2f",
        "rgb(1, 2, 3)",
        "cubic-bezier(0.4,0,0.2,1)",
        "f(g(1), ${x})",
        "${name}",
        "${row.x}",
        "5s..15s",
        "..20s",
        "3s..",
        "@a.start..end-1s",
        "end-2s..end",
        "${a}..${b}",
        "-14LUFS",
        "0.25turn",
        "été",
    ] {
        for place in [
            format!("k x:{text}"),
            format!("k [{text}]"),
            format!("k x:  {text} // c"),
            format!("k s[{text}]"),
        ] {
            let tree = clean_or_trim(&place);
            assert!(tree.contains(&format!("<{text}>")), "{place}: {tree}");
        }
    }
    assert_eq!(clean("k 5s a[1s..2s] \"s\"[..2s] [1 2]"), "k <5s> <a>~<1s..2s> \"s\"~<..2s> [<1> <2>]");
    assert_eq!(clean("gap end-1:02"), "gap <end-1:02>");
}

/// As `clean`, where a trim that holds no range is allowed to complain.
fn clean_or_trim(text: &str) -> String {
    let (nodes, findings) = read(text);
    if !text.contains("s[") {
        assert!(findings.is_empty(), "{text:?}: {findings:?}");
        return outline(&nodes);
    }
    match text.contains("..") {
        true => outline(&nodes),
        false => text.replace("s[", "<").replace(']', ">"),
    }
}

#[test]
fn strings_and_lists() {
    assert_eq!(
        clean(r#"t "a \"b\" \\ \n \t \u{e9} ${x} $${y} // no /* no""#),
        r#"t "a \"b\" \\ \n \t é ${x} $${y} // no /* no""#
    );
    assert_eq!(clean(r#"t "\u{24}{x}""#), r#"t "$${x}""#);
    assert_eq!(clean("k [0s 1, end 1.2 ease-in-out]"), "k [<0s> <1>, <end> <1.2> <ease-in-out>]");
    assert_eq!(
        clean("k z:[\n 0s 1, // c\n 1s \"2px 3px\"\n , [1, 2],\n]\n"),
        "k z:[<0s> <1>, <1s> \"2px 3px\", [<1>, <2>]]"
    );
    assert_eq!(clean("k []"), "k []");
}

#[test]
fn every_mistake_has_its_place() {
    for (text, expected) in [
        ("text \"abc", "1:6 V0111"),
        ("text \"abc\\\"\ngap 1s", "1:6 V0111"),
        ("text \"a\\qb\\u{110000}\\$\"", "1:8 V0112, 1:11 V0112, 1:21 V0112"),
        ("timeline {\n video a\n", "1:10 V0113"),
        ("a { b { c }", "1:3 V0113"),
        ("k z:[0s 1, end 2\nvideo b", "1:5 V0114"),
        ("k c:rgb(1,2,3 at:5s", "1:8 V0114"),
        ("k ${name x:1", "1:3 V0114"),
        ("k a[1s..2s x:1", "1:4 V0114"),
        ("a /* b", "1:3 V0115"),
        ("a\n}\nb", "2:1 V0116"),
        ("a 1 ] b", "1:5 V0116"),
        ("a 1, 2", "1:4 V0117"),
        ("\"x\" y\nb", "1:1 V0117"),
        ("é \u{201c}hi\u{201d}", "1:3 V0120"),
        ("a \"b\"c", "1:6 V0117"),
        ("| blur(5px)", "1:1 V0122"),
        ("a | blur(5px)", "1:9 V0117"),
        ("k at : 5s", "1:5 V0118"),
        ("var size : length = 1", "1:9 V0118"),
        ("k at:\nk b: // x", "1:3 V0119, 2:3 V0119"),
        ("var x =\nvar y: length =", "1:5 V0119, 2:5 V0119"),
        ("k [1,,2]", "1:6 V0119"),
        ("k 5. @ #xyz 12; 'a' a:b:c", "1:3 V0120, 1:6 V0120, 1:8 V0120, 1:13 V0120, 1:17 V0120, 1:23 V0120"),
        ("k @a.start + 1s", "1:12 V0120"),
        ("a | | sepia\nb |", "1:3 V0121, 2:3 V0121"),
        ("at:5s\nk", "1:1 V0122"),
        ("timeline\n{\n video a\n}", "2:1 V0122"),
        ("{ a }", "1:1 V0122"),
        ("k 1=5", "1:4 V0123"),
        ("k = 5", "1:3 V0123"),
        ("a { } { }", "1:7 V0124"),
        ("a { }\n at:5s", "2:2 V0125"),
        ("a { } b { }", "1:7 V0126"),
        ("k a[5s]", "1:4 V0127"),
        ("k [t:0s]", "1:4 V0117"),
        ("a\0b\u{a0}c \"\u{7}\"", "1:2 V0105, 1:4 V0105, 1:8 V0105"),
        ("a\rb", "1:2 V0105"),
        ("ü \"ä\" 5.\n\tü @", "1:7 V0120, 2:4 V0120"),
    ] {
        assert_eq!(read(text).1.join(", "), expected, "{text:?}");
    }
}

#[test]
fn what_can_be_kept_is_kept() {
    let text =
        "timeline {\n video \"a.mp4 in:2s\n image \"b.png\" at : 5s , dur:5.\n } | x\n gap 2s\n text [0s 1\n";
    let (nodes, findings) = read(text);
    assert_eq!(
        outline(&nodes),
        "timeline | x {video \"a.mp4 in:2s\"; image \"b.png\" at:<5s> dur:<5.>}; gap <2s>; text [<0s> <1>]"
    );
    assert_eq!(findings.join(", "), "2:8 V0111, 3:18 V0118, 3:24 V0117, 3:30 V0120, 6:7 V0114");
}

#[test]
fn hostile_texts_are_refused_quickly() {
    let big = "video \"x.mp4\" in:1s // c\n".repeat(2_000_000);
    for (text, code) in [
        ("a{".repeat(10_000), "V0102"),
        ("[".repeat(10_000), "V0102"),
        (format!("k f{}", "(".repeat(10_000)), "V0102"),
        (big, "V0101"),
        ("a ".repeat(1_000_000), "V0103"),
    ] {
        let start = worked();
        let (_, findings) = read(&text);
        assert!(findings.last().unwrap().ends_with(code), "{findings:?}");
        assert!((worked() - start).as_secs() < 2, "{code}: {:?}", (worked() - start));
    }
}

#[test]
fn time_is_linear_in_the_text() {
    for piece in [
        "]",
        "\"",
        "a\n",
        "[\n",
        "f(\n",
        "/*",
        "//",
        "${",
        "{}",
        "a|",
        "a:",
        "a\n\n\n",
        "x\n// c\n",
        "a,",
        "@",
        "1.",
        "} ",
        "f(]",
        "a{}\n\n",
        ":",
        "=",
        "\\",
        "\"\\",
        "a[",
        "[,\n",
        "é",
        "\0",
        "aaaaaaaaaaaaaaaaaaaa-",
        "1:",
        "a.",
        "..",
        "|\n",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let start = worked();
        read(&text);
        assert!((worked() - start).as_secs() < 2, "{piece:?}: {:?}", (worked() - start));
    }
}
