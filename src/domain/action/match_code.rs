//! The code on both screens: `KITE-4711`.
//!
//! It tells two requests apart that look alike, and lets a person check that what they answer is
//! what they started. It proves nothing else: it is shown to whoever asks.

/// 256 short English words: a byte picks one.
const WORDS: &str = include_str!("match_words.txt");

/// Makes a code of random bytes. There are 2 560 000.
pub fn match_code(random: [u8; 8]) -> String {
    let [pick, _, _, _, number @ ..] = random;
    let word = WORDS.lines().nth(usize::from(pick)).unwrap_or("CODE");
    format!("{word}-{:04}", u32::from_be_bytes(number) % 10_000)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_byte_has_a_word_of_its_own() {
        let words: BTreeSet<_> = WORDS.lines().collect();
        assert_eq!(words.len(), 256);
        assert_eq!(WORDS.lines().count(), 256);
        for word in words {
            assert!((4..=5).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_uppercase()), "{word}");
        }
    }

    #[test]
    fn a_code_is_a_word_and_four_digits() {
        let codes: BTreeSet<_> = (0..=255)
            .map(|pick| match_code([pick, 0, 0, 0, 0, 0, 0, pick]))
            .collect();
        assert_eq!(codes.len(), 256);
        assert!(match_code([255; 8]).ends_with("-7295"));
        assert!(match_code([0; 8]).ends_with("-0000"));
    }
}
