//! Exit codes, which scripts depend on, and errors that say cause, effect and fix.

use std::fmt;
use std::process::ExitCode;

/// How a command ends. The numbers are documented and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; a person said yes.
    Ok = 0,
    /// Failed, unexpectedly.
    Failed = 1,
    /// Called wrongly.
    Usage = 2,
    /// The settings cannot be used: starting again will not help.
    Config = 3,
    /// Nobody answers there.
    Unreachable = 4,
    /// Not authorised.
    Unauthorised = 5,
    /// It exists already, or somebody else is at it.
    Conflict = 6,
    /// A person said no.
    Denied = 10,
    /// Nobody answered in time.
    NoAnswer = 11,
    /// Withdrawn or cancelled.
    Cancelled = 12,
    /// Not asked: as much waits as may wait.
    Blocked = 13,
    /// A check did not hold.
    Unverified = 20,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the command ends.
    pub exit: Exit,
    /// What went wrong.
    pub cause: String,
    /// What that means.
    pub effect: Option<String>,
    /// What to do.
    pub fix: Option<String>,
}

impl Failure {
    /// Something went wrong.
    pub fn new(exit: Exit, cause: impl fmt::Display) -> Self {
        Self {
            exit,
            cause: cause.to_string(),
            effect: None,
            fix: None,
        }
    }

    /// What that means.
    #[must_use]
    pub fn effect(mut self, effect: impl fmt::Display) -> Self {
        self.effect = Some(effect.to_string());
        self
    }

    /// What to do.
    #[must_use]
    pub fn fix(mut self, fix: impl fmt::Display) -> Self {
        self.fix = Some(fix.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        if let Some(effect) = &self.effect {
            write!(f, "\n  effect: {effect}")?;
        }
        if let Some(fix) = &self.fix {
            write!(f, "\n  fix: {fix}")?;
        }
        Ok(())
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_line = cause.to_string();
        if !line.contains(&cause_line) {
            line.push_str(": ");
            line.push_str(&cause_line);
        }
        next = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_scripts_depend_on() {
        let numbers = [
            Exit::Ok,
            Exit::Failed,
            Exit::Usage,
            Exit::Config,
            Exit::Unreachable,
            Exit::Unauthorised,
            Exit::Conflict,
            Exit::Denied,
            Exit::NoAnswer,
            Exit::Cancelled,
            Exit::Blocked,
            Exit::Unverified,
            Exit::Interrupted,
        ]
        .map(|exit| exit as u8);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 20, 130]);
    }

    #[test]
    fn an_error_says_cause_effect_and_fix() {
        let failure = Failure::new(Exit::Config, "no key")
            .effect("no start")
            .fix("make one");
        assert_eq!(
            failure.to_string(),
            "no key\n  effect: no start\n  fix: make one"
        );
    }
}
