//! People and their devices, remembered for a moment: agents ask the same few again and again.

use std::sync::Arc;

use super::lately::Lately;
use crate::domain::ciba::hint::Hint;
use crate::domain::id::{DeviceId, UserId};
use crate::domain::user::User;
use crate::domain::user::quiet_hours::QuietHours;
use crate::store::{Store, StoreError};

/// A person, and where they can be told something.
#[derive(Clone, Debug)]
pub struct Reachable {
    /// Who.
    pub user: User,
    /// Their devices that take notifications.
    pub devices: Vec<DeviceId>,
    /// When they are not to be disturbed.
    pub quiet_hours: Option<QuietHours>,
}

/// People asked a moment ago.
#[derive(Debug, Default)]
pub struct People {
    lately: Lately<Hint, Reachable>,
}

impl People {
    /// Whom a hint names.
    pub async fn find(
        &self,
        store: &Store,
        hint: &Hint,
    ) -> Result<Option<Arc<Reachable>>, StoreError> {
        let read = async || {
            let Some(user) = store.user_by_hint(hint).await? else {
                return Ok(None);
            };
            let devices = store.devices(user.id).await?;
            let devices = devices.iter().map(|device| device.id).collect();
            let quiet_hours = store.quiet_hours(user.id).await?;
            Ok(Some(Reachable {
                user,
                devices,
                quiet_hours,
            }))
        };
        self.lately.find(hint, read).await
    }

    /// Forgets a person who has just changed, or whose devices have.
    pub fn forget(&self, user: UserId) {
        self.lately.forget(|_, known| known.user.id == user);
    }
}
