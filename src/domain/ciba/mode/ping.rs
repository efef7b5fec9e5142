//! Ping mode's callback (CIBA §10.2): that there is an answer, and not a word about which.
//!
//! Sent when the answer is durable, whether it is a yes or a no. A request that runs out is not told
//! of: the agent knows `expires_in`. What an agent that hears nothing loses is time, for it may poll.

use serde_json::json;

/// The body, in full: whoever reads it on its way learns nothing, and can do nothing with it.
pub fn body(auth_req_id: &str) -> String {
    json!({ "auth_req_id": auth_req_id }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t70_a_ping_says_which_request_and_nothing_else() {
        assert_eq!(body("aBc-_9"), r#"{"auth_req_id":"aBc-_9"}"#);
    }
}
