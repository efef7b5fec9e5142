//! Every seed, and many inputs made of the seeds, through every target: what is quick of fuzzing, on stable Rust.
//!
//! The inputs are the same in every run: a failure names the target, and prints the input.

#![expect(clippy::expect_used, reason = "a test says where it broke")]

use std::path::Path;

use countersign_fuzz::TARGETS;

/// Inputs made of each seed.
const CHILDREN: u32 = 400;

/// The numbers of `SplitMix64`.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 16).unwrap_or_default()
    }

    fn below(&mut self, end: usize) -> usize {
        self.next().checked_rem(end).unwrap_or_default()
    }
}

/// Pieces that parsers trip over.
const PIECES: [&str; 20] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "null",
    "-1",
    "1e999",
    "0x7f",
    "\u{202e}",
    "\u{0}",
    "%",
    "&",
    "=",
    ".",
    "\\u0000",
    "99999999999999999999",
];

/// A child of a seed, with some of another in it.
fn child(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(6) {
            0 => bytes.truncate(at),
            1 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            2 if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            3 => {
                let end = (at + 1 + numbers.below(8)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let from = numbers.below(other.len() + 1);
                let end = (from + numbers.below(40)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let end = (at + numbers.below(30)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

/// The seeds of a target, and whether each is one to be accepted: its name says so.
fn seeds(name: &str) -> Vec<(bool, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("seeds")
        .join(name);
    let entries = std::fs::read_dir(&folder).expect("a folder of seeds");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 3, "{name} has few seeds");
    let read = |path: &std::path::PathBuf| {
        let good = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("good"));
        (good, std::fs::read(path).expect("a seed"))
    };
    paths.iter().map(read).collect()
}

#[test]
fn no_seed_and_none_of_their_children_breaks_a_target() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let mut numbers = Numbers(0x00c0_ffee);
        assert!(
            seeds.iter().any(|(good, _)| *good),
            "{name} accepts nothing"
        );
        for (number, (good, seed)) in seeds.iter().enumerate() {
            assert_eq!(
                target(seed),
                *good,
                "{name}: {:?}",
                String::from_utf8_lossy(seed)
            );
            let (_, other) = &seeds[(number + 1) % seeds.len()];
            for _ in 0..CHILDREN {
                let input = child(seed, other, &mut numbers);
                let held = std::panic::catch_unwind(|| target(&input));
                assert!(
                    held.is_ok(),
                    "{name}: {:?}",
                    String::from_utf8_lossy(&input)
                );
            }
        }
    }
}
