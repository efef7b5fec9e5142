//! The parameters behind the question mark, read as strictly as a form's.

use super::{FormError, FormParams};

/// Reads a query string; none is an empty one. How long it may be is the server's limit on the
/// whole address. Names in `repeatable` may stand more than once, all others once.
pub fn read_query(query: Option<&str>, repeatable: &[&str]) -> Result<FormParams, FormError> {
    FormParams::read(query.unwrap_or_default().as_bytes(), repeatable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_query_has_no_parameters() {
        let params = read_query(None, &[]).unwrap();
        assert_eq!(params.iter().count(), 0);
    }

    #[test]
    fn a_query_is_read_as_a_form_is() {
        let params = read_query(Some("wait=30&q=a+b"), &[]).unwrap();
        assert_eq!(params.get("wait"), Some("30"));
        assert_eq!(params.get("q"), Some("a b"));
        assert_eq!(
            read_query(Some("wait=1&wait=2"), &[]).err(),
            Some(FormError::Doubled)
        );
    }
}
