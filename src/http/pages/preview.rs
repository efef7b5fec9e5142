//! What an "always" would have done to what was asked before, in words.

use time::OffsetDateTime;

use super::words::{Moment, moment};
use crate::app::VersionedCatalogue;
use crate::domain::consent::StandingGrant;
use crate::flow::always::{self, Before};

/// What it would have done.
pub(super) struct Preview {
    pub(super) until: Option<Moment>,
    /// Each rule, in its sentence.
    pub(super) sentences: Vec<String>,
    pub(super) covered: usize,
    pub(super) of: usize,
    /// Some of what it would not have covered.
    pub(super) not: Vec<String>,
    pub(super) narrow: bool,
    /// What was denied and would have been allowed.
    pub(super) denied: Vec<String>,
    /// What agrees to that.
    pub(super) to_confirm: Option<String>,
}

pub(super) fn preview(
    rules: &[(StandingGrant, String)],
    before: &Before,
    catalogue: &VersionedCatalogue,
    now: OffsetDateTime,
) -> Preview {
    let preview = always::would_have(rules, before, catalogue);
    Preview {
        until: rules.first().map(|(rule, _)| moment(rule.ends_at, now)),
        sentences: rules.iter().map(|(_, sentence)| sentence.clone()).collect(),
        covered: preview.covered,
        of: preview.of,
        narrow: preview.is_narrow(),
        to_confirm: preview.to_confirm(),
        not: preview.not,
        denied: preview
            .denied
            .into_iter()
            .map(|(_, heading)| heading)
            .collect(),
    }
}
