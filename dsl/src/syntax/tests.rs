use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::node::ValueKind;
use super::*;

/// Time that this thread has worked: what other programs do meanwhile does not count (on Linux).
pub(super) fn worked() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

#[test]
fn spelling_by_path_and_by_sight() {
    for (path, spelling) in [
        ("a.vfx", Some(Spelling::Vfx)),
        ("a.YAML", Some(Spelling::Yaml)),
        ("b/a.yml", Some(Spelling::Yaml)),
        ("a.json", Some(Spelling::Yaml)),
        ("a.txt", None),
        ("vfx", None),
    ] {
        assert_eq!(Spelling::of_path(Path::new(path)), spelling, "{path}");
    }
    for (text, spelling) in [
        ("// c\nvideo a", Spelling::Vfx),
        ("\n  canvas 1920x1080 fps:30", Spelling::Vfx),
        ("timeline {", Spelling::Vfx),
        ("", Spelling::Vfx),
        ("# c\ntimeline:", Spelling::Yaml),
        ("\u{feff}timeline:\n - a", Spelling::Yaml),
        ("canvas : {}", Spelling::Yaml),
        ("$schema: x", Spelling::Yaml),
        ("{\"timeline\": []}", Spelling::Yaml),
        ("---\na: 1", Spelling::Yaml),
    ] {
        assert_eq!(Spelling::guess(text), spelling, "{text:?}");
    }
}

#[test]
fn words_of_a_quoted_value_have_places() {
    let mut map = SourceMap::new();
    let file = map.add("a.vfx", "", "k \"0s rgb(1, 2)\" \"é\\\\ x\"");
    let (document, _) = parse(&map, file, Spelling::Vfx);
    let Some(Document::Nodes(nodes)) = document else { panic!() };
    let split = |index: usize| {
        let value = &nodes[0].positional[index];
        let ValueKind::Quoted(text) = &value.kind else { panic!() };
        let words = words(&map, text, value.span);
        words.iter().map(|word| map.text(word.span).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(split(0), ["0s", "rgb(1, 2)"]);
    assert_eq!(split(1), ["\"é\\\\ x\"", "\"é\\\\ x\""]);
}

#[test]
fn findings_are_counted_beyond_so_many() {
    let mut map = SourceMap::new();
    let file = map.add("a.vfx", "", "k 5.\n".repeat(1_000));
    let (_, findings) = parse(&map, file, Spelling::Vfx);
    assert_eq!(findings.len(), MOST_FINDINGS + 1);
    assert_eq!(findings.last().unwrap().message, "800 further findings are not shown");
}
