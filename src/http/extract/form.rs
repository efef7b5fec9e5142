//! A request's body, bounded, and the form in it.
//!
//! Whether a body is allowed to be a form at all (method, content type), and how a refusal is
//! worded on the wire, is left to those who ask.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{FormError, FormParams};
use crate::domain::action::json::{Limits, strict};

/// The bytes a form may have.
pub const MOST_BYTES: usize = 64 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than are taken, announced or sent.
    #[error("the request's body is too large")]
    TooLarge,
    /// The caller left, or did not keep to HTTP.
    #[error("the request's body broke off")]
    Broken,
}

impl BodyError {
    /// The HTTP status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Whether the headers announce a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    announces(headers, "application/x-www-form-urlencoded")
}

/// Whether the headers announce JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    announces(headers, "application/json")
}

fn announces(headers: &HeaderMap, media_type: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media_type))
}

/// The whole body of `request`, if it is no longer than `limit` bytes.
pub async fn body(request: Request, limit: usize) -> Result<Bytes, BodyError> {
    let (parts, body) = request.into_parts();
    body_of(&parts.headers, body, limit).await
}

/// The whole of `body`, which came with `headers`, if it is no longer than `limit` bytes.
///
/// A length that is announced too large is refused before a byte is read.
pub async fn body_of(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |n| n > limit)) {
        return Err(BodyError::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(error.as_ref()) => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<LengthLimitError>)
}

/// Reads a form. Names in `repeatable` may stand more than once, all others once.
pub fn read_form(body: &[u8], repeatable: &[&str]) -> Result<FormParams, FormError> {
    if body.len() > MOST_BYTES {
        return Err(FormError::TooLong);
    }
    FormParams::read(body, repeatable)
}

/// Reads a form that came as a JSON object, as some SDKs send token requests.
pub fn read_json(body: &[u8]) -> Result<FormParams, FormError> {
    let limits = Limits {
        bytes: MOST_BYTES,
        string: MOST_BYTES,
        ..Limits::REQUEST
    };
    let object = strict(body, limits).map_err(|_| FormError::Malformed)?;
    FormParams::of_json(&object)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// Endless bytes without an announced length.
    struct Endless;

    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 4096])))))
        }
    }

    /// A body that must not be read.
    struct Unread;

    impl hyper::body::Body for Unread {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("read")
        }
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_taken() {
        let request = Request::new(Body::from("12345"));
        assert_eq!(body(request, 5).await, Ok(Bytes::from("12345")));
    }

    #[tokio::test]
    async fn sec_h02_a_byte_too_many_is_refused() {
        let request = Request::new(Body::from("123456"));
        assert_eq!(body(request, 5).await, Err(BodyError::TooLarge));
        let request = Request::new(Body::new(Endless));
        assert_eq!(body(request, MOST_BYTES).await, Err(BodyError::TooLarge));
        assert_eq!(BodyError::TooLarge.status(), 413);
    }

    #[tokio::test]
    async fn sec_h02_a_length_announced_too_large_is_refused_unread() {
        let mut request = Request::new(Body::new(Unread));
        let length = http::HeaderValue::from_static("6");
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
        assert_eq!(body(request, 5).await, Err(BodyError::TooLarge));
    }

    #[test]
    fn sec_h02_a_form_has_a_longest_length() {
        let longest = format!("a={}", "x".repeat(MOST_BYTES - 2));
        assert!(read_form(longest.as_bytes(), &[]).is_ok());
        let longer = format!("{longest}x");
        assert_eq!(
            read_form(longer.as_bytes(), &[]).err(),
            Some(FormError::TooLong)
        );
    }
}
