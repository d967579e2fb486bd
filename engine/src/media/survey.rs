//! One pass over all packets of a file, without decoding them: what [`SourceInfo`] says, and where every packet is.
//!
//! A path comes in, a [`Survey`] goes out and is kept in the process by the file's identity, so that probing and
//! opening a reader cost one pass between them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ff::format::context::Input;
use ffmpeg_next as ff;
use vfxb_dsl::value::{Rational, Time};

use super::demux::{self, Mark};
use super::guard::{Limits, open_input};
use super::sound_index::{SoundIndex, SoundScan};
use super::stamp::{FileStamp, changed};
use super::stream_info;
use super::times::{self, Stamp};
use super::{FrameTimes, MediaError, MediaErrorKind, SourceInfo, VideoInfo};

/// A video packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct VideoPacket {
    pub(super) mark: Mark,
    /// A decoder may start here.
    pub(super) key: bool,
    /// The picture that it gives, in presentation order; `None` if it gives none that is shown.
    pub(super) rank: Option<u32>,
}

impl AsRef<Mark> for VideoPacket {
    fn as_ref(&self) -> &Mark {
        &self.mark
    }
}

/// All packets of the video stream.
#[derive(Debug)]
pub(super) struct VideoIndex {
    /// In decode order.
    pub(super) packets: Vec<VideoPacket>,
    /// For each picture in presentation order its packet.
    pub(super) shown: Vec<u32>,
    /// The ordinals of packets at which a decoder may start.
    pub(super) keys: Vec<u32>,
    /// Whether ranks are known from the stamps; else pictures are counted as the decoder gives them.
    pub(super) ordered: bool,
}

/// A file's packets and what they say.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) info: Arc<SourceInfo>,
    pub(super) video: Option<VideoIndex>,
    pub(super) audio: Vec<SoundIndex>,
}

/// What a file is known by: as long as none of it changes, neither has the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FileId {
    path: PathBuf,
    stamp: FileStamp,
    limits: Limits,
}

/// Files whose surveys are kept.
const KEPT: usize = 128;

/// A day of AAC has four million.
const MOST_SOUND_PACKETS: usize = 16_000_000;

type Cache = Mutex<HashMap<FileId, (u64, Arc<Survey>)>>;

fn cache() -> &'static Cache {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    CACHE.get_or_init(Cache::default)
}

/// The survey of a file, from the cache if the file is as it was.
pub(super) fn survey(path: &Path, limits: Limits) -> Result<Arc<Survey>, MediaError> {
    let stamp = FileStamp::of(path).map_err(|e| MediaError::from_io(path, "read", &e))?;
    let id = FileId { path: path.to_owned(), stamp, limits };
    let newest = |cache: &HashMap<FileId, (u64, Arc<Survey>)>| cache.values().map(|v| v.0).max().unwrap_or(0);
    {
        let mut kept = cache().lock().unwrap_or_else(PoisonError::into_inner);
        let now = newest(&kept) + 1;
        if let Some((used, survey)) = kept.get_mut(&id) {
            *used = now;
            return Ok(Arc::clone(survey));
        }
    }
    let made = Arc::new(take(&id)?);
    let mut kept = cache().lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT
        && let Some(oldest) = kept.iter().min_by_key(|(_, v)| v.0).map(|(k, _)| k.clone())
    {
        kept.remove(&oldest);
    }
    let now = newest(&kept) + 1;
    kept.insert(id, (now, Arc::clone(&made)));
    Ok(made)
}

/// The video stream as its packets go by.
struct VideoScan {
    stream: usize,
    vp8: bool,
    still: bool,
    /// Whether the first packet carries data beside its picture: alpha, in WebM.
    beside: bool,
    packets: Vec<(VideoPacket, Stamp)>,
}

impl VideoScan {
    fn add(&mut self, packet: &ff::Packet) {
        if self.still && !self.packets.is_empty() {
            return;
        }
        if self.packets.is_empty() {
            let kind = ff::packet::side_data::Type::MatroskaBlockAdditional;
            self.beside = packet.side_data().any(|d| d.kind() == kind);
        }
        // VP8 puts pictures that are only referred to into packets of their own (RFC 6386 §9.1, show_frame).
        let hidden = self.vp8 && packet.data().and_then(|d| d.first()).is_some_and(|b| b & 0x10 == 0);
        let shown = !hidden && packet.size() > 0 && !demux::is_discarded(packet);
        let stamp = Stamp { pts: packet.pts(), dts: packet.dts(), duration: packet.duration() };
        let rank = shown.then_some(0);
        self.packets.push((VideoPacket { mark: Mark::of(packet), key: packet.is_key(), rank }, stamp));
    }
}

fn take(id: &FileId) -> Result<Survey, MediaError> {
    let (path, limits) = (id.path.as_path(), id.limits);
    let mut input = open_input(path, &limits)?;
    let container = input.format().name().to_owned();
    let still_container = container.ends_with("_pipe");
    let mut video = stream_info::choose_video(path, &input)?.map(|stream| VideoScan {
        stream,
        vp8: codec_id(&input, stream) == Some(ff::codec::Id::VP8),
        still: still_container,
        beside: false,
        packets: Vec::new(),
    });
    let mut audio: Vec<SoundScan> = stream_info::sounds(&input);
    if video.is_none() && audio.is_empty() {
        let message = format!("{} has neither picture nor sound that can be decoded here", path.display());
        return Err(MediaError::new(MediaErrorKind::Unsupported, message)
            .with_help("convert it to a common format such as H.264 in MP4 first"));
    }
    let wanted_video = video.as_ref().map(|v| v.stream);
    let wanted_audio: Vec<usize> = audio.iter().map(SoundScan::stream).collect();
    demux::select(&mut input, |i| wanted_video == Some(i) || wanted_audio.contains(&i));
    while let Some(packet) = demux::next_packet(&mut input, path)? {
        if let Some(video) = video.as_mut().filter(|v| v.stream == packet.stream()) {
            video.add(&packet);
            if video.packets.len() > limits.max_frames {
                return Err(limits.exceeded(path, format!("has more than {} pictures", limits.max_frames)));
            }
        } else if let Some(scan) = audio.iter_mut().find(|a| a.stream() == packet.stream()) {
            scan.add(&packet);
            if scan.count() > MOST_SOUND_PACKETS {
                return Err(
                    limits.exceeded(path, format!("has more than {MOST_SOUND_PACKETS} packets of sound"))
                );
            }
        }
    }
    let video = video.map(|scan| arranged(path, &input, scan, &limits)).transpose()?;
    let origin = video.as_ref().map(|(_, _, origin)| *origin);
    finish(id, container, video.map(|(info, index, _)| (info, index)), audio, origin)
}

fn codec_id(input: &Input, stream: usize) -> Option<ff::codec::Id> {
    input.stream(stream).map(|s| s.parameters().id())
}

/// Puts the stream's end on its last picture, where it is told: what packets of pictures that are decoded in another
/// order say of their duration is how long they take to decode.
fn close(stamps: &mut [Stamp], stream: &ff::format::stream::Stream<'_>) {
    let (start, length) = (stream.start_time(), stream.duration());
    let last = stamps.iter_mut().filter(|stamp| stamp.pts.is_some()).max_by_key(|stamp| stamp.pts);
    let Some((last, pts)) = last.and_then(|stamp| stamp.pts.map(|pts| (stamp, pts))) else { return };
    let end = start.checked_add(length).filter(|_| length > 0 && start != ff::ffi::AV_NOPTS_VALUE);
    if let Some(shown) = end.and_then(|end| end.checked_sub(pts)).filter(|shown| *shown > 0) {
        last.duration = shown;
    }
}

/// What the scan of a video stream says, and the time of its first picture on the container's clock.
fn arranged(
    path: &Path,
    input: &Input,
    scan: VideoScan,
    limits: &Limits,
) -> Result<(VideoInfo, VideoIndex, Rational), MediaError> {
    let stream = input.stream(scan.stream).ok_or_else(|| changed(path))?;
    let tick = stream_info::positive(stream.time_base()).unwrap_or_else(|| Rational::new(1, 90_000));
    let declared: Vec<Rational> =
        [stream.avg_frame_rate(), stream.rate()].into_iter().filter_map(stream_info::positive).collect();
    let given: Vec<u32> =
        (0..scan.packets.len() as u32).filter(|i| scan.packets[*i as usize].0.rank.is_some()).collect();
    let mut stamps: Vec<Stamp> = given.iter().map(|i| scan.packets[*i as usize].1).collect();
    if stamps.is_empty() {
        return Err(MediaError::new(MediaErrorKind::Damaged, format!("{} holds no picture", path.display())));
    }
    let reorders = stream_info::reorders(&stream, &stamps);
    if reorders {
        close(&mut stamps, &stream);
    }
    let arranged = times::arrange(&stamps, tick, reorders, &declared);
    if arranged.times.duration() > Time::seconds(i64::from(limits.max_seconds)) {
        let hours = limits.max_seconds / 3600;
        return Err(limits.exceeded(path, format!("is longer than {hours} hours")));
    }
    let mut packets: Vec<VideoPacket> = scan.packets.iter().map(|p| p.0).collect();
    let shown: Vec<u32> = arranged.order.iter().filter_map(|i| given.get(*i as usize).copied()).collect();
    for (rank, packet) in shown.iter().enumerate() {
        packets[*packet as usize].rank = Some(rank as u32);
    }
    let single = shown.len() == 1;
    let mut info =
        stream_info::video(path, &stream, single && scan.still, scan.beside, arranged.times, arranged.rate)?;
    if single && stream_info::is_image_codec(&stream) {
        info.still = true;
        info.times = FrameTimes::Constant { rate: info.rate, count: 1 };
    }
    if info.still {
        super::decode::inspect_still(path, &mut info, *limits)?;
    }
    let origin = Rational::from_integer(i128::from(arranged.first)) * tick;
    let keys = (0..packets.len() as u32).filter(|i| packets[*i as usize].key).collect();
    Ok((info, VideoIndex { packets, shown, keys, ordered: arranged.ordered }, origin))
}

fn finish(
    id: &FileId,
    container: String,
    video: Option<(VideoInfo, VideoIndex)>,
    audio: Vec<SoundScan>,
    origin: Option<Rational>,
) -> Result<Survey, MediaError> {
    let (path, limits) = (id.path.as_path(), id.limits);
    let (mut infos, mut indices) = (Vec::new(), Vec::new());
    for scan in audio {
        let (info, index) = scan.finish(origin);
        if info.duration > Time::seconds(i64::from(limits.max_seconds)) {
            return Err(limits.exceeded(path, format!("is longer than {} hours", limits.max_seconds / 3600)));
        }
        if !index.packets.is_empty() {
            infos.push(info);
            indices.push(index);
        }
    }
    let (info, index) = video.unzip();
    if info.is_none() && infos.is_empty() {
        let message = format!("{} holds neither pictures nor sound", path.display());
        return Err(MediaError::new(MediaErrorKind::Damaged, message));
    }
    let info = SourceInfo {
        path: path.to_owned(),
        stills: Vec::new(),
        stamps: vec![id.stamp],
        container,
        video: info,
        audio: infos,
    };
    Ok(Survey { info: Arc::new(info), video: index, audio: indices })
}
