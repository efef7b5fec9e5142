//! What the demo's agent asks, one question for each key.

use serde_json::json;

use crate::cli::agent::Question;

/// The three kinds of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Harmless: one tap.
    Low,
    /// Dangerous: needs a fresh sign-in.
    High,
    /// Something that may be allowed for longer, within bounds.
    Always,
}

impl Kind {
    /// The question, to the one person there is.
    pub(super) fn question(self, person: &str) -> Question {
        let question = Question {
            login_hint: person.to_owned(),
            scope: "openid".to_owned(),
            requested_expiry: Some("600".to_owned()),
            resume_state: Some(format!("step 3, {}", self.task())),
            ..Question::default()
        };
        match self {
            Self::Low => Question {
                scope: "openid payments.read".to_owned(),
                binding_message: Some("To match last month's invoices.".to_owned()),
                ..question
            },
            Self::High => Question {
                authorization_details: Some(
                    json!([{
                        "type": "payment_initiation",
                        "instructedAmount": { "amount": "2400.00", "currency": "EUR" },
                        "creditorName": "Hanna Herwitz",
                        "creditorAccount": { "iban": "DE40100100103307118608" },
                        "reference": "Invoice 1042",
                    }])
                    .to_string(),
                ),
                binding_message: Some("Invoice 1042 is due today.".to_owned()),
                ..question
            },
            Self::Always => Question {
                authorization_details: Some(
                    json!([{
                        "type": "payment_small",
                        "instructedAmount": { "amount": "24.00", "currency": "EUR" },
                        "creditor": "Coffee & Co.",
                        "reference": "Weekly beans",
                    }])
                    .to_string(),
                ),
                binding_message: Some("The beans are nearly gone.".to_owned()),
                ..question
            },
        }
    }

    /// What the agent is about to do.
    pub(super) fn task(self) -> &'static str {
        match self {
            Self::Low => "read the payments",
            Self::High => "pay €2,400.00 to Hanna Herwitz",
            Self::Always => "pay €24.00 to Coffee & Co.",
        }
    }
}
