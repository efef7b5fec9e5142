//! A commit: everything one event writes, as data.
//!
//! [`Write`]s come in two kinds. A *guard* changes exactly one row in a state the decision was made on,
//! or the whole commit is [`Overtaken`](super::StoreError::Overtaken). A plain insert brings a new id
//! and cannot meet anyone, so the writer may gather those of many commits into one statement.

use time::OffsetDateTime;

use crate::domain::action::PermissionKey;
use crate::domain::audit::AuditEvent;
use crate::domain::ciba::approval::denial::Reason;
use crate::domain::ciba::approval::{Approved, Cancelled, Denied, Expired, Redeemed};
use crate::domain::client::Client;
use crate::domain::client::assertion::UsedAssertion;
use crate::domain::consent::pause::{Pause, Reach};
use crate::domain::consent::standing::StandingGrant;
use crate::domain::id::{
    ClientId, DeviceId, GrantId, ParcelId, PauseId, RegistrationTokenId, RequestId, SessionId,
    SignInLinkId, StandingGrantId, UserId,
};
use crate::domain::parcel::{Channel, Fate, Parcel};
use crate::domain::user::User;
use crate::domain::user::quiet_hours::QuietHours;
use crate::store::access_tokens::NewAccessToken;
use crate::store::approvers::CastVote;
use crate::store::grants::{IssuedGrant, SpentItems, Standing};
use crate::store::held_transactions::{AskAbout, EndTransaction, NewTransaction};
use crate::store::keys::StoredKey;
use crate::store::proxied_questions::AskForProxy;
use crate::store::refresh_tokens::{KeptRefresh, NewRefreshToken, UsedRefreshToken};
use crate::store::registration_tokens::NewRegistrationToken;
use crate::store::requests::NewRequest;
use crate::store::sessions::StoredSession;
use crate::store::sign_in_links::StoredLink;
use crate::store::user_codes::{NewUserCode, TriedCode};

/// Everything one event writes. All of it, or nothing.
#[derive(Debug, Default)]
pub struct Commit {
    pub(super) writes: Vec<Write>,
    pub(super) events: Vec<AuditEvent>,
    pub(super) parcels: Vec<Parcel>,
}

/// One write.
#[derive(Debug)]
pub enum Write {
    /// A new request. A guard if it carries an idempotency key: the key must be new.
    OpenRequest(Box<NewRequest>),
    /// Guard: pending, before `answer_by`, and no later catalogue than this one was applied.
    Approve(Box<Approved>, i32),
    /// Guard: pending, and before `answer_by`.
    Deny(Box<Denied>),
    /// Guard: pending, before `answer_by`, and so many have answered so far.
    CountVote(RequestId, i32, OffsetDateTime),
    /// Guard: they have a say, are active, and have not said so before.
    CastVote(Box<CastVote>),
    /// Guard: approved, and not collected.
    Undo(Box<Denied>),
    /// Guard: denied a short while ago, without a reason so far.
    Explain(RequestId, Reason, OffsetDateTime),
    /// Guard: pending, and before `answer_by`.
    Cancel(Box<Cancelled>),
    /// Guard: pending (without a decision) or approved (with one), and past its moment.
    Expire(Box<Expired>),
    /// Guard: approved, before `expires_at`, and both the person and the client still active.
    Redeem(Box<Redeemed>),
    /// What a redemption authorised.
    IssueGrant(Box<IssuedGrant>),
    /// Guard: not revoked before.
    RevokeGrant(GrantId, OffsetDateTime),
    /// Guard: none of them spent before, their grant not revoked, the person and the client active, no
    /// "always" behind them stopped.
    SpendItems(SpentItems),
    /// Guard: the grant not revoked, the person and both clients active, no "always" behind it stopped.
    /// Changes nothing.
    Stand(Standing),
    /// An access token that is not a JWT.
    AddAccessToken(Box<NewAccessToken>),
    /// The first refresh token of a grant.
    AddRefreshToken(NewRefreshToken),
    /// Guard: unused and in time, its grant not revoked, the person and the client active, no "always"
    /// behind it stopped. The next one is given for it.
    UseRefreshToken(Box<UsedRefreshToken>),
    /// The response to a refresh.
    KeepRefresh(Box<KeptRefresh>),
    /// A token response that may be fetched once more.
    KeepRedemption {
        /// The request redeemed.
        request: RequestId,
        /// SHA-256 of the Idempotency-Key.
        key_hash: [u8; 32],
        /// The response, sealed.
        response: Vec<u8>,
        /// When it may no longer be fetched.
        until: OffsetDateTime,
    },
    /// A new "always".
    MakeStandingGrant(Box<StandingGrant>, String),
    /// Guard: live, of an active person, with room for so many uses. Counts them.
    UseStandingGrant(UsedRule),
    /// Guard: none of them stopped or over. Changes nothing.
    RulesStand(Vec<StandingGrantId>, OffsetDateTime),
    /// Guard: live, and this person's (or anyone's, for the operator).
    StopStandingGrant(StandingGrantId, Option<UserId>, OffsetDateTime),
    /// Agents may not ask for a while. What there was of the same reach ends; not a guard.
    BeginPause(Box<Pause>),
    /// Guard: there is one of that reach.
    EndPauses(Reach, OffsetDateTime),
    /// One more request was held back; not a guard.
    HoldBack(PauseId),
    /// Guard: its key is new.
    ParkTransaction(Box<NewTransaction>),
    /// Guard: it has not ended, is in time, and nobody else asks about it.
    AskAbout(AskAbout),
    /// Guard: nobody else asks for what an agent lacks at a proxy.
    AskForProxy(Box<AskForProxy>),
    /// Guard: it has not ended, and to be released it is approved.
    EndTransaction(EndTransaction),
    /// Guard: not used before.
    UseAssertion(ClientId, UsedAssertion),
    /// The slower pace of one request; not a guard.
    Pace(RequestId, i32),
    /// Guard: the id is new.
    AddClient(Box<Client>),
    /// Guard: it is active, and of the revision before.
    ChangeClient(Box<Client>),
    /// Every "always" for this permission ends; not a guard.
    StopGraver(GraverPermission),
    /// Every "always" for this client ends; not a guard.
    StopStandingGrantsFor(ClientId, OffsetDateTime),
    /// Guard: there is such a client, in the other state.
    SetClientActive(ClientId, bool),
    /// A new token that lets clients register; not a guard.
    AddRegistrationToken(NewRegistrationToken),
    /// Guard: it is good for one more, and in time.
    UseRegistrationToken(RegistrationTokenId, OffsetDateTime),
    /// Guard: it has that secret.
    RotateSecret(RotatedSecret),
    /// Guard: the id, address and username are new.
    AddUser(Box<User>),
    /// Guard: there is such a person, in the other state.
    SetUserActive(UserId, bool),
    /// A person's code, instead of the one before.
    SetUserCode(Box<NewUserCode>),
    /// Guard: there is one.
    RemoveUserCode(UserId),
    /// When a person is not to be disturbed, instead of what was before.
    SetQuietHours(UserId, Box<QuietHours>),
    /// Guard: they have some.
    RemoveQuietHours(UserId),
    /// Guard: it is the code that was checked, and was not tried meanwhile.
    TryUserCode(Box<TriedCode>),
    /// A new sign-in link.
    AddSignInLink(Box<StoredLink>),
    /// Guard: unused, and in time.
    UseSignInLink(SignInLinkId, OffsetDateTime),
    /// A new session.
    AddSession(Box<StoredSession>),
    /// The session was used; not a guard.
    TouchSession(SessionId, OffsetDateTime),
    /// Guard: it has not ended.
    EndSession(SessionId, OffsetDateTime),
    /// A new device. What the same browser had before is retired.
    AddDevice(Box<NewDevice>),
    /// Guard: not retired, and this person's if one is given.
    RetireDevice(DeviceId, Option<UserId>, &'static str, OffsetDateTime),
    /// A push service took a message for it; not a guard.
    DeviceReached(DeviceId, OffsetDateTime),
    /// Puts parcels that are due under a lease; not a guard.
    ClaimParcels(ClaimParcels),
    /// Guard: waiting, under this lease, and empty.
    FillParcel(Box<FilledParcel>),
    /// Guard: waiting, under this lease.
    SettleParcel(Box<SettledParcel>),
    /// Whatever still waits about this request is dropped; not a guard.
    DropParcels(RequestId, OffsetDateTime),
    /// The letter about this request that was to wait is due at once; not a guard.
    HurryLetter(RequestId, OffsetDateTime),
    /// Guard: everything that was to ask about this request has failed, and that was not noted before.
    NoteUnreachable(RequestId),
    /// Guard: the version is the next one.
    ApplyCatalogue(i32, String, OffsetDateTime),
    /// Guard: there is no active key for the purpose.
    AddKey(Box<StoredKey>),
    /// Guard: it is active. Published until the moment given.
    RetireKey(String, OffsetDateTime),
    /// What could not be used any more by this moment is deleted; not a guard.
    ForgetExpired(OffsetDateTime),
}

/// A permission whose tier was raised.
#[derive(Clone, Debug)]
pub struct GraverPermission {
    /// Of which service.
    pub resource: String,
    /// Which.
    pub key: PermissionKey,
    /// When.
    pub at: OffsetDateTime,
}

/// An "always" answers.
#[derive(Clone, Copy, Debug)]
pub struct UsedRule {
    /// Which.
    pub rule: StandingGrantId,
    /// For how many things.
    pub times: u32,
    /// Whether it never has before: then it is told.
    pub first: bool,
    /// Whether it may only so often: then its row says whether it still may.
    pub limited: bool,
    /// When.
    pub at: OffsetDateTime,
}

/// A client gets another secret.
#[derive(Clone, Debug)]
pub struct RotatedSecret {
    /// Which client.
    pub client: ClientId,
    /// The hash it has.
    pub from: [u8; 32],
    /// The hash it gets.
    pub to: [u8; 32],
    /// Until when the one before is still taken, if at all.
    pub keep_until: Option<OffsetDateTime>,
}

/// Who wants to deliver what.
#[derive(Clone, Copy, Debug)]
pub struct ClaimParcels {
    /// By which way.
    pub channel: Channel,
    /// What marks the parcels as theirs.
    pub lease: [u8; 16],
    /// Due at this moment.
    pub now: OffsetDateTime,
    /// No more than these.
    pub at_most: u64,
}

/// A browser to be remembered.
#[derive(Debug)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// Whose.
    pub user: UserId,
    /// What the person sees it called.
    pub name: String,
    /// Keyed hash of the endpoint.
    pub endpoint_hash: [u8; 32],
    /// The subscription, sealed.
    pub subscription: Vec<u8>,
    /// When.
    pub created_at: OffsetDateTime,
}

/// What a parcel says from now on, however often it is tried.
#[derive(Debug)]
pub struct FilledParcel {
    /// Which.
    pub id: ParcelId,
    /// The lease it was claimed under.
    pub lease: [u8; 16],
    /// What it says, sealed.
    pub payload: Vec<u8>,
    /// When that is worth nothing any more.
    pub worthless_after: OffsetDateTime,
}

/// What became of a parcel that was claimed.
#[derive(Debug)]
pub struct SettledParcel {
    /// Which.
    pub id: ParcelId,
    /// The lease it was claimed under.
    pub lease: [u8; 16],
    /// What became of it.
    pub fate: Fate,
    /// When.
    pub at: OffsetDateTime,
}

impl Commit {
    /// A commit of one write.
    pub fn of(write: Write) -> Self {
        Self {
            writes: vec![write],
            ..Self::default()
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty() && self.parcels.is_empty()
    }

    /// One more write.
    #[must_use]
    pub fn and(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// One more thing that happened.
    #[must_use]
    pub fn event(mut self, event: AuditEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Whether anybody is to be told anything.
    pub fn promises(&self) -> bool {
        !self.parcels.is_empty()
    }

    /// More promises.
    #[must_use]
    pub fn parcels(mut self, parcels: impl IntoIterator<Item = Parcel>) -> Self {
        self.parcels.extend(parcels);
        self
    }
}
