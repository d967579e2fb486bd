//! How large a message may be, and of what kind, whatever way it comes.
//!
//! socketioxide bounds the bodies of polling, but leaves web sockets at the 64 MiB of its library, and keeps the binary
//! parts of an event, as many as its client says that will come, until the last one is there. No event here has binary
//! parts: so they are refused, and a web socket's frames are read here first, with the bound, and passed on within the
//! process.

use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Extensions, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::PAYLOAD;
use crate::error::{ApiError, Kind};

/// Bytes on their way within the process.
const PIPE: usize = 16 << 10;

/// Bytes of a socket that are read at once.
const READ: usize = 4 << 10;

/// Between the packets of a polling body.
const SEPARATOR: u8 = 0x1e;

/// Passes a request on, with bounded messages.
pub(super) async fn bounded(mut request: Request, next: Next) -> Response {
    if let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>()
        && request.headers().contains_key(header::SEC_WEBSOCKET_KEY)
    {
        return socket(request, upgrade, next).await.unwrap_or_else(|error| {
            ApiError::internal(format!("a socket cannot be opened: {error}")).into_response()
        });
    }
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, PAYLOAD as usize).await else {
        return ApiError::new(Kind::TooLarge, "The messages are larger than they may be here.")
            .into_response();
    };
    if bytes.split(|byte| *byte == SEPARATOR).any(is_binary) {
        return ApiError::new(Kind::Unsupported, "No event here has binary parts.").into_response();
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

/// Whether a packet is, or announces, a binary part: `b` is one in a polling body, 45 and 46 are Socket.IO's binary
/// event and acknowledgement in an Engine.IO message.
fn is_binary(packet: &[u8]) -> bool {
    packet.starts_with(b"b") || packet.starts_with(b"45") || packet.starts_with(b"46")
}

/// Opens a web socket: socketioxide gets one within the process, and messages go to and fro.
async fn socket(request: Request, client: OnUpgrade, next: Next) -> Result<Response, hyper::Error> {
    let (near, far) = tokio::io::duplex(PIPE);
    let (parts, body) = request.into_parts();
    tokio::spawn(serve(far, parts.extensions.clone(), next));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(Request::from_parts(parts, body)).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response.map(Body::new));
    }
    let (mut head, body) = response.into_parts();
    // The client's own upgrade is what counts, not the one within.
    let service = head.extensions.remove::<OnUpgrade>();
    tokio::spawn(async move {
        let Some(service) = service else { return };
        if let (Ok(client), Ok(service)) = tokio::join!(client, service) {
            pass(client, service).await;
        }
    });
    Ok(Response::from_parts(head, Body::new(body)))
}

/// The end of the pipe at which socketioxide answers.
async fn serve(pipe: tokio::io::DuplexStream, extensions: Extensions, next: Next) {
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (extensions, next) = (extensions.clone(), next.clone());
        async move {
            let mut request = request.map(Body::new);
            let upgrade = request.extensions_mut().remove::<OnUpgrade>();
            *request.extensions_mut() = extensions;
            upgrade.map(|upgrade| request.extensions_mut().insert(upgrade));
            Ok::<_, Infallible>(next.run(request).await)
        }
    });
    let builder = hyper::server::conn::http1::Builder::new();
    if let Err(error) = builder.serve_connection(TokioIo::new(pipe), service).with_upgrades().await {
        tracing::debug!(%error, "a socket broke");
    }
}

/// Passes messages both ways until one side ends.
async fn pass(client: Upgraded, service: Upgraded) {
    let bounds = WebSocketConfig::default()
        .read_buffer_size(READ)
        .max_message_size(Some(PAYLOAD as usize))
        .max_frame_size(Some(PAYLOAD as usize));
    let client = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, Some(bounds)).await;
    let inner = WebSocketConfig::default().read_buffer_size(READ);
    let service = WebSocketStream::from_raw_socket(TokioIo::new(service), Role::Client, Some(inner)).await;
    let (to_client, from_client) = client.split();
    let (to_service, from_service) = service.split();
    tokio::select! {
        () = each(from_client, to_service) => {}
        () = each(from_service, to_client) => {}
    }
}

/// Passes messages one way, until there is one that may not be.
async fn each<I, O>(mut from: I, mut to: O)
where
    I: Stream<Item = Result<Message, Error>> + Unpin,
    O: Sink<Message, Error = Error> + Unpin,
{
    while let Some(Ok(message)) = from.next().await {
        let passes = match &message {
            Message::Text(text) => !is_binary(text.as_bytes()),
            Message::Binary(_) => false,
            // Each side answers its own.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Close(_) => true,
        };
        if !passes || to.send(message).await.is_err() {
            break;
        }
    }
    // The other side hears of the end; if it has gone already there is nobody to tell.
    let _ = to.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_with_binary_parts_are_known() {
        for packet in ["451-[\"a\",{\"_placeholder\":true,\"num\":0}]", "461-1[]", "bAAEC"] {
            assert!(is_binary(packet.as_bytes()), "{packet}");
        }
        for packet in ["", "2", "3", "40", "42[\"b\"]", "431[]", "41", "44{}"] {
            assert!(!is_binary(packet.as_bytes()), "{packet}");
        }
    }
}
