//! A body on its way to a parser that gathers as much as it can get, held back so that it cannot gather much.
//!
//! The multipart parser reads on until nothing is ready, and keeps everything until a part's heading ends. Here it gets
//! one chunk at a time, and between files only as many bytes as headings and fields of text may have.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::{BodyDataStream, Bytes};
use futures_util::{Stream, StreamExt};

/// Bytes between two files, beyond the chunk in which the first ended.
const BETWEEN: u64 = 64 << 10;

/// How much of a body may pass: shared by the body and whoever reads the parser's output.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes that may still pass.
    left: AtomicU64,
    discard: AtomicBool,
    overrun: AtomicBool,
}

impl Gauge {
    /// From here on only [`BETWEEN`].
    pub(crate) fn narrow(&self) {
        self.0.left.store(BETWEEN, Ordering::Relaxed);
    }

    /// From here on as much as comes: somebody takes it away as it does.
    pub(crate) fn widen(&self) {
        self.0.left.store(u64::MAX, Ordering::Relaxed);
    }

    /// From here on nothing passes: what comes is thrown away until the end.
    pub(crate) fn discard(&self) {
        self.0.discard.store(true, Ordering::Relaxed);
    }

    /// Whether more came than might.
    pub(crate) fn overrun(&self) -> bool {
        self.0.overrun.load(Ordering::Relaxed)
    }
}

/// A body that a [`Gauge`] holds back.
#[derive(Debug)]
pub(crate) struct Measured {
    body: BodyDataStream,
    gauge: Gauge,
    /// A chunk has just passed: the reader has its turn first.
    passed: bool,
}

impl Measured {
    pub(crate) fn new(body: BodyDataStream, gauge: Gauge) -> Measured {
        Measured { body, gauge, passed: false }
    }
}

impl Stream for Measured {
    type Item = Result<Bytes, axum::BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.passed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Poll::Ready(next) = self.body.poll_next_unpin(cx) else { return Poll::Pending };
        let Some(Ok(chunk)) = next else {
            return Poll::Ready(next.map(|end| end.map_err(axum::BoxError::from)));
        };
        let state = Arc::clone(&self.gauge.0);
        self.passed = true;
        if state.discard.load(Ordering::Relaxed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let left = state.left.load(Ordering::Relaxed);
        if left == 0 {
            state.overrun.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(io::Error::other("too much between two files").into())));
        }
        if left != u64::MAX {
            state.left.store(left.saturating_sub(chunk.len() as u64), Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(chunk)))
    }
}
