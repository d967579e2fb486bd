//! Reading packets of chosen streams, and finding one's place again after a seek.
//!
//! Every packet of a surveyed stream has an ordinal: its place in the file's decode order. A reader knows the ordinal
//! of each packet that it hands to a decoder, also after a seek, or it starts at the front again: that is what makes
//! seeking exact in any container.

use std::path::{Path, PathBuf};

use ff::ffi;
use ff::format::context::Input;
use ffmpeg_next as ff;

use super::MediaError;
use super::guard::{Limits, open_input};
use super::stamp::changed;

/// What tells one packet of a stream from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// Presentation stamp, or the least number.
    pub(super) pts: i64,
    /// Place in the file; −1 where the demuxer does not know.
    pub(super) position: i64,
    /// Bytes.
    pub(super) size: u32,
}

impl Mark {
    pub(super) fn of(packet: &ff::Packet) -> Mark {
        Mark {
            pts: packet.pts().unwrap_or(i64::MIN),
            position: packet.position() as i64,
            size: packet.size() as u32,
        }
    }
}

/// More broken packets than this in a row end a file.
const BROKEN_IN_A_ROW: usize = 256;

/// Keeps libav from reading streams that nobody wants.
pub(super) fn select(input: &mut Input, wanted: impl Fn(usize) -> bool) {
    for index in 0..input.nb_streams() as usize {
        if let Some(mut stream) = input.stream_mut(index) {
            let discard =
                if wanted(index) { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
            // SAFETY: `discard` is a public field for users to set at any time; the stream is borrowed mutably.
            unsafe { (*stream.as_mut_ptr()).discard = discard };
        }
    }
}

/// The next packet of any selected stream, or `None` at the end. Broken packets are passed over.
pub(super) fn next_packet(input: &mut Input, path: &Path) -> Result<Option<ff::Packet>, MediaError> {
    for _ in 0..BROKEN_IN_A_ROW {
        let mut packet = ff::Packet::empty();
        match packet.read(input) {
            Ok(()) => return Ok(Some(packet)),
            Err(ff::Error::Eof) => return Ok(None),
            Err(ff::Error::InvalidData | ff::Error::Other { errno: ff::error::EAGAIN }) => {}
            Err(error) => return Err(MediaError::from_av(path, "read", error)),
        }
    }
    Ok(None)
}

/// Whether libav marked a packet as needed for decoding only (what an edit list cuts away).
pub(super) fn is_discarded(packet: &ff::Packet) -> bool {
    use ff::packet::Ref;
    // SAFETY: reads a plain field of a live packet.
    unsafe { (*packet.as_ptr()).flags & ffi::AV_PKT_FLAG_DISCARD != 0 }
}

/// One stream of one file, read in decode order from wherever a seek lands.
pub(super) struct PacketReader {
    input: Input,
    path: PathBuf,
    limits: Limits,
    stream: usize,
    /// Ordinal of the next packet; `None` right after a seek.
    next: Option<usize>,
    pending: Option<ff::Packet>,
}

impl PacketReader {
    /// At the front of `stream`.
    pub(super) fn open(path: &Path, stream: usize, limits: Limits) -> Result<Self, MediaError> {
        let mut input = open_input(path, &limits)?;
        select(&mut input, |index| index == stream);
        Ok(PacketReader { input, path: path.to_owned(), limits, stream, next: Some(0), pending: None })
    }

    /// What the file says of the stream.
    pub(super) fn parameters(&self) -> Result<ff::codec::Parameters, MediaError> {
        self.input.stream(self.stream).map(|s| s.parameters()).ok_or_else(|| changed(&self.path))
    }

    /// Ordinal of the packet that [`PacketReader::read`] gives next, where known.
    pub(super) fn ordinal(&self) -> Option<usize> {
        self.next
    }

    /// The next packet and its ordinal, checked against the survey's marks.
    pub(super) fn read<M>(&mut self, marks: &[M]) -> Result<Option<(usize, ff::Packet)>, MediaError>
    where
        M: AsRef<Mark>,
    {
        let Some(packet) = self.next_of_stream()? else { return Ok(None) };
        let ordinal = self.next.ok_or_else(|| changed(&self.path))?;
        match marks.get(ordinal) {
            Some(mark) if mark.as_ref().size == packet.size() as u32 => {}
            _ => return Err(changed(&self.path)),
        }
        self.next = Some(ordinal + 1);
        Ok(Some((ordinal, packet)))
    }

    /// The next packet, before there is a survey.
    pub(super) fn read_first(&mut self) -> Result<Option<ff::Packet>, MediaError> {
        self.next_of_stream()
    }

    fn next_of_stream(&mut self) -> Result<Option<ff::Packet>, MediaError> {
        if let Some(packet) = self.pending.take() {
            return Ok(Some(packet));
        }
        while let Some(packet) = next_packet(&mut self.input, &self.path)? {
            if packet.stream() == self.stream {
                return Ok(Some(packet));
            }
        }
        Ok(None)
    }

    /// To a packet at or before ordinal `target`: as near as the container allows, at the front if it does not.
    /// `stamp(k)` is a time in the stream's ticks at which to look for packet `k`; `earlier(k)` a place to try next.
    pub(super) fn seek<M: AsRef<Mark>>(
        &mut self,
        marks: &[M],
        target: usize,
        stamp: impl Fn(usize) -> Option<i64>,
        earlier: impl Fn(usize) -> Option<usize>,
    ) -> Result<(), MediaError> {
        let mut place = Some(target);
        for _ in 0..4 {
            let Some(at) = place.filter(|p| *p > 0) else { break };
            if let Some(found) = stamp(at).and_then(|s| self.land(marks, s)).filter(|found| *found <= target)
            {
                self.next = Some(found);
                return Ok(());
            }
            place = earlier(at);
        }
        self.rewind()
    }

    /// Seeks to a stamp and says which packet comes next.
    fn land<M: AsRef<Mark>>(&mut self, marks: &[M], stamp: i64) -> Option<usize> {
        self.pending = None;
        // SAFETY: the context is open and borrowed mutably; the stream index is one of its own.
        let code = unsafe {
            ffi::avformat_seek_file(self.input.as_mut_ptr(), self.stream as i32, i64::MIN, stamp, stamp, 0)
        };
        if code < 0 {
            return None;
        }
        let packet = self.next_of_stream().ok()??;
        let mark = Mark::of(&packet);
        let mut matching = marks.iter().enumerate().filter(|(_, m)| *m.as_ref() == mark);
        let (found, _) = matching.next()?;
        if matching.next().is_some() {
            return None;
        }
        self.pending = Some(packet);
        Some(found)
    }

    /// Back to the front, by opening the file anew: what every container can do.
    pub(super) fn rewind(&mut self) -> Result<(), MediaError> {
        *self = PacketReader::open(&self.path.clone(), self.stream, self.limits)?;
        Ok(())
    }
}
