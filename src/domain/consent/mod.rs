//! Who may answer, how surely it is them, and how a person's answer goes further than once.
//!
//! * [`assurance`]: what a sign-in rests on, and how fresh it must be
//! * [`bounds`]: how far an "always" may go, and what a person can choose
//! * [`partial`]: a yes to less than was asked
//! * [`standing`]: the "always" itself, and what it covers
//! * [`denials`]: what saying no again and again comes to
//! * [`ending`]: until when
//! * [`pause`]: agents that may not ask for a while
//! * [`step_up`]: what an agent wants of the sign-in besides

pub mod assurance;
pub mod bounds;
pub mod denials;
pub mod ending;
mod limit;
pub mod partial;
pub mod pause;
pub mod standing;
#[cfg(test)]
mod standing_tests;
pub mod step_up;

pub use bounds::{Bounds, BoundsError, FieldChoice, FieldChoices, Limit};
pub use ending::{EndChoice, end_choices};
pub use standing::{LAPSES_AFTER, StandingGrant, covering, covers};
