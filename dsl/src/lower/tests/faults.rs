//! What is said about scripts that are wrong.

use super::*;

#[test]
fn six_mistakes_of_different_kinds_are_six_findings() {
    let text = "timeline {\n  vidoe \"a.mp4\"\n  video \"a.mp4\" speeed:2 | vintge 0.8\n  image \"b.png\" width:12 duration:soon\n}\noutput \"film.mp5\"\n";
    assert_eq!(
        findings(Spelling::Vfx, text),
        [
            "2:3 `vidoe` V0201 unknown word `vidoe` in a timeline or track",
            "3:17 `speeed` V0202 `video` has no field `speeed`",
            "3:28 `vintge` V0203 unknown effect `vintge`",
            "4:23 `12` V0302 `width`: `12` has no unit",
            "4:35 `soon` V0301 `duration`: `soon` is not a time",
            "6:8 `\"film.mp5\"` V0601 unknown output format `.mp5`",
        ]
    );
}
