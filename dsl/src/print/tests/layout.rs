//! YAML and JSON texts laid out anew.

use super::spellings::script;
use super::*;
use crate::lower::tests::catalogue;

fn formatted(text: &str) -> String {
    let (sources, file, doc) = read(Spelling::Yaml, text);
    format(&doc, &sources, file).unwrap_or_else(|findings| panic!("{text}\n{findings:#?}"))
}

fn refused(text: &str) -> (String, String) {
    let (sources, file, doc) = read(Spelling::Yaml, text);
    let finding = format(&doc, &sources, file).unwrap_err().remove(0);
    (sources.text(finding.primary.unwrap().span).to_string(), finding.message)
}

#[test]
fn layout_is_ours_and_everything_else_the_writers() {
    let text = "# top\n\n\n\nmedia: &m\n    a:   one.mp4   # beside\n    b:   { source: \"b.mp4\",   in: 1s }\ntimeline:\n- video: a\n  # before the effects\n  effects:\n     - vintage:   0.8\n\n\n# between\n- text: |\n      Hello\n        there\n- {video: b,\n   out: 3s} # end\nvars: *m\ncolour: 'it''s'\n# last\n";
    let tidy = "# top\n\nmedia: &m\n  a: one.mp4 # beside\n  b: {source: \"b.mp4\", in: 1s}\ntimeline:\n  - video: a\n    # before the effects\n    effects:\n      - vintage: 0.8\n\n  # between\n  - text: |\n      Hello\n        there\n  - {video: b, out: 3s} # end\nvars: *m\ncolour: 'it''s'\n# last\n";
    assert_eq!(formatted(text), tidy);
    assert_eq!(formatted(tidy), tidy);
    assert_eq!(formatted(&text.replace('\n', "\r\n")), tidy);
}

#[test]
fn comments_stay_wherever_they_stand() {
    let text = "canvas: {size: 720p, # one\n  fps: 25} # two\ntimeline: # three\n  # four\n  - color: red\n    opacity: [ # five\n      0s 0, # six\n      # seven\n      1s 1\n      # eight\n    ] # nine\n    duration: # ten\n      1s\n    text: | # eleven\n      a # no\n  - # twelve\n    color: blue\n    duration: 1s\n  # thirteen\n# fourteen\n";
    let tidy = formatted(text);
    let numbers = |text: &str| {
        let comments: Vec<String> =
            text.split("# ").skip(1).map(|rest| rest.lines().next().unwrap().into()).collect();
        comments
    };
    assert_eq!(numbers(&tidy), numbers(text), "{tidy}");
    assert_eq!(formatted(&tidy), tidy);
}

#[test]
fn json_stays_json() {
    let words = "word ".repeat(30);
    let text =
        format!("{{\"canvas\":\"720p\",\n\"timeline\":[{{\"text\":\"{words}\"  ,\"duration\":\"1s\"}}]}}");
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&formatted(&text)), parsed(&text));
}

#[test]
fn what_would_change_is_left_with_its_place() {
    let (place, message) = refused("a: 1\nb: |+\n  kept\n\n\nc: 2\n");
    assert!(place.contains("kept") && message.contains("something else"), "{place:?} {message}");
    // Trimmed, its last colon would be a key's.
    assert!(refused("a: (:\u{a0}\n").1.contains("something else"));
    let deep: String = (0..40).map(|level| format!("{}a:\n", "  ".repeat(level))).collect();
    let (place, message) = refused(&deep);
    assert_eq!(
        (place.as_str(), message.contains("63 columns")),
        (" ".repeat(64).as_str(), true),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comments_stay_and_the_script_says_the_same(
        nodes in script(),
        beside in prop::collection::vec(0..4_u8, 40),
    ) {
        let printed = yaml::print(&nodes, &catalogue()).unwrap();
        let mut text = String::new();
        let mut comments = Vec::new();
        for (line, what) in printed.lines().zip(beside.iter().cycle()) {
            let comment = format!("# remark {}", comments.len());
            match what {
                0 => text.push_str(&format!("{line} {comment}\n")),
                1 => {
                    let indent = line.len() - line.trim_start().len();
                    text.push_str(&format!("{}{comment}\n{line}\n", " ".repeat(indent)));
                }
                _ => {
                    text.push_str(&format!("{line}\n"));
                    continue;
                }
            }
            comments.push(comment);
        }
        let tidy = formatted(&text);
        let kept: Vec<_> = tidy.lines().filter_map(|l| l.find("# remark ").map(|at| l[at..].to_string())).collect();
        prop_assert_eq!(kept, comments, "{}\n{}", text, tidy);
        prop_assert_eq!(&formatted(&tidy), &tidy, "{}", text);
        let (_, _, doc) = read(Spelling::Yaml, &tidy);
        let (again, findings) = crate::lower::nodes(&doc, &catalogue());
        prop_assert_eq!(findings, [], "{}", tidy);
        let (_, _, doc) = read(Spelling::Yaml, &printed);
        prop_assert_eq!(bare(&again), bare(&crate::lower::nodes(&doc, &catalogue()).0), "{}", tidy);
    }
}
