//! Which code points show what they are, and where the invisible ones have a use.
//!
//! Scripts keep what they need to be written correctly:
//!
//! * a joiner or non-joiner (U+200D, U+200C) after a virama, before one (Bengali), or between
//!   two letters of a script that joins (Arabic, Syriac, N'Ko, Mongolian, Adlam);
//! * U+200D between two emoji, and U+FE0F after one;
//! * two marks in a row, as Vietnamese or vocalised Arabic have; marks that belong to a syllable
//!   rather than to a letter (Burmese, Tibetan, Khmer) may be six.

use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};

/// Whether the code point at this place shows what it is.
pub(super) fn is_allowed(chars: &[char], at: usize) -> bool {
    let c = chars[at];
    match c {
        ' '..='~' => true,
        '\u{200c}' => joins_script(chars, at),
        '\u{200d}' => joins_script(chars, at) || joins_emoji(chars, at),
        '\u{fe0f}' => presents_emoji(chars, at),
        _ => !is_blank(c) && shows(c.general_category()),
    }
}

fn shows(category: GeneralCategory) -> bool {
    !matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    )
}

/// Letters, marks and symbols that show nothing (`Default_Ignorable_Code_Point` outside the
/// categories above, and the empty Braille cell).
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{034f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && !is_blank(c) && c.general_category_group() == GeneralCategoryGroup::Mark
}

pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == 9
}

fn joins_script(chars: &[char], at: usize) -> bool {
    let next = chars.get(at + 1).copied();
    let Some(previous) = at.checked_sub(1).map(|before| chars[before]) else {
        return false;
    };
    let letter_before = chars[..at].iter().rev().copied().find(|c| !is_mark(*c));
    let brahmic = is_virama(previous)
        || (previous.is_alphabetic() && !previous.is_ascii() && next.is_some_and(is_virama));
    let cursive = letter_before.is_some_and(is_cursive) && next.is_some_and(is_cursive);
    brahmic || cursive
}

/// A letter of a script whose letters join.
fn is_cursive(c: char) -> bool {
    c.is_alphabetic()
        && matches!(
            c,
            '\u{0620}'..='\u{06ff}'
                | '\u{0700}'..='\u{077f}'
                | '\u{07c0}'..='\u{07ff}'
                | '\u{0860}'..='\u{08ff}'
                | '\u{1820}'..='\u{18aa}'
                | '\u{1e900}'..='\u{1e94b}'
        )
}

fn is_pictograph(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

fn joins_emoji(chars: &[char], at: usize) -> bool {
    let before = chars[..at].iter().rev().copied().find(|c| *c != '\u{fe0f}');
    let after = chars.get(at + 1).copied();
    before.is_some_and(is_pictograph) && after.is_some_and(is_pictograph)
}

/// After a pictograph, or within a keycap such as `1️⃣`.
fn presents_emoji(chars: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| chars[before]);
    let keycap = chars.get(at + 1) == Some(&'\u{20e3}');
    before.is_some_and(|c| is_pictograph(c) || (keycap && c.is_emoji_char()))
}
