//! Who has to say yes, and how many of them: four eyes, where one pair is not enough.

use serde::{Deserialize, Serialize};

use super::document::Entry;
use crate::domain::user::read_email;

/// People whom one question may be put to.
const MOST_PEOPLE: u32 = 20;

/// How many of whom must allow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvers {
    /// So many of them.
    pub count: u8,
    /// Their e-mail addresses, lower-cased: nobody else is asked, and nobody else counts.
    pub from: Vec<String>,
    /// Whoever the agent asks for does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_for_oneself: bool,
}

/// Things that are asked together want different people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these need different people: ask for them one by one")]
pub struct DifferentPeople;

impl Approvers {
    /// Who has to allow both: the larger number of those who may allow either.
    pub fn both(self, other: &Self) -> Result<Self, DifferentPeople> {
        let from: Vec<String> = self
            .from
            .into_iter()
            .filter(|one| other.from.contains(one))
            .collect();
        let count = self.count.max(other.count);
        if from.len() < usize::from(count) {
            return Err(DifferentPeople);
        }
        Ok(Self {
            count,
            from,
            never_for_oneself: self.never_for_oneself || other.never_for_oneself,
        })
    }

    /// As it is written in the file.
    pub(super) fn to_toml(&self) -> String {
        let quoted: Vec<String> = self.from.iter().map(|one| format!("\"{one}\"")).collect();
        let never = if self.never_for_oneself {
            ", never_for_oneself = true"
        } else {
            ""
        };
        format!(
            "{{ count = {}, from = [{}]{never} }}",
            self.count,
            quoted.join(", ")
        )
    }
}

/// Reads `approvers`, and notes every fault it finds.
pub(super) fn read_approvers(entry: &Entry<'_, '_>) -> Option<Approvers> {
    let value = entry.value("approvers")?;
    let Some(table) = value.get_ref().as_table() else {
        entry.wrong(
            "approvers",
            value,
            "{ count = 2, from = [\"ana@example.com\", \"bo@example.com\"] }",
        );
        return None;
    };
    let known = ["count", "from", "never_for_oneself"];
    let within = Entry::new(entry.page, "approvers", value.span().start, table, &known);
    let never_for_oneself = within.flag("never_for_oneself");
    if within.value("count").is_none() {
        within.fault("approvers has no \"count\"", "add count = 2");
    }
    let count = within.count("count", MOST_PEOPLE);
    let (count, from) = (
        u8::try_from(count?).ok()?,
        within.words("from", "\"ana@example.com\""),
    );
    if within.value("from").is_none() {
        within.fault(
            "approvers has no \"from\"",
            "add from = [\"ana@example.com\"]",
        );
    }
    let fault = |key: &str, cause: String, fix: &str| entry.page.fault(within.at(key), cause, fix);
    let mut people: Vec<String> = Vec::new();
    for text in from {
        match read_email(&text) {
            Ok(one) if people.contains(&one) => {
                fault(
                    "from",
                    format!("\"{one}\" is there twice"),
                    "name everybody once: nobody counts twice",
                );
            }
            Ok(one) => people.push(one),
            Err(_) => fault(
                "from",
                format!("\"{text}\" is not an e-mail address"),
                "write their addresses, as in person add",
            ),
        }
    }
    let from = people;
    let others = usize::from(never_for_oneself);
    if from.len() > MOST_PEOPLE as usize {
        fault(
            "from",
            format!("{} people are asked at once", from.len()),
            "name 20 or fewer",
        );
    } else if usize::from(count) + others > from.len() {
        let cause = format!("{count} of {} can never be", from.len());
        fault(
            "count",
            cause,
            "ask for at least one, and for no more than may count",
        );
    }
    Some(Approvers {
        count,
        from,
        never_for_oneself,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u8, from: &[&str]) -> Approvers {
        Approvers {
            count,
            from: from.iter().map(ToString::to_string).collect(),
            never_for_oneself: false,
        }
    }

    #[test]
    fn both_is_the_larger_number_of_those_who_are_in_both() {
        let (one, other) = (of(1, &["a", "b", "c"]), of(2, &["c", "b", "d"]));
        assert_eq!(one.clone().both(&other), Ok(of(2, &["b", "c"])));
        assert_eq!(other.both(&of(1, &["c", "d"])), Ok(of(2, &["c", "d"])));
        assert_eq!(one.both(&of(2, &["c", "d"])), Err(DifferentPeople));
    }

    fn read(more: &str) -> Result<super::super::Catalogue, Vec<String>> {
        let source = format!(
            "[[resource]]\nidentifier = \"https://a.example\"\nname = \"A\"\n\
             [[resource.permission]]\nscope = \"x\"\ntitle = \"See x\"\n{more}\n"
        );
        super::super::Catalogue::read(&source)
            .map_err(|faults| faults.problems.into_iter().map(|it| it.cause).collect())
    }

    #[test]
    fn they_are_read_back_as_they_were_and_leave_no_always() {
        let more = "approvers = { count = 2, from = [\"Ana@x.org\", \"bo@x.org\", \"cy@x.org\"], never_for_oneself = true }";
        let catalogue = read(more).unwrap();
        let permission = &catalogue.resources[0].permissions[0];
        let expected = Approvers {
            never_for_oneself: true,
            ..of(2, &["ana@x.org", "bo@x.org", "cy@x.org"])
        };
        assert_eq!(permission.approvers, Some(expected));
        assert!(!permission.offers_always());
        let again = super::super::Catalogue::read(&catalogue.to_toml()).unwrap();
        assert_eq!(again, catalogue);
    }

    #[test]
    fn what_nobody_could_ever_fulfil_is_refused() {
        for (more, cause) in [
            ("approvers = 2", "where { count"),
            ("approvers = { from = [\"a@x.org\"] }", "has no \"count\""),
            ("approvers = { count = 1 }", "has no \"from\""),
            (
                "approvers = { count = 300, from = [\"a@x.org\"] }",
                "not a number from 1 to 20",
            ),
            ("approvers = { count = 1, from = [2] }", "a list of strings"),
            (
                "approvers = { count = 1, of = [\"a@x.org\"], from = [\"a@x.org\"] }",
                "no key \"of\"",
            ),
            (
                "approvers = { count = 0, from = [\"a@x.org\"] }",
                "not a number from 1 to 20",
            ),
            (
                "approvers = { count = 2, from = [\"a@x.org\"] }",
                "2 of 1 can never be",
            ),
            (
                "approvers = { count = 1, from = [\"a@x.org\"], never_for_oneself = true }",
                "1 of 1 can never be",
            ),
            (
                "approvers = { count = 1, from = [\"a@x.org\", \"A@x.org\"] }",
                "there twice",
            ),
            (
                "approvers = { count = 1, from = [\"ana\"] }",
                "not an e-mail address",
            ),
            (
                "approvers = { count = 1, from = [\"a@x.org\"] }\nalways = { max = \"1d\" }",
                "others have a say",
            ),
        ] {
            let faults = read(more).expect_err(more);
            assert!(
                faults.iter().any(|fault| fault.contains(cause)),
                "{more}: {faults:?}"
            );
        }
    }
}
