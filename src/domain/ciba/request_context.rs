//! `request_context` (FAPI-CIBA §5.3): what an agent has noticed about the device it is used on, for whoever looks
//! for fraud. It is the agent's word, so no person is shown it and nothing here is decided by it.

use serde_json::Value;

use super::refusal::Refusal;
use crate::domain::action::json::{Limits, strict};

/// How much of it there may be.
const MOST: Limits = Limits {
    bytes: 4_096,
    ..Limits::REQUEST
};

/// Reads an object.
pub fn read(json: &str) -> Result<Value, Refusal> {
    match strict(json.as_bytes(), MOST) {
        Ok(object @ Value::Object(_)) => Ok(object),
        Ok(_) | Err(_) => Err(Refusal::InvalidRequest(
            "request_context is a JSON object of at most 4096 bytes",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_a_small_object_with_one_meaning() {
        let read = |text| read(text).ok();
        assert!(read(r#"{"geo":{"lat":"48.2"},"os":"x"}"#).is_some());
        assert!(read("{}").is_some());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(4_096));
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        for odd in [
            "1",
            "[]",
            "null",
            "{",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1e999}"#,
            &long,
            &deep,
        ] {
            assert!(read(odd).is_none(), "{odd}");
        }
    }
}
