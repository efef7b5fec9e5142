//! Who may answer, how surely it is them, and how a person's answer goes further than once.
//!
//! * [`assurance`]: what a sign-in rests on, and how fresh it must be
//! * [`bounds`]: how far an "always" may go, and [`choice`]: what a person can choose
//! * [`partial`]: a yes to less than was asked
//! * [`preview`]: what an "always" would have done before
//! * [`quorum`]: several people for one question
//! * [`standing`]: the "always" itself, and what it covers
//! * [`denials`]: what saying no again and again comes to
//! * [`ending`]: until when
//! * [`pause`]: agents that may not ask for a while
//! * [`step_up`]: what an agent wants of the sign-in besides

pub mod assurance;
pub mod attention;
pub mod bounds;
pub mod choice;
pub mod denials;
pub mod ending;
#[cfg(test)]
mod generated_tests;
mod how_often;
mod limit;
pub mod partial;
pub mod pause;
pub mod preview;
pub mod quorum;
pub mod standing;
#[cfg(test)]
mod standing_tests;
pub mod step_up;

pub use bounds::{Bounds, BoundsError, Limit};
pub use choice::{FieldChoice, FieldChoices};
pub use ending::{EndChoice, end_choices};
pub use standing::{LAPSES_AFTER, StandingGrant, covering, covers};
