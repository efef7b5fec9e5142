//! Bodies and members of them: forms, details, key sets, addresses.

use std::sync::LazyLock;

use countersign::channel::sender::{OutboundAllow, Sender};
use countersign::domain::action::json::{Limits, canonical, strict};
use countersign::domain::action::{Asked, Card, Catalogue, Party, read_details};
use countersign::domain::client::keys::PublicKeys;
use countersign::domain::id::RequestId;
use countersign::http::extract::form::{MOST_BYTES, read_form, read_json};

use crate::shown::is_harmless;

/// A form, as `/bc-authorize` and `/oauth/token` read one; and the same bytes as JSON.
pub fn form(input: &[u8]) -> bool {
    let form = read_form(input, &["resource"]);
    if let Ok(read) = &form {
        assert!(input.len() <= MOST_BYTES);
        let ours: Vec<(String, String)> = read.iter().map(owned).collect();
        let theirs = form_urlencoded::parse(input).filter(|(_, value)| !value.is_empty());
        let theirs: Vec<(String, String)> = theirs.map(|(n, v)| owned((&*n, &*v))).collect();
        assert_eq!(ours, theirs);
        for (name, _) in &ours {
            assert!(
                name == "resource" || read.all(name).count() == 1,
                "{name} twice"
            );
        }
    }
    let json = read_json(input);
    if let Ok(read) = &json {
        let value: serde_json::Value = serde_json::from_slice(input).expect("JSON");
        let members = value.as_object().expect("an object");
        for (name, value) in read.iter() {
            let member = &members[name];
            let json = member.to_string();
            assert!(member.as_str() == Some(value) || json == value);
        }
    }
    form.is_ok() || json.is_ok()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::read(include_str!("../../examples/catalogue.toml")).expect("the example")
});

/// `authorization_details` (RFC 9396), down to the card that a person sees.
pub fn authorization_details(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let Ok(details) = read_details(text, &CATALOGUE) else {
        return false;
    };
    let value = strict(input, Limits::REQUEST).expect("what was read has one meaning");
    // One form, whoever writes it.
    let once = canonical(&value);
    let again = strict(once.as_bytes(), Limits::REQUEST).expect("its one form can be read");
    assert_eq!(canonical(&again), once);
    let other: serde_json::Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(
        other.as_array().expect("an array").len(),
        value.as_array().map_or(0, Vec::len)
    );
    let Ok(asked) = Asked::read(&[], &details, &[], &CATALOGUE) else {
        return false;
    };
    let party = |id: &str| Party {
        id: id.to_owned(),
        name: id.to_owned(),
    };
    let card = Card::draw(
        &asked,
        &CATALOGUE,
        party("agent"),
        party("maya"),
        None,
        "heron 42".to_owned(),
        "0192f0c1a2b37c4d8e5f60718293a4b5"
            .parse::<RequestId>()
            .expect("an id"),
    );
    is_harmless(&card.heading);
    let shown = serde_json::from_str::<serde_json::Value>(&card.canonical()).expect("JSON");
    for fact in card.items.iter().flat_map(|item| &item.facts) {
        is_harmless(&fact.label);
        is_harmless(&fact.value);
    }
    assert_eq!(canonical(&shown), card.canonical());
    true
}

/// A client's key set (RFC 7517).
pub fn jwks(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let Ok(keys) = PublicKeys::read(text) else {
        return false;
    };
    let value: serde_json::Value = serde_json::from_str(keys.document()).expect("JSON");
    let listed = value["keys"].as_array().expect("a list");
    assert!((1..=16).contains(&listed.len()));
    for key in listed {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    true
}

/// A URL that somebody wants to be called at.
pub fn url(input: &[u8]) -> bool {
    static SENDER: LazyLock<Sender> =
        LazyLock::new(|| Sender::new(OutboundAllow::default()).expect("a sender"));
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let Ok(checked) = SENDER.check(text) else {
        return false;
    };
    let url = url::Url::parse(text).expect("a URL for another reader, too");
    assert_eq!(url.as_str(), checked.as_str());
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    assert!(matches!(url.host(), Some(url::Host::Domain(name)) if name.contains('.')));
    assert!(matches!(url.port_or_known_default(), Some(443 | 8443)));
    true
}
