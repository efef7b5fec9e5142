//! JSON from outside, read once and strictly.
//!
//! Two readers that disagree about a document are how a person is shown one thing and a service
//! does another. So what is ambiguous is refused here (a doubled key, a number no double holds
//! exactly, a lone surrogate), what is large is refused cheaply, and what is left is
//! brought into one form (RFC 8785) from which everything is shown, hashed and issued.

use std::cell::Cell;
use std::fmt;

use aws_lc_rs::digest as hash;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::number::is_exact;

/// How much of a document is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub bytes: usize,
    /// Arrays and objects inside one another.
    pub depth: usize,
    /// Values, members and elements together.
    pub nodes: usize,
    /// Bytes of one string or one key.
    pub string: usize,
}

impl Limits {
    /// What an agent may send.
    pub const REQUEST: Self = Self {
        bytes: 65_536,
        depth: 16,
        nodes: 512,
        string: 4_096,
    };
    /// What an operator may write in a catalogue.
    pub const CATALOGUE: Self = Self {
        bytes: 262_144,
        depth: 64,
        nodes: 16_384,
        string: 16_384,
    };
}

/// Why a document was refused. The words are fit for an OAuth `error_description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than the limit.
    #[error("the JSON is too large")]
    TooLarge,
    /// Not UTF-8, or with a byte order mark.
    #[error("the JSON is not plain UTF-8")]
    NotUtf8,
    /// Not JSON, half a surrogate pair included.
    #[error("not well-formed JSON (line {line}, column {column})")]
    Malformed {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
    },
    /// A key twice in one object.
    #[error("the JSON names a key twice in one object")]
    DoubledKey,
    /// Too many arrays and objects inside one another.
    #[error("the JSON is nested too deeply")]
    TooDeep,
    /// Too many values.
    #[error("the JSON has too many values")]
    TooMany,
    /// A string or key that is too long.
    #[error("the JSON has a string that is too long")]
    LongString,
    /// A number that some reader would round.
    #[error("the JSON has a number that cannot be held exactly")]
    InexactNumber,
}

/// Reads a document that has one meaning only.
pub fn strict(text: &[u8], limits: Limits) -> Result<Value, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLarge);
    }
    let text = std::str::from_utf8(text).map_err(|_| JsonError::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError::NotUtf8);
    }
    glance(text, limits.depth)?;

    let watch = Watch {
        limits,
        nodes: Cell::new(0),
        found: Cell::new(None),
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Node(&watch).deserialize(&mut reader);
    read.and_then(|value| reader.end().map(|()| value))
        .map_err(|error| {
            let malformed = JsonError::Malformed {
                line: error.line(),
                column: error.column(),
            };
            watch.found.get().unwrap_or(malformed)
        })
}

/// The one form of a value (RFC 8785): sorted keys, no spaces, one way to write each number.
pub fn canonical(value: &Value) -> String {
    // Serializing a `Value` into memory has no way to fail; should it, the empty text equals no
    // document and so can neither match nor verify.
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

/// SHA-256.
pub fn digest(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash::digest(&hash::SHA256, text.as_bytes()).as_ref());
    out
}

/// The beginning of a [`digest`], in letters: tells a handful of things apart.
pub fn short_digest(text: &str) -> String {
    let head = digest(text).first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(head))
}

/// Depth and numbers, before anything is built: no recursion, one pass, first fault wins.
fn glance(text: &str, deepest: usize) -> Result<(), JsonError> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_string(bytes, at + 1),
            b'[' | b'{' => {
                depth += 1;
                if depth > deepest {
                    return Err(JsonError::TooDeep);
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|b| !matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
                    .map_or(bytes.len(), |length| at + length);
                if !is_exact(&text[at..end]) {
                    return Err(JsonError::InexactNumber);
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// The place after the closing quote.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

struct Watch {
    limits: Limits,
    nodes: Cell<usize>,
    found: Cell<Option<JsonError>>,
}

impl Watch {
    fn refuse<E: serde::de::Error>(&self, why: JsonError) -> E {
        self.found.set(Some(why));
        E::custom(why)
    }

    fn count<E: serde::de::Error>(&self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > self.limits.nodes {
            return Err(self.refuse(JsonError::TooMany));
        }
        Ok(())
    }

    fn string<E: serde::de::Error>(&self, text: String) -> Result<String, E> {
        if text.len() > self.limits.string {
            return Err(self.refuse(JsonError::LongString));
        }
        Ok(text)
    }
}

struct Node<'a>(&'a Watch);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.0.count()?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Value::Number)
            .ok_or_else(|| self.0.refuse(JsonError::InexactNumber))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        self.0.string(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Node(self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = from.next_key::<String>()? {
            let key = self.0.string(key)?;
            if members.contains_key(&key) {
                return Err(self.0.refuse(JsonError::DoubledKey));
            }
            members.insert(key, from.next_value_seed(Node(self.0))?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, JsonError> {
        strict(text.as_bytes(), Limits::REQUEST)
    }

    #[test]
    fn sec_a13_what_two_readers_would_read_in_two_ways_is_refused() {
        for doubled in [
            r#"{"amount":"1","amount":"9999"}"#,
            r#"[{"a":{"b":1,"b":1}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert_eq!(read(doubled), Err(JsonError::DoubledKey), "{doubled}");
        }
        assert_eq!(
            strict(b"\"\xff\"", Limits::REQUEST),
            Err(JsonError::NotUtf8)
        );
        assert_eq!(
            strict(b"\"\xed\xa0\x80\"", Limits::REQUEST),
            Err(JsonError::NotUtf8)
        );
        assert_eq!(read("\u{feff}{}"), Err(JsonError::NotUtf8));
        for half in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            r#"{"\ud800":1}"#,
        ] {
            assert!(
                matches!(read(half), Err(JsonError::Malformed { .. })),
                "{half}"
            );
        }
    }

    #[test]
    fn sec_a13_what_is_nearly_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{'a':1}",
            "[1] [2]",
            "// x\n1",
            "NaN",
            "Infinity",
            "01",
            "+1",
            ".5",
            "1.",
            "0x10",
            "1e",
            "\"\t\"",
            "\"a",
            "{\"a\" 1}",
            "tru",
            "nul",
            "\u{a0}1",
            "-",
        ] {
            assert!(
                matches!(read(text), Err(JsonError::Malformed { .. })),
                "{text}: {:?}",
                read(text)
            );
        }
    }

    #[test]
    fn sec_a12_a_number_that_would_be_rounded_is_refused() {
        for number in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551616",
            "1e400",
            "-1E400",
            "1e17",
            "10.0000000000000001",
            "0.1000000000000000000001",
            "1e-400",
            &"9".repeat(300),
            &format!("0.{}1", "0".repeat(300)),
        ] {
            assert_eq!(
                read(&format!("[{number}]")),
                Err(JsonError::InexactNumber),
                "{number}"
            );
        }
        for number in [
            "0",
            "-0",
            "0.0",
            "1",
            "-1.5",
            "1e2",
            "1E+2",
            "100e-2",
            "0.1",
            "9007199254740992",
            "1.10",
            "0e9",
        ] {
            assert!(read(number).is_ok(), "{number}");
        }
        assert_eq!(
            read(r#""9007199254740993 1e400""#),
            Ok(json!("9007199254740993 1e400"))
        );
    }

    #[test]
    fn sec_h03_what_is_deep_or_wide_is_refused_cheaply() {
        assert_eq!(read(&"[".repeat(60_000)), Err(JsonError::TooDeep));
        assert_eq!(read(&"{\"a\":".repeat(10_000)), Err(JsonError::TooDeep));
        assert!(read(&format!("{}{}", "[".repeat(16), "]".repeat(16))).is_ok());
        assert_eq!(
            read(&format!("{}{}", "[".repeat(17), "]".repeat(17))),
            Err(JsonError::TooDeep)
        );
        assert_eq!(
            read(&format!("[{}0]", "0,".repeat(511))),
            Err(JsonError::TooMany)
        );
        assert!(read(&format!("[{}0]", "0,".repeat(510))).is_ok());
        assert_eq!(
            read(&format!("\"{}\"", "a".repeat(4_097))),
            Err(JsonError::LongString)
        );
        assert_eq!(
            read(&format!("{{\"{}\":1}}", "a".repeat(4_097))),
            Err(JsonError::LongString)
        );
        assert_eq!(read(&" ".repeat(65_537)), Err(JsonError::TooLarge));
        assert!(read("\"[[[[[[[[[[[[[[[[[[[[[\\\"[\"").is_ok());
    }

    #[test]
    fn one_value_has_one_form() {
        let one = read(r#"{ "b" : 1.0, "a": "\u00e9", "c": [1e2, -0, true, null] }"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":"é","b":1,"c":[100,0,true,null]}"#);
    }

    #[test]
    fn no_refusal_says_what_was_sent() {
        let errors = [
            read("{\"\u{7}secret\": }"),
            read("[1e400]"),
            read("{\"s\":1,\"s\":2}"),
        ];
        for error in errors {
            let words = error.unwrap_err().to_string();
            assert!(
                words
                    .bytes()
                    .all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
            );
            assert!(!words.contains("secret"));
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1_i64 << 53)..=(1 << 53)).prop_map(Value::from),
            (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 1024.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn sec_a13_what_is_accepted_is_what_any_reader_reads(value in any_json()) {
            let text = value.to_string();
            let ours = read(&text).unwrap();
            prop_assert_eq!(&ours, &serde_json::from_str::<Value>(&text).unwrap());
            let form = canonical(&ours);
            prop_assert_eq!(canonical(&read(&form).unwrap()), form);
        }

        #[test]
        fn sec_a13_noise_is_never_read_differently(text in r#"[\[\]{}",:0-9eE.+\-tfn\\u ]{0,40}"#) {
            if let Ok(ours) = read(&text) {
                prop_assert_eq!(ours, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}
