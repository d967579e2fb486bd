//! Times of outputs and of the command line: anchors, the film's end, and what is no time of the film.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::ops::Range;
use std::path::{Path, PathBuf};

use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::Spelling;
use vfxb_engine::plan::{Plan, Request, plan};
use vfxb_tests::fake::Fake;
use vfxb_tests::scripts::planned;

/// Three seconds of red `a` and blue `b`, which is shown from 2 s on, at 30 frames a second; a group over the end.
const FILM: &str = "canvas 64x48 fps:30\ntimeline {\n  color red id:a duration:2s\n  color blue id:b duration:3s\n}\n\
    overlays {\n  group id:g at:1s {\n    timeline {\n      color green duration:1s\n      color black id:c duration:1s\n    }\n  }\n}\n";

/// The frames of the only output.
fn frames(outputs: &str) -> Range<u64> {
    let (plan, _, shown) = planned(Path::new("/edit"), &format!("{FILM}{outputs}\n"), &Fake);
    plan.unwrap_or_else(|| panic!("{shown}")).renders[0].deliveries[0].frames.clone()
}

/// What is said about an output.
fn refused(outputs: &str) -> String {
    let (plan, _, shown) = planned(Path::new("/edit"), &format!("{FILM}{outputs}\n"), &Fake);
    assert!(plan.is_none(), "{outputs}");
    shown
}

/// A request beside the film, which has no output of its own.
fn asked(request: Request) -> (Option<Plan>, Vec<String>) {
    let mut map = SourceMap::new();
    let file = map.add("film.vfx", "/edit", FILM);
    let (script, _) = vfxb_engine::parse(&map, file, Spelling::Vfx, &[]);
    let file = if request.at.is_some() { "/edit/o.png" } else { "/edit/o.mp4" };
    let request = Request { output: Some(PathBuf::from(file)), ..request };
    let (plan, findings) = plan(&script.unwrap(), &Fake, &request);
    let said = findings.into_iter().map(|f| format!("{} | {}", f.message, f.help.unwrap_or_default()));
    (plan, said.collect())
}

#[test]
fn outputs_know_the_ids_of_the_film() {
    assert_eq!(frames("output \"p.png\" at:@b.start+1s"), 90..91);
    assert_eq!(frames("output \"p.png\" at:@a.end"), 60..61);
    assert_eq!(frames("output \"p.png\" at:@g.c.start"), 60..61);
    assert_eq!(frames("output \"p.mp4\" range:@b.start..@b.end"), 60..150);
    assert_eq!(frames("output \"p.mp4\" range:@a.start+1s..@a.end-10f"), 30..50);
    assert_eq!(frames("output \"p.mp4\" range:@b.start.."), 60..150);
    assert!(refused("output \"p.png\" at:@c.start").contains("no item has the id `c`"));
    assert!(refused("output \"p.mp4\" range:@b.end..@a.end").contains("is no part of the film"));
}

#[test]
fn so_does_the_command_line() {
    let at = |text: &str| Request { at: Some(text.parse().unwrap()), output: None, ..Request::default() };
    let range = |text: &str| Request { range: Some(text.parse().unwrap()), ..Request::default() };
    let first = |request: Request| asked(request).0.unwrap().renders[0].deliveries[0].frames.clone();
    assert_eq!(first(at("@b.start")), 60..61);
    assert_eq!(first(at("@g.c.start+5f")), 65..66);
    assert_eq!(first(range("@b.start..end")), 60..150);
    assert_eq!(first(range("..@a.end")), 0..60);
    let (plan, said) = asked(at("@bb.start"));
    assert!(plan.is_none());
    assert_eq!(said, ["no item of the film has the id `bb` | did you mean `@b`?"]);
    let (plan, said) = asked(range("@nosuch.start.."));
    assert!(plan.is_none());
    assert_eq!(said, ["no item of the film has the id `nosuch` | the ids of the film are a, b, g, g.c"]);
}

#[test]
fn a_group_that_waits_for_its_length_has_its_ids_too() {
    let film = |last: &str| {
        format!(
            "canvas 64x48 fps:30\ntimeline {{\n  color red duration:9s\n}}\noverlays {{\n  group id:g at:1s duration:end {{\n    overlays {{\n      color blue id:c at:1s duration:end\n    }}\n  }}\n{last}}}\noutput \"p.png\" at:@g.c.start+1f\n"
        )
    };
    let (plan, _, shown) = planned(Path::new("/edit"), &film(""), &Fake);
    assert_eq!(plan.unwrap_or_else(|| panic!("{shown}")).renders[0].deliveries[0].frames, 61..62);
    // What is wrong with an item is said there, and not once more where its id stands.
    let wrong = film("  color red at:-20s duration:2s id:d\n").replace("@g.c.start", "@d.start");
    let (plan, _, shown) = planned(Path::new("/edit"), &wrong, &Fake);
    assert!(plan.is_none() && shown.contains("before its film does"), "{shown}");
    assert!(!shown.contains("has the id"), "{shown}");
}

#[test]
fn the_end_of_a_film_is_its_last_frame() {
    assert_eq!(frames("output \"p.png\" at:end"), 149..150);
    assert_eq!(frames("output \"p.png\" at:100%"), 149..150);
    assert_eq!(frames("output \"p.png\" at:@b.end"), 149..150);
    assert_eq!(frames("output \"p.png\" at:end-1f"), 149..150);
    assert!(refused("output \"p.png\" at:5s").contains("`end` is its last frame"));
    assert!(refused("output \"p.png\" at:end+1f").contains("but the film is 5s long"));
}

#[test]
fn an_effect_acts_from_when_until_when() {
    let active = |effect: &str| {
        let text = format!("timeline {{\n  color red duration:4s | invert {effect}\n}}\noutput \"o.mp4\"\n");
        let (plan, _, shown) = planned(Path::new("/edit"), &text, &Fake);
        let plan = plan.unwrap_or_else(|| panic!("{shown}"));
        let range = plan.renders[0].timeline.film.layers[0].effects[0].active.clone().unwrap();
        (range.start.to_f64(), range.end.to_f64())
    };
    assert_eq!(active("at:0.5s..1.5s"), (0.5, 1.5));
    assert_eq!(active("at:25%..end-1s"), (1.0, 3.0));
    assert_eq!(active("at:..2s"), (0.0, 2.0));
    assert_eq!(active("at:3s.."), (3.0, 4.0));
    assert_eq!(active("at:1s duration:2s"), (1.0, 3.0));
    assert_eq!(active("at:1s duration:end-1s"), (1.0, 3.0));
}

#[test]
fn a_font_that_is_not_there_is_told_where_it_is_asked_for() {
    let text = "overlays {\n  text \"Hello\" duration:1s font:\"no/such.ttf\"\n}\noutput \"o.mp4\"\n";
    let (plan, ..) = planned(Path::new("/edit"), text, &Fake);
    let drawings = vfxb_engine::exec::drawings::Drawings::new(vfxb_engine::text::Fonts::new(false));
    let findings = vfxb_engine::check::texts(&plan.unwrap(), &drawings);
    let places: Vec<_> = findings.iter().map(|f| f.primary.as_ref().unwrap().span).collect();
    let at = text.find("\"no/such").unwrap() as u32;
    assert_eq!(places.iter().map(|span| (span.start, span.end)).collect::<Vec<_>>(), [(at, at + 13)]);
}
