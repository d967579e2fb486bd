//! One person's way through the service: from registering to the film.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use vfxb_engine::media::{DecodeOptions, LibavMedia, Media, VideoReader};

use crate::client::Service;
use crate::vfxb;

const SECRET: &str = "a secret of more than thirty-two bytes, for tests";

fn trailer() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/media/big_buck_bunny_trailer.mp4")
}

fn reader(film: &Path) -> VideoReader {
    VideoReader::open(&LibavMedia::default().probe(film).unwrap(), DecodeOptions::default()).unwrap()
}

#[test]
fn register_upload_five_edits_download_and_the_picture_is_of_one_generation() {
    let mut service = Service::start(&[("JWT_SECRET", SECRET)]);
    assert_eq!(service.get("/api/video").0, 401);
    let registered = service
        .posted("/api/auth/register", &json!({"email": "Ada@example.com", "password": "correct horse"}));
    service.token = Some(registered["token"].as_str().unwrap().to_owned());
    assert_eq!(service.get("/api/auth/me").1["user"]["email"], "ada@example.com");

    let original = service.upload(&trailer());
    let (_, listed) = service.get("/api/video");
    assert_eq!(listed["videos"][0]["id"], json!(original), "{listed}");

    // Only the last is asked for as a file; the others are steps on the way.
    let edit = |endpoint: &str, of: &str, mut body: serde_json::Value| {
        body["videoId"] = json!(of);
        service.posted(&format!("/api/video/{endpoint}"), &body)
    };
    let id = |answer: &serde_json::Value| answer["videoId"].as_str().unwrap().to_owned();
    let trimmed = id(&edit("trim", &original, json!({"startTime": 10.5, "endTime": 11.5, "render": false})));
    let crop = json!({"width": 320, "height": 180, "x": 160, "y": 90, "render": false});
    let cropped = id(&edit("crop", &trimmed, crop));
    let filter = json!({"filterType": "vintage", "intensity": 0.8, "render": false});
    let filtered = id(&edit("apply-filter", &cropped, filter));
    let text = json!({"text": "Hello World", "position": {"x": 20, "y": 120}, "duration": {"start": 0.25, "end": 0.75},
        "style": {"fontSize": 24, "color": "white"}, "render": false});
    let titled = id(&edit("add-text", &filtered, text));
    let export = edit("export", &titled, json!({"format": "mp4", "quality": "high", "resolution": "source"}));
    let film = id(&export);
    let render = service.completed(export["jobId"].as_str().unwrap());
    assert_eq!(render["progress"], 1.0);

    let (_, renders) = service.get("/api/renders");
    assert_eq!(renders["total"], 1, "five edits are one render: {renders}");
    let (_, video) = service.get(&format!("/api/video/{film}"));
    assert_eq!(video["video"]["status"], "ready", "{video}");
    let metadata = &video["video"]["metadata"];
    assert_eq!((metadata["width"].as_u64(), metadata["height"].as_u64()), (Some(320), Some(180)), "{video}");
    assert_eq!(metadata["frames"], 24, "{video}");

    // One generation: the same as a script on the original gives, to the last sample.
    let downloaded = service.download(&format!("/api/video/{film}/file"), "downloaded.mp4");
    let by_hand = service.folder.path().join("by hand.vfx");
    let script = format!(
        "canvas 320x180\ntimeline {{\n video {:?} in:10.5s out:11.5s crop:\"320x180 160px 90px\" | vintage 0.8\n}}\noverlays {{\n text \"Hello World\" at:250ms..750ms position:\"20px 120px\" size:24px color:white\n}}\noutput \"by hand.mp4\" quality:high\n",
        trailer().canonicalize().unwrap().to_str().unwrap()
    );
    std::fs::write(&by_hand, script).unwrap();
    assert!(
        Command::new(vfxb()).args(["render", "--backend", "cpu"]).arg(&by_hand).status().unwrap().success()
    );
    let mut readers = [reader(&downloaded), reader(&by_hand.with_extension("mp4"))];
    for n in 0..24 {
        let [over_http, by_hand] = readers.each_mut().map(|reader| reader.picture(n).unwrap());
        for plane in 0..3 {
            for y in 0..if plane == 0 { 180 } else { 90 } {
                assert_eq!(
                    over_http.row(plane, y),
                    by_hand.row(plane, y),
                    "frame {n}, plane {plane}, row {y}"
                );
            }
        }
    }

    // Another person sees none of it.
    let other = service
        .posted("/api/auth/register", &json!({"email": "eve@example.com", "password": "battery staple"}));
    service.token = Some(other["token"].as_str().unwrap().to_owned());
    assert_eq!(service.get(&format!("/api/video/{film}")).0, 404);
    assert_eq!(service.get(&format!("/api/video/{film}/file")).0, 404);
    assert_eq!(
        service.post("/api/video/trim", &json!({"videoId": film, "startTime": 0, "endTime": 1})).0,
        404
    );
    assert_eq!(service.get("/api/renders").1["total"], 0);
}
