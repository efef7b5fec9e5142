//! How a person is told: by letter and by web push, again and again, and until it is too late.

mod letters;
mod retries;
mod scanners;
mod unreachable;
mod web_push;
