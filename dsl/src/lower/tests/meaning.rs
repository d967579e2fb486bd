//! What scripts mean.

use super::*;
use crate::script::*;
use crate::value::{Animated, Easing, Rational, Time, TimeBase, TimePoint};

const HOLIDAY: &str = r##"// holiday.vfx
canvas 1920x1080 fps:30 background:#101014
var name = "Ada"
media beach = "footage/beach.mp4"

timeline {
  video beach[10.5s..60s] id:intro | crop 1280x720 x:320px y:180px | vintage 0.8
  transition crossfade 1s
  video "footage/city.mp4" in:2s out:42s speed:2 fit:cover | lut "film.cube" mix:60%
  image "map.png" duration:4s zoom:[0s 1, end 1.2 ease-in-out]
}

overlays {
  text "Hello ${name}" at:@intro.start+1s duration:3s position:bottom offset:"0px -8%"
       font:"Inter" weight:700 size:6vmin color:white opacity:[0s 0, 400ms 1, -400ms 1, end 0]
  image "logo.png" at:0s duration:end position:top-right width:12% opacity:0.8
}

audio {
  audio "music.mp3" id:bed loop:true volume:-12dB fade_in:1s fade_out:3s | duck under:voice by:12dB
}

output "out/holiday.mp4" quality:high
output "out/poster.jpg" at:2s
"##;

fn items(sequence: &Sequence) -> Vec<&Item> {
    sequence
        .entries
        .iter()
        .filter_map(|e| match e {
            SequenceEntry::Item(item) => Some(item.as_ref()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_holiday_film() {
    let script = vfx(HOLIDAY);
    assert_eq!(script.canvas.size.as_ref().map(|s| s.value), Some((1920, 1080)));
    let timeline = script.timeline.as_ref().unwrap();
    assert_eq!(timeline.entries.len(), 4);
    let items = items(timeline);
    let ItemKind::Video { source, map } = &items[0].kind else { panic!("{:?}", items[0]) };
    assert_eq!(source.path.to_str(), Some("/edit/footage/beach.mp4"));
    assert_eq!(map.start.as_ref().map(|t| &t.value), Some(&TimePoint::seconds(Time::ratio(21, 2))));
    assert_eq!(
        items[0].visual.crop.as_ref().map(|c| (c.width.value, c.x.map(|x| x.value))),
        Some((1280.0, Some(320.0)))
    );
    assert_eq!(items[0].effects.len(), 1);
    assert_eq!(items[0].effects[0].params, [ParamValue::Number(Animated::Constant(0.8))]);
    let ItemKind::Video { map, .. } = &items[1].kind else { panic!("{:?}", items[1]) };
    assert_eq!(map.exact_speed, Rational::from_integer(2));
    assert_eq!(items[1].effects[0].mix, Animated::Constant(0.6));
    let Animated::Keyframes(zoom) = &items[2].visual.zoom else { panic!("{:?}", items[2].visual.zoom) };
    assert_eq!((zoom[1].value, zoom[1].easing), (1.2, Easing::CubicBezier([0.42, 0.0, 0.58, 1.0])));
    let ItemKind::Text(text) = &script.overlays[0].kind else { panic!() };
    assert_eq!((text.runs[0].text.as_str(), text.runs[0].weight), ("Hello Ada", 700));
    let at = script.overlays[0].timing.at.as_ref().unwrap();
    assert!(matches!(&at.value.base, TimeBase::Anchor { path, .. } if path == &["intro"]));
    assert_eq!(script.overlays[1].timing.duration.as_ref().unwrap().value, TimePoint::end());
    let sound = &script.audio[0].sound;
    assert_eq!(sound.volume, Animated::Constant(libm::pow(10.0, -0.6)));
    assert_eq!(script.outputs[0].quality, Quality::High);
    assert_eq!(script.outputs[1].file.value.to_str(), Some("/edit/out/poster.jpg"));
}
