//! What an answering form was made for: one request, and the card that was shown. A form for anything
//! else is refused.

use crate::domain::id::RequestId;

/// What the answering form of a request is for: this request, and what was shown.
pub(super) fn purpose(id: RequestId, digest: &str) -> String {
    format!("answer {id} {digest}")
}

/// Bytes as the form carries them.
pub(super) fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(64);
    for byte in bytes {
        // Writing into a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Reads what [`hex`] wrote, and nothing else.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_comes_back_as_it_went_out() {
        let digest = std::array::from_fn(|at| u8::try_from(at * 7).unwrap_or(9));
        assert_eq!(unhex(&hex(&digest)), Some(digest));
        for wrong in ["", "00", &"0".repeat(63), &"G".repeat(64), &"A".repeat(64)] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }
}
