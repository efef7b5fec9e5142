//! For tests: the example catalogue, and requests against it.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Asked, AskedItem, Catalogue, Detail, read_details};

pub(crate) const EXAMPLE: &str = include_str!("../../../examples/catalogue.toml");

pub(crate) fn catalogue() -> Catalogue {
    // Read once: compiling schemas is the slow part, and properties ask a thousand times.
    static READ: LazyLock<Catalogue> =
        LazyLock::new(|| Catalogue::read(EXAMPLE).unwrap_or_else(|error| panic!("{error}")));
    READ.clone()
}

pub(crate) fn details(entries: &Value) -> Vec<Detail> {
    read_details(&entries.to_string(), &catalogue()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn asked(scopes: &[&str], entries: &Value) -> Asked {
    let details = if entries.is_null() {
        Vec::new()
    } else {
        details(entries)
    };
    Asked::read(scopes, &details, &[], &catalogue()).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn item(entry: &Value) -> AskedItem {
    asked(&[], &json!([entry])).items.remove(0)
}

pub(crate) fn payment(amount: &str, creditor: &str) -> Value {
    json!({
        "type": "payment_initiation",
        "instructedAmount": { "amount": amount, "currency": "EUR" },
        "creditorName": creditor,
        "creditorAccount": { "iban": "DE02120300000000202051" },
    })
}

pub(crate) fn small_payment(amount: &str, currency: &str, creditor: &str) -> Value {
    json!({
        "type": "payment_small",
        "instructedAmount": { "amount": amount, "currency": currency },
        "creditor": creditor,
    })
}

pub(crate) fn deploy(version: &str, environment: &str) -> Value {
    json!({ "type": "deploy", "version": version, "environment": environment })
}
