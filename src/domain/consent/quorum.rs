//! Several people for one question: who has a say, and how many of them must allow it.
//!
//! Policy names them, never the agent: whom its hint names is who the answer is about, and has a say only when
//! policy gives them one.

use serde::{Deserialize, Serialize};

use crate::domain::action::{Approvers, Asked, Catalogue, DifferentPeople};
use crate::domain::id::UserId;

/// Who has to answer one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// So many of them must allow it.
    pub count: u8,
    /// Whoever has a say: at least so many.
    pub from: Vec<Member>,
}

/// Somebody who has a say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// The address by which policy names them.
    pub email: String,
}

/// Whom policy wants for all that is asked; none when whoever is asked answers alone.
///
/// # Errors
///
/// [`DifferentPeople`] when too few have a say in all of it.
pub fn approvers(
    asked: &Asked,
    catalogue: &Catalogue,
) -> Result<Option<Approvers>, DifferentPeople> {
    let wanted = asked.items.iter().filter_map(|item| {
        let (_, permission) = catalogue.permission(&item.key)?;
        permission.approvers.as_ref()
    });
    let mut all: Option<Approvers> = None;
    for one in wanted {
        all = Some(match all {
            None => one.clone(),
            Some(others) => others.both(one)?,
        });
    }
    Ok(all)
}

/// Whether a question that was put to these people may still be answered by them, by today's policy: it names them,
/// and wants no more of them.
pub fn still_stands(
    quorum: Option<&Quorum>,
    today: Result<Option<Approvers>, DifferentPeople>,
) -> bool {
    match (quorum, today) {
        (_, Err(DifferentPeople)) | (None, Ok(Some(_))) => false,
        // What was put to several is answered by several, though one would do by now.
        (_, Ok(None)) => true,
        (Some(quorum), Ok(Some(today))) => {
            let named = |member: &Member| today.from.contains(&member.email);
            quorum.count >= today.count && quorum.from.iter().all(named)
        }
    }
}

impl Quorum {
    /// Those of these people who have a say when the agent asks for `subject`. None when they are too few.
    pub fn of(approvers: &Approvers, people: Vec<Member>, subject: UserId) -> Option<Self> {
        let mut from: Vec<Member> = Vec::new();
        for one in people {
            let oneself = approvers.never_for_oneself && one.user == subject;
            let named = approvers.from.contains(&one.email);
            if named && !oneself && from.iter().all(|other| other.user != one.user) {
                from.push(one);
            }
        }
        let enough = from.len() >= usize::from(approvers.count);
        enough.then_some(Self {
            count: approvers.count,
            from,
        })
    }

    /// Whether somebody has a say.
    pub fn names(&self, user: UserId) -> bool {
        self.from.iter().any(|member| member.user == user)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::action::fixture::{asked, catalogue};

    fn member(n: u128) -> Member {
        Member {
            user: UserId(Uuid::from_u128(n)),
            email: format!("{n}@x.org"),
        }
    }

    fn approvers_of(count: u8, from: &[u128]) -> Approvers {
        Approvers {
            count,
            from: from.iter().map(|n| member(*n).email).collect(),
            never_for_oneself: false,
        }
    }

    #[test]
    fn only_those_whom_policy_names_have_a_say_each_once_and_enough_of_them() {
        let policy = approvers_of(2, &[1, 2, 3]);
        let subject = UserId(Uuid::from_u128(1));
        let of = |policy: &Approvers, people: &[u128]| {
            let people = people.iter().map(|n| member(*n)).collect();
            Quorum::of(policy, people, subject)
        };
        let quorum = of(&policy, &[1, 2, 2, 9]).unwrap();
        assert_eq!(quorum.from, [member(1), member(2)]);
        assert!(quorum.names(subject) && !quorum.names(member(9).user));
        assert_eq!(of(&policy, &[1, 1, 9]), None, "nobody counts twice");
        let never = Approvers {
            never_for_oneself: true,
            ..policy
        };
        assert_eq!(of(&never, &[1, 2]), None, "nobody allows their own");
        assert_eq!(of(&never, &[1, 2, 3]).unwrap().from, [member(2), member(3)]);
    }

    #[test]
    fn policy_that_was_tightened_binds_what_was_asked_before() {
        let quorum = Quorum {
            count: 2,
            from: vec![member(1), member(2), member(3)],
        };
        let stands = |today| still_stands(Some(&quorum), today);
        assert!(stands(Ok(None)) && stands(Ok(Some(approvers_of(2, &[1, 2, 3, 4])))));
        assert!(stands(Ok(Some(approvers_of(1, &[3, 2, 1])))));
        assert!(!stands(Ok(Some(approvers_of(3, &[1, 2, 3])))));
        assert!(!stands(Ok(Some(approvers_of(2, &[1, 2])))));
        assert!(!stands(Err(DifferentPeople)));
        assert!(
            still_stands(None, Ok(None)) && !still_stands(None, Ok(Some(approvers_of(1, &[1]))))
        );
    }

    #[test]
    fn what_is_asked_together_is_put_to_those_who_have_a_say_in_all_of_it() {
        let mut catalogue = catalogue();
        let asked = asked(&["files.read", "files.delete"], &serde_json::Value::Null);
        assert_eq!(approvers(&asked, &catalogue), Ok(None));
        let mut policy = |scope: &str, wanted| {
            let permissions = catalogue
                .resources
                .iter_mut()
                .flat_map(|it| &mut it.permissions);
            let mut found = permissions.filter(|it| it.key.name() == scope);
            found.next().unwrap().approvers = Some(wanted);
            approvers(&asked, &catalogue)
        };
        assert_eq!(
            policy("files.delete", approvers_of(2, &[1, 2, 3])),
            Ok(Some(approvers_of(2, &[1, 2, 3])))
        );
        assert_eq!(
            policy("files.read", approvers_of(1, &[2, 3])),
            Ok(Some(approvers_of(2, &[2, 3])))
        );
        assert_eq!(
            policy("files.read", approvers_of(1, &[3])),
            Err(DifferentPeople)
        );
    }
}
