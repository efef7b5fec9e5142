//! Just enough of DER (X.690) to find things in a certificate: tags and definite lengths, and nothing built.

/// One element after the other.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(&'a [u8]);

/// An element: its tag and what is in it.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8_STRING: u8 = 0x0C;
pub(super) const PRINTABLE_STRING: u8 = 0x13;
pub(super) const IA5_STRING: u8 = 0x16;

impl<'a> Elements<'a> {
    /// The elements in these bytes.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next element, which must have that tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next_element().filter(|element| element.tag == tag)
    }

    /// The next element if it has that tag; else it stays the next.
    pub(super) fn skip(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.expect(tag)?;
        *self = ahead;
        Some(element)
    }

    /// The next element; none at the end, and none when it is malformed.
    pub(super) fn next_element(&mut self) -> Option<Element<'a>> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        // No tag in a certificate needs more than one byte.
        if tag & 0x1F == 0x1F {
            return None;
        }
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81 => {
                let (&[one], rest) = rest.split_first_chunk::<1>()?;
                (usize::from(one), rest)
            }
            0x82 => {
                let (two, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*two)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Element<'a> {
    /// What is in it, as elements.
    pub(super) fn inside(self) -> Elements<'a> {
        Elements(self.content)
    }

    /// The bytes of a bit string of whole bytes.
    pub(super) fn bits(self) -> Option<&'a [u8]> {
        self.content.strip_prefix(&[0])
    }
}
