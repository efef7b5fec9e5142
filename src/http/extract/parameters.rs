//! `name=value&…`, as forms and query strings write it (`application/x-www-form-urlencoded`).

use std::ops::Range;

use serde_json::Value;

/// Parameters a form or a query may have.
pub(super) const MOST_PARAMETERS: usize = 64;

/// Why parameters are refused. The words are fit for an `error_description`: they repeat nothing
/// the caller has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More bytes than are read.
    #[error("the parameters are too long")]
    TooLong,
    /// More parameters than are read.
    #[error("there are too many parameters")]
    TooMany,
    /// A name stands twice that may stand once (RFC 6749 section 3.2).
    #[error("a parameter is given more than once")]
    Doubled,
    /// A name or a value is not UTF-8.
    #[error("the parameters are not UTF-8")]
    NotUtf8,
    /// The JSON is no object of parameters.
    #[error("the JSON is not an object of parameters")]
    Malformed,
    /// A percent sign is not followed by two hex digits.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    BadEscape,
}

/// The parameters of one form or query, in the order they were sent.
///
/// A parameter without a value counts as one that was not sent (RFC 6749 section 3.1), but still
/// as one of two when it is doubled. Has no `Debug`: values may be secrets.
#[derive(Clone, Default)]
pub struct FormParams {
    /// All names and values, decoded, one after the other.
    text: String,
    pairs: Vec<Pair>,
}

#[derive(Clone)]
struct Pair {
    name: Range<usize>,
    value: Range<usize>,
}

impl FormParams {
    /// Reads `raw`. Names in `repeatable` may stand more than once, all others once.
    pub(super) fn read(raw: &[u8], repeatable: &[&str]) -> Result<Self, FormError> {
        let mut text = Vec::with_capacity(raw.len());
        let mut pairs = Vec::<Pair>::new();
        for piece in raw.split(|b| *b == b'&').filter(|piece| !piece.is_empty()) {
            if pairs.len() == MOST_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let mut halves = piece.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default(), &mut text)?;
            let value = decode(halves.next().unwrap_or_default(), &mut text)?;
            pairs.push(Pair { name, value });
        }
        // Each name and value is UTF-8 for itself, so together they are, and may be cut anywhere
        // between them.
        let text = String::from_utf8(text).map_err(|_| FormError::NotUtf8)?;
        let params = Self { text, pairs };
        params.refuse_doubled(repeatable)?;
        Ok(params)
    }

    /// The members of a JSON object as parameters: text as it is, everything else as the JSON a form would
    /// carry, and null as absent. It was read with one meaning only, so no name is doubled.
    pub(super) fn of_json(object: &Value) -> Result<Self, FormError> {
        let members = object.as_object().ok_or(FormError::Malformed)?;
        if members.len() > MOST_PARAMETERS {
            return Err(FormError::TooMany);
        }
        let mut params = Self::default();
        for (name, value) in members {
            match value {
                Value::Null => {}
                Value::String(text) => params.push(name, text),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    params.push(name, &value.to_string());
                }
            }
        }
        Ok(params)
    }

    fn push(&mut self, name: &str, value: &str) {
        let mut put = |text: &str| {
            let start = self.text.len();
            self.text.push_str(text);
            start..self.text.len()
        };
        let pair = Pair {
            name: put(name),
            value: put(value),
        };
        self.pairs.push(pair);
    }

    fn refuse_doubled(&self, repeatable: &[&str]) -> Result<(), FormError> {
        for (at, pair) in self.pairs.iter().enumerate() {
            let name = self.text(&pair.name);
            let earlier = self.pairs.iter().take(at);
            if earlier
                .into_iter()
                .any(|other| self.text(&other.name) == name)
                && !repeatable.contains(&name)
            {
                return Err(FormError::Doubled);
            }
        }
        Ok(())
    }

    fn text(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Names and values as sent, without those that have no value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|pair| (self.text(&pair.name), self.text(&pair.value)))
            .filter(|(_, value)| !value.is_empty())
    }

    /// The value of `name`; the first, where several are allowed.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of `name`.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(move |(other, _)| *other == name)
            .map(|(_, value)| value)
    }
}

/// Appends `piece`, decoded, to `text`, and says where.
fn decode(piece: &[u8], text: &mut Vec<u8>) -> Result<Range<usize>, FormError> {
    let start = text.len();
    let mut bytes = piece.iter().copied();
    while let Some(byte) = bytes.next() {
        text.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (bytes.next().and_then(hex), bytes.next().and_then(hex));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(FormError::BadEscape);
                };
                high << 4 | low
            }
            other => other,
        });
    }
    let decoded = text.get(start..).unwrap_or_default();
    if std::str::from_utf8(decoded).is_err() {
        return Err(FormError::NotUtf8);
    }
    Ok(start..text.len())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Result<Vec<(String, String)>, FormError> {
        let params = FormParams::read(raw.as_bytes(), &["resource"])?;
        Ok(params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let pairs = read("b=%C3%A9+x%2B&&a=1=2&=n").unwrap();
        let expected = [("b", "é x+"), ("a", "1=2"), ("", "n")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn a_parameter_without_a_value_was_not_sent() {
        let params = FormParams::read(b"a=&b&c=1", &[]).unwrap();
        assert_eq!(params.get("a"), None);
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), Some("1"));
    }

    #[test]
    fn a_doubled_parameter_is_refused_even_when_empty_or_written_otherwise() {
        for raw in ["a=1&a=2", "a=1&a=", "a&a=1", "a=1&%61=2", "x=1&a=1&y=2&a=1"] {
            assert_eq!(read(raw), Err(FormError::Doubled), "{raw}");
        }
    }

    #[test]
    fn a_repeatable_parameter_keeps_all_its_values() {
        let params = FormParams::read(b"resource=1&a=x&resource=&resource=2", &["resource"]);
        let params = params.unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.get("resource"), Some("1"));
    }

    #[test]
    fn bad_text_is_refused_and_not_mended() {
        for raw in ["a=%", "a=%4", "a=%zz", "%=1", "a=%+1"] {
            assert_eq!(read(raw), Err(FormError::BadEscape), "{raw}");
        }
        for raw in ["a=%FF", "%C3=%A9", "a=%C3&b=%A9", "a=%ED%A0%80"] {
            assert_eq!(read(raw), Err(FormError::NotUtf8), "{raw}");
        }
        assert_eq!(
            FormParams::read(b"a=\xff", &[]).err(),
            Some(FormError::NotUtf8)
        );
    }

    #[test]
    fn sec_h02_one_parameter_too_many_is_refused() {
        let many = |n: usize| {
            let pairs: Vec<_> = (0..n).map(|i| format!("p{i}=1")).collect();
            pairs.join("&")
        };
        assert_eq!(read(&many(64)).unwrap().len(), 64);
        assert_eq!(read(&many(65)), Err(FormError::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..2000)) {
            if let Ok(params) = FormParams::read(&raw, &[]) {
                prop_assert!(params.iter().all(|(_, value)| !value.is_empty()));
            }
        }

        #[test]
        fn what_was_written_is_read(pairs in prop::collection::btree_map(".{1,8}", ".{1,20}", 0..20)) {
            let raw = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            let params = FormParams::read(raw.as_bytes(), &[]).unwrap();
            let read: Vec<_> = params.iter().collect();
            let written: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn a_doubled_name_is_always_refused(
            name in "[a-z]{1,5}",
            values in [".{0,5}", ".{0,5}"],
            others in prop::collection::btree_map("[A-Z]{1,5}", ".{0,5}", 0..10),
            at in any::<prop::sample::Index>(),
        ) {
            let mut pairs: Vec<_> = others.into_iter().collect();
            for value in values {
                pairs.insert(at.index(pairs.len() + 1), (name.clone(), value));
            }
            let raw = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&pairs)
                .finish();
            prop_assert_eq!(
                FormParams::read(raw.as_bytes(), &[]).err(),
                Some(FormError::Doubled)
            );
            prop_assert!(FormParams::read(raw.as_bytes(), &[&name]).is_ok());
        }
    }
}
