//! Numbers that every reader of JSON holds alike.
//!
//! JSON's numbers are decimals of any length, most readers' are doubles. A number between two
//! doubles is shown as one value here and taken for another there, so there is none here.

/// The largest integer that every reader holds exactly, and the integers below it too.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// More letters than this are never needed to write a double.
const LONGEST: usize = 40;

/// Whether a double holds this number as it is written. What is not a number at all is left to
/// the reader, which has the better error.
pub(super) fn is_exact(text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let Ok(number) = text.parse::<f64>() else {
        return true;
    };
    if !number.is_finite() || number.abs() > EXACT {
        return false;
    }
    significant(text) == significant(&format!("{number:e}"))
}

/// The digits that count, and the power of ten of the last one.
fn significant(number: &str) -> (String, i64) {
    let number = number.trim_start_matches('-');
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - digits.len()).unwrap_or(i64::MAX);
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let power = exponent.parse::<i64>().unwrap_or(i64::MAX);
    match digits.trim_start_matches('0') {
        "" => (String::new(), 0),
        some => (
            some.to_owned(),
            power.saturating_sub(places).saturating_add(dropped),
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_number_written_in_several_ways_has_the_same_significant_digits() {
        for same in ["100", "100.0", "1e2", "1E+2", "1000e-1", "0.1e3"] {
            assert_eq!(significant(same), significant("100"), "{same}");
        }
        assert_ne!(significant("10"), significant("100"));
    }

    proptest! {
        #[test]
        fn sec_a12_every_double_in_range_is_exact_as_it_is_printed(number in -EXACT..EXACT) {
            prop_assert!(is_exact(&number.to_string()) || number.to_string().len() > LONGEST);
            let printed = format!("{number:e}");
            prop_assert!(is_exact(&printed));
            // One digit more is another number.
            let (digits, power) = printed.split_once('e').unwrap();
            let point = if digits.contains('.') { "" } else { "." };
            let longer = format!("{digits}{point}00000000000000001e{power}");
            prop_assert!(!is_exact(&longer));
        }
    }
}
