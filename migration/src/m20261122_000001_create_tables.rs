//! The first tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseBackend, DbErr};

use crate::run;

/// See the module's docs.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, TABLES).await?;
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            run(manager, GUARDS_POSTGRESQL).await
        } else {
            run(manager, GUARDS_SQLITE).await
        }
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, DROP).await
    }
}

const TABLES: &[&str] = &[
    "CREATE TABLE clients (
        id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
        name TEXT NOT NULL CHECK (length(name) > 0),
        role TEXT NOT NULL CHECK (role IN ('agent', 'resource_server')),
        status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
        profile TEXT NOT NULL CHECK (profile IN ('ciba-core', 'fapi-ciba')),
        auth_method TEXT NOT NULL
            CHECK (auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt',
                'tls_client_auth', 'self_signed_tls_client_auth')),
        secret_hash {bytes} CHECK (length(secret_hash) = 32),
        previous_secret_hash {bytes} CHECK (length(previous_secret_hash) = 32),
        previous_secret_until BIGINT,
        jwks_uri TEXT,
        jwks TEXT,
        delivery_mode TEXT NOT NULL CHECK (delivery_mode IN ('poll', 'ping', 'push')),
        notification_endpoint TEXT,
        scopes TEXT NOT NULL,
        types TEXT NOT NULL,
        resources TEXT NOT NULL,
        grant_types TEXT NOT NULL,
        dpop_bound BOOLEAN NOT NULL,
        user_code BOOLEAN NOT NULL,
        certificate_bound BOOLEAN NOT NULL,
        tls_subject TEXT,
        assertion_audience TEXT NOT NULL CHECK (assertion_audience IN ('strict', 'ciba-compat')),
        request_signing_alg TEXT,
        id_token_alg TEXT NOT NULL CHECK (id_token_alg IN ('ES256', 'PS256', 'RS256', 'EdDSA')),
        created_at BIGINT NOT NULL,
        revision INTEGER NOT NULL CHECK (revision >= 0),
        document_until BIGINT,
        CHECK ((substr(id, 1, 8) = 'https://') = (document_until IS NOT NULL)),
        CHECK ((auth_method IN ('client_secret_basic', 'client_secret_post'))
            = (secret_hash IS NOT NULL)),
        CHECK ((auth_method IN ('private_key_jwt', 'self_signed_tls_client_auth')
                OR request_signing_alg IS NOT NULL)
            = (jwks IS NOT NULL OR jwks_uri IS NOT NULL)),
        CHECK ((auth_method = 'tls_client_auth') = (tls_subject IS NOT NULL)),
        CHECK (jwks IS NULL OR jwks_uri IS NULL),
        CHECK ((previous_secret_hash IS NULL) = (previous_secret_until IS NULL)),
        CHECK (previous_secret_hash IS NULL OR secret_hash IS NOT NULL),
        CHECK ((delivery_mode = 'poll') = (notification_endpoint IS NULL))
    )",
    "CREATE TABLE registration_tokens (
        id {uuid} PRIMARY KEY,
        uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
        profile TEXT NOT NULL CHECK (profile IN ('ciba-core', 'fapi-ciba')),
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL CHECK (expires_at > created_at)
    )",
    "CREATE TABLE users (
        id {uuid} PRIMARY KEY,
        email TEXT NOT NULL UNIQUE,
        username TEXT UNIQUE,
        name TEXT NOT NULL CHECK (length(name) > 0),
        status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
        created_at BIGINT NOT NULL
    )",
    "CREATE TABLE user_codes (
        user_id {uuid} PRIMARY KEY REFERENCES users (id),
        hash TEXT NOT NULL,
        wrong INTEGER NOT NULL CHECK (wrong >= 0),
        locked_until BIGINT
    )",
    "CREATE TABLE quiet_hours (
        user_id {uuid} PRIMARY KEY REFERENCES users (id),
        zone TEXT NOT NULL CHECK (length(zone) BETWEEN 1 AND 64),
        days INTEGER NOT NULL CHECK (days BETWEEN 1 AND 127),
        begins INTEGER NOT NULL CHECK (begins BETWEEN 0 AND 1439),
        ends INTEGER NOT NULL CHECK (ends BETWEEN 0 AND 1439 AND ends <> begins),
        urgent_rings BOOLEAN NOT NULL,
        tells_agents BOOLEAN NOT NULL
    )",
    "CREATE TABLE requests (
        id {uuid} PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES clients (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        state TEXT NOT NULL
            CHECK (state IN ('pending', 'approved', 'denied', 'expired', 'cancelled', 'redeemed')),
        mode TEXT NOT NULL CHECK (mode IN ('poll', 'ping', 'push')),
        opened_at BIGINT NOT NULL,
        answer_by BIGINT NOT NULL CHECK (answer_by > opened_at),
        expires_at BIGINT NOT NULL CHECK (expires_at >= answer_by),
        interval_s INTEGER NOT NULL CHECK (interval_s > 0),
        scope TEXT NOT NULL,
        asked TEXT NOT NULL,
        resource TEXT,
        tier TEXT NOT NULL CHECK (tier IN ('trace', 'low', 'normal', 'high', 'critical')),
        card TEXT NOT NULL,
        card_digest {bytes} NOT NULL CHECK (length(card_digest) = 32),
        match_code TEXT NOT NULL,
        catalogue_version INTEGER NOT NULL,
        resume_state {bytes},
        notification_token {bytes},
        idempotency_key {bytes} CHECK (length(idempotency_key) = 32),
        request_digest {bytes} CHECK (length(request_digest) = 32),
        settled_at BIGINT,
        answer TEXT CHECK (answer IN ('once', 'always', 'deny')),
        decision TEXT,
        reason TEXT,
        deny_reason TEXT CHECK (deny_reason IN
            ('not_now', 'wrong_details', 'too_much', 'not_mine', 'other', 'nothing_left')),
        cancelled_by TEXT,
        redeemed_at BIGINT,
        bound_to TEXT,
        wanted TEXT,
        quorum TEXT,
        needed INTEGER CHECK (needed >= 1),
        votes INTEGER NOT NULL CHECK (votes >= 0),
        likeness {bytes} CHECK (length(likeness) = 32),
        arrival TEXT CHECK (arrival IN ('rings', 'too_often', 'enough_today', 'asked_already',
            'quiet_hours')),
        superseded_by {uuid},
        CHECK ((quorum IS NULL) = (needed IS NULL)),
        CHECK (needed IS NOT NULL OR votes = 0),
        CHECK (needed IS NULL OR state NOT IN ('approved', 'redeemed') OR votes >= needed),
        CHECK (needed IS NULL OR answer IS NULL OR answer <> 'always'),
        CHECK ((superseded_by IS NOT NULL) = (cancelled_by IS NOT NULL AND cancelled_by = 'answer')),
        CHECK ((mode = 'poll') = (notification_token IS NULL)),
        CHECK ((state = 'pending') = (settled_at IS NULL)),
        CHECK ((answer IS NULL) = (decision IS NULL)),
        CHECK (state NOT IN ('approved', 'redeemed') OR (answer IS NOT NULL AND answer <> 'deny')),
        CHECK ((state = 'denied') = (answer IS NOT NULL AND answer = 'deny')),
        CHECK (state NOT IN ('pending', 'cancelled') OR answer IS NULL),
        CHECK (deny_reason IS NULL OR state = 'denied'),
        CHECK ((reason IS NOT NULL) = (deny_reason IS NOT NULL AND deny_reason = 'other')),
        CHECK ((state = 'cancelled') = (cancelled_by IS NOT NULL)),
        CHECK ((state = 'redeemed') = (redeemed_at IS NOT NULL)),
        CHECK (answer IS NULL OR settled_at < answer_by),
        CHECK (redeemed_at IS NULL OR redeemed_at < expires_at),
        CHECK ((idempotency_key IS NULL) = (request_digest IS NULL))
    )",
    "CREATE UNIQUE INDEX requests_idempotency ON requests (client_id, idempotency_key)
        WHERE idempotency_key IS NOT NULL",
    "CREATE INDEX requests_by_client ON requests (client_id, id)",
    "CREATE INDEX requests_by_user ON requests (user_id, id)",
    "CREATE INDEX requests_waiting ON requests (user_id, answer_by) WHERE state = 'pending'",
    "CREATE INDEX requests_rang ON requests (user_id, opened_at) WHERE arrival = 'rings'",
    "CREATE INDEX requests_unanswered ON requests (answer_by) WHERE state = 'pending'",
    "CREATE INDEX requests_uncollected ON requests (expires_at) WHERE state = 'approved'",
    "CREATE INDEX requests_denied ON requests (user_id, client_id, settled_at)
        WHERE state = 'denied'",
    "CREATE INDEX requests_settled ON requests (settled_at) WHERE settled_at IS NOT NULL",
    "CREATE TABLE approvers (
        request_id {uuid} NOT NULL REFERENCES requests (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        answer TEXT CHECK (answer IN ('once', 'deny')),
        answered_at BIGINT,
        vote TEXT,
        card_digest {bytes} CHECK (length(card_digest) = 32),
        PRIMARY KEY (request_id, user_id),
        CHECK ((answer IS NULL) = (answered_at IS NULL)),
        CHECK ((answer IS NULL) = (vote IS NULL)),
        CHECK ((answer IS NULL) = (card_digest IS NULL))
    )",
    "CREATE INDEX approvers_by_user ON approvers (user_id, request_id)",
    "CREATE TABLE grants (
        id {uuid} PRIMARY KEY,
        request_id {uuid} NOT NULL UNIQUE REFERENCES requests (id),
        client_id TEXT NOT NULL REFERENCES clients (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        items TEXT NOT NULL,
        spent_items BIGINT NOT NULL CHECK (spent_items >= 0),
        access_token_id TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        bound_to TEXT,
        revoked_at BIGINT
    )",
    "CREATE TABLE access_tokens (
        id {uuid} PRIMARY KEY,
        grant_id {uuid} NOT NULL REFERENCES grants (id),
        claims TEXT NOT NULL,
        expires_at BIGINT NOT NULL
    )",
    "CREATE INDEX access_tokens_expiry ON access_tokens (expires_at)",
    "CREATE TABLE redemptions (
        request_id {uuid} PRIMARY KEY REFERENCES requests (id),
        key_hash {bytes} NOT NULL CHECK (length(key_hash) = 32),
        response {bytes} NOT NULL,
        until BIGINT NOT NULL
    )",
    "CREATE INDEX redemptions_until ON redemptions (until)",
    "CREATE TABLE refresh_tokens (
        id {uuid} PRIMARY KEY,
        grant_id {uuid} NOT NULL REFERENCES grants (id),
        parent_id {uuid} UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('active', 'used')),
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL CHECK (expires_at > created_at),
        used_at BIGINT CHECK (used_at < expires_at),
        CHECK ((state = 'used') = (used_at IS NOT NULL))
    )",
    "CREATE UNIQUE INDEX refresh_tokens_active ON refresh_tokens (grant_id) WHERE state = 'active'",
    "CREATE UNIQUE INDEX refresh_tokens_first ON refresh_tokens (grant_id) WHERE parent_id IS NULL",
    "CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at)",
    "CREATE TABLE kept_refreshes (
        refresh_token_id {uuid} PRIMARY KEY REFERENCES refresh_tokens (id),
        key_hash {bytes} CHECK (length(key_hash) = 32),
        response {bytes} NOT NULL,
        until BIGINT NOT NULL
    )",
    "CREATE INDEX kept_refreshes_until ON kept_refreshes (until)",
    "CREATE TABLE standing_grants (
        id {uuid} PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES clients (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        resource TEXT NOT NULL,
        permission TEXT NOT NULL,
        bounds TEXT NOT NULL,
        bounds_digest {bytes} NOT NULL CHECK (length(bounds_digest) = 32),
        sentence TEXT NOT NULL,
        request_id {uuid} NOT NULL REFERENCES requests (id),
        created_at BIGINT NOT NULL,
        ends_at BIGINT NOT NULL CHECK (ends_at > created_at),
        last_used_at BIGINT,
        uses BIGINT NOT NULL CHECK (uses >= 0),
        recent_uses TEXT,
        revoked_at BIGINT,
        revoked_why TEXT CHECK (revoked_why IN ('stopped', 'agent_changed', 'tier_raised')),
        CHECK ((revoked_at IS NULL) = (revoked_why IS NULL)),
        CHECK ((uses = 0) = (last_used_at IS NULL))
    )",
    "CREATE INDEX standing_grants_live ON standing_grants (user_id, client_id)
        WHERE revoked_at IS NULL",
    "CREATE INDEX standing_grants_by_request ON standing_grants (request_id)",
    "CREATE TABLE devices (
        id {uuid} PRIMARY KEY,
        user_id {uuid} NOT NULL REFERENCES users (id),
        name TEXT NOT NULL,
        endpoint_hash {bytes} NOT NULL CHECK (length(endpoint_hash) = 32),
        subscription {bytes} NOT NULL,
        created_at BIGINT NOT NULL,
        last_delivered_at BIGINT,
        retired_at BIGINT,
        retired_why TEXT CHECK (retired_why IN ('removed', 'gone', 'replaced')),
        CHECK ((retired_at IS NULL) = (retired_why IS NULL))
    )",
    "CREATE UNIQUE INDEX devices_endpoint ON devices (endpoint_hash) WHERE retired_at IS NULL",
    "CREATE INDEX devices_by_user ON devices (user_id)",
    "CREATE TABLE sign_in_links (
        id {uuid} PRIMARY KEY,
        user_id {uuid} NOT NULL REFERENCES users (id),
        how TEXT NOT NULL CHECK (how IN ('email_link', 'host_link')),
        next TEXT,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL CHECK (expires_at > created_at),
        used_at BIGINT CHECK (used_at < expires_at)
    )",
    "CREATE INDEX sign_in_links_by_user ON sign_in_links (user_id, created_at)",
    "CREATE INDEX sign_in_links_expiry ON sign_in_links (expires_at)",
    "CREATE TABLE sessions (
        id {uuid} PRIMARY KEY,
        user_id {uuid} NOT NULL REFERENCES users (id),
        how TEXT NOT NULL CHECK (how IN ('email_link', 'host_link')),
        authenticated_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        last_seen_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        ended_at BIGINT,
        user_agent TEXT
    )",
    "CREATE INDEX sessions_by_user ON sessions (user_id)",
    "CREATE INDEX sessions_expiry ON sessions (expires_at)",
    "CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE TABLE parcels (
        id {uuid} PRIMARY KEY,
        request_id {uuid} REFERENCES requests (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        kind TEXT NOT NULL,
        channel TEXT NOT NULL CHECK (channel IN ('web_push', 'email', 'callback')),
        device_id {uuid} REFERENCES devices (id),
        sign_in_link_id {uuid} REFERENCES sign_in_links (id),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'dropped')),
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        due_at BIGINT NOT NULL,
        worthless_after BIGINT NOT NULL,
        lease {bytes},
        payload {bytes},
        why TEXT,
        created_at BIGINT NOT NULL,
        settled_at BIGINT,
        CHECK ((state = 'waiting') = (settled_at IS NULL)),
        CHECK (state = 'waiting' OR lease IS NULL),
        CHECK ((channel = 'web_push') = (device_id IS NOT NULL)),
        CHECK ((channel = 'callback') = (kind IN ('ping', 'outcome', 'webhook'))),
        CHECK (payload IS NULL OR (kind = 'outcome' AND state = 'waiting'))
    )",
    "CREATE INDEX parcels_due ON parcels (due_at) WHERE state = 'waiting'",
    "CREATE INDEX parcels_by_request ON parcels (request_id)",
    "CREATE INDEX parcels_by_link ON parcels (sign_in_link_id) WHERE sign_in_link_id IS NOT NULL",
    "CREATE INDEX parcels_over ON parcels (worthless_after) WHERE settled_at IS NOT NULL",
    "CREATE TABLE audit_events (
        stream INTEGER NOT NULL,
        seq BIGINT NOT NULL CHECK (seq > 0),
        at BIGINT NOT NULL,
        kind TEXT NOT NULL,
        request_id {uuid},
        client_id TEXT,
        user_id {uuid},
        content TEXT NOT NULL,
        previous {bytes} NOT NULL CHECK (length(previous) = 32),
        hash {bytes} NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (stream, seq)
    )",
    "CREATE TABLE signing_keys (
        kid TEXT PRIMARY KEY,
        purpose TEXT NOT NULL CHECK (purpose IN ('tokens', 'vapid')),
        alg TEXT NOT NULL CHECK (alg IN ('ES256', 'PS256', 'RS256', 'EdDSA')),
        private {bytes} NOT NULL,
        public TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        retires_at BIGINT
    )",
    "CREATE UNIQUE INDEX signing_keys_active ON signing_keys (purpose, alg) WHERE retires_at IS NULL",
    "CREATE TABLE used_assertions (
        client_id TEXT NOT NULL REFERENCES clients (id),
        jti_hash {bytes} NOT NULL CHECK (length(jti_hash) = 32),
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (client_id, jti_hash)
    )",
    "CREATE INDEX used_assertions_expiry ON used_assertions (expires_at)",
    "CREATE TABLE proxied_questions (
        client_id TEXT NOT NULL REFERENCES clients (id),
        user_id {uuid} NOT NULL REFERENCES users (id),
        item_digest {bytes} NOT NULL CHECK (length(item_digest) = 32),
        request_id {uuid} NOT NULL UNIQUE,
        PRIMARY KEY (client_id, user_id, item_digest)
    )",
    "CREATE TABLE paces (
        request_id {uuid} PRIMARY KEY REFERENCES requests (id),
        interval_s INTEGER NOT NULL CHECK (interval_s > 0)
    )",
    "CREATE TABLE pauses (
        id {uuid} PRIMARY KEY,
        user_id {uuid} REFERENCES users (id),
        client_id TEXT REFERENCES clients (id),
        shape TEXT,
        cause TEXT NOT NULL CHECK (cause IN ('operator', 'person', 'denials', 'reported')),
        why TEXT,
        began_at BIGINT NOT NULL,
        ends_at BIGINT CHECK (ends_at > began_at),
        ended_at BIGINT,
        held_back BIGINT NOT NULL CHECK (held_back >= 0),
        CHECK ((user_id IS NULL) = (cause = 'operator')),
        CHECK (client_id IS NULL OR user_id IS NOT NULL),
        CHECK (shape IS NULL OR client_id IS NOT NULL)
    )",
    "CREATE INDEX pauses_live ON pauses (user_id) WHERE ended_at IS NULL",
    "CREATE INDEX pauses_ends ON pauses (ends_at) WHERE ends_at IS NOT NULL",
    "CREATE INDEX pauses_ended ON pauses (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE TABLE held_transactions (
        id {uuid} PRIMARY KEY,
        service_id TEXT NOT NULL REFERENCES clients (id),
        user_id {uuid} REFERENCES users (id),
        agent_id TEXT,
        webhook TEXT,
        asked TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL CHECK (expires_at > created_at),
        request_id {uuid} UNIQUE,
        released_at BIGINT,
        cancelled_at BIGINT,
        idempotency_key {bytes} CHECK (length(idempotency_key) = 32),
        request_digest {bytes} CHECK (length(request_digest) = 32),
        CHECK (released_at IS NULL OR cancelled_at IS NULL),
        CHECK (released_at IS NULL OR request_id IS NOT NULL),
        CHECK ((idempotency_key IS NULL) = (request_digest IS NULL))
    )",
    "CREATE UNIQUE INDEX held_transactions_idempotency
        ON held_transactions (service_id, idempotency_key) WHERE idempotency_key IS NOT NULL",
    "CREATE INDEX held_transactions_by_service ON held_transactions (service_id, id)",
    "CREATE INDEX held_transactions_unasked ON held_transactions (service_id, expires_at)
        WHERE request_id IS NULL AND cancelled_at IS NULL",
    "CREATE INDEX held_transactions_old ON held_transactions (expires_at) WHERE request_id IS NULL",
    "CREATE TABLE catalogues (
        version INTEGER PRIMARY KEY,
        document TEXT NOT NULL,
        applied_at BIGINT NOT NULL
    )",
];

/// What a request may become, and that nothing else about it ever changes. The statements in
/// `store/` already see to both; these see to it that no later statement forgets.
const GUARDS_SQLITE: &[&str] = &[
    "CREATE TRIGGER requests_moves BEFORE UPDATE ON requests
        WHEN (OLD.state || '>' || NEW.state) NOT IN
            ('pending>approved', 'pending>denied', 'pending>expired', 'pending>cancelled',
             'approved>redeemed', 'approved>expired', 'approved>denied')
            AND (OLD.state || '>' || NEW.state <> 'denied>denied' OR OLD.deny_reason IS NOT NULL)
            AND (OLD.state || '>' || NEW.state <> 'pending>pending' OR NEW.votes <> OLD.votes + 1)
          OR (OLD.state || '>' || NEW.state <> 'pending>pending' AND NEW.votes <> OLD.votes)
          OR NEW.quorum IS DISTINCT FROM OLD.quorum OR NEW.needed IS DISTINCT FROM OLD.needed
          OR NEW.id <> OLD.id OR NEW.client_id <> OLD.client_id OR NEW.user_id <> OLD.user_id
          OR NEW.asked <> OLD.asked OR NEW.card <> OLD.card OR NEW.card_digest <> OLD.card_digest
          OR NEW.answer_by <> OLD.answer_by OR NEW.expires_at <> OLD.expires_at
          OR NEW.bound_to IS DISTINCT FROM OLD.bound_to OR NEW.wanted IS DISTINCT FROM OLD.wanted
          OR (OLD.answer IS NOT NULL AND OLD.state || '>' || NEW.state <> 'approved>denied'
            AND (NEW.answer <> OLD.answer OR NEW.decision <> OLD.decision))
        BEGIN SELECT RAISE(ABORT, 'a request cannot change like this'); END",
    "CREATE TRIGGER approvers_moves BEFORE UPDATE ON approvers
        WHEN NEW.answer IS NULL OR OLD.answer = 'deny' OR (OLD.answer = 'once' AND NEW.answer = 'once')
          OR NEW.request_id <> OLD.request_id OR NEW.user_id <> OLD.user_id
        BEGIN SELECT RAISE(ABORT, 'an answer cannot change like this'); END",
    "CREATE TRIGGER held_transactions_moves BEFORE UPDATE ON held_transactions
        WHEN OLD.released_at IS NOT NULL OR OLD.cancelled_at IS NOT NULL
          OR NEW.id <> OLD.id OR NEW.service_id <> OLD.service_id OR NEW.asked <> OLD.asked
          OR NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.agent_id IS DISTINCT FROM OLD.agent_id
          OR NEW.webhook IS DISTINCT FROM OLD.webhook OR NEW.expires_at <> OLD.expires_at
        BEGIN SELECT RAISE(ABORT, 'a held transaction cannot change like this'); END",
    "CREATE TRIGGER refresh_tokens_moves BEFORE UPDATE ON refresh_tokens
        WHEN (OLD.state || '>' || NEW.state) <> 'active>used'
          OR NEW.id <> OLD.id OR NEW.grant_id <> OLD.grant_id
          OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
          OR NEW.created_at <> OLD.created_at OR NEW.expires_at <> OLD.expires_at
        BEGIN SELECT RAISE(ABORT, 'a refresh token cannot change like this'); END",
    "CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
];

const GUARDS_POSTGRESQL: &[&str] = &[
    "CREATE FUNCTION countersign_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '% cannot change like this', TG_TABLE_NAME; END $$",
    "CREATE TRIGGER requests_moves BEFORE UPDATE ON requests FOR EACH ROW
        WHEN ((OLD.state || '>' || NEW.state) NOT IN
            ('pending>approved', 'pending>denied', 'pending>expired', 'pending>cancelled',
             'approved>redeemed', 'approved>expired', 'approved>denied')
            AND (OLD.state || '>' || NEW.state <> 'denied>denied' OR OLD.deny_reason IS NOT NULL)
            AND (OLD.state || '>' || NEW.state <> 'pending>pending' OR NEW.votes <> OLD.votes + 1)
          OR (OLD.state || '>' || NEW.state <> 'pending>pending' AND NEW.votes <> OLD.votes)
          OR NEW.quorum IS DISTINCT FROM OLD.quorum OR NEW.needed IS DISTINCT FROM OLD.needed
          OR NEW.id <> OLD.id OR NEW.client_id <> OLD.client_id OR NEW.user_id <> OLD.user_id
          OR NEW.asked <> OLD.asked OR NEW.card <> OLD.card OR NEW.card_digest <> OLD.card_digest
          OR NEW.answer_by <> OLD.answer_by OR NEW.expires_at <> OLD.expires_at
          OR NEW.bound_to IS DISTINCT FROM OLD.bound_to OR NEW.wanted IS DISTINCT FROM OLD.wanted
          OR (OLD.answer IS NOT NULL AND OLD.state || '>' || NEW.state <> 'approved>denied'
            AND (NEW.answer <> OLD.answer OR NEW.decision <> OLD.decision)))
        EXECUTE FUNCTION countersign_refuse()",
    "CREATE TRIGGER approvers_moves BEFORE UPDATE ON approvers FOR EACH ROW
        WHEN (NEW.answer IS NULL OR OLD.answer = 'deny' OR (OLD.answer = 'once' AND NEW.answer = 'once')
          OR NEW.request_id <> OLD.request_id OR NEW.user_id <> OLD.user_id)
        EXECUTE FUNCTION countersign_refuse()",
    "CREATE TRIGGER held_transactions_moves BEFORE UPDATE ON held_transactions FOR EACH ROW
        WHEN (OLD.released_at IS NOT NULL OR OLD.cancelled_at IS NOT NULL
          OR NEW.id <> OLD.id OR NEW.service_id <> OLD.service_id OR NEW.asked <> OLD.asked
          OR NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.agent_id IS DISTINCT FROM OLD.agent_id
          OR NEW.webhook IS DISTINCT FROM OLD.webhook OR NEW.expires_at <> OLD.expires_at)
        EXECUTE FUNCTION countersign_refuse()",
    "CREATE TRIGGER refresh_tokens_moves BEFORE UPDATE ON refresh_tokens FOR EACH ROW
        WHEN ((OLD.state || '>' || NEW.state) <> 'active>used'
          OR NEW.id <> OLD.id OR NEW.grant_id <> OLD.grant_id
          OR NEW.parent_id IS DISTINCT FROM OLD.parent_id
          OR NEW.created_at <> OLD.created_at OR NEW.expires_at <> OLD.expires_at)
        EXECUTE FUNCTION countersign_refuse()",
    "CREATE TRIGGER audit_events_append BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW
        EXECUTE FUNCTION countersign_refuse()",
];

const DROP: &[&str] = &[
    "DROP TABLE catalogues",
    "DROP TABLE pauses",
    "DROP TABLE held_transactions",
    "DROP TABLE proxied_questions",
    "DROP TABLE paces",
    "DROP TABLE used_assertions",
    "DROP TABLE signing_keys",
    "DROP TABLE audit_events",
    "DROP TABLE parcels",
    "DROP TABLE sessions",
    "DROP TABLE sign_in_links",
    "DROP TABLE devices",
    "DROP TABLE standing_grants",
    "DROP TABLE kept_refreshes",
    "DROP TABLE refresh_tokens",
    "DROP TABLE redemptions",
    "DROP TABLE access_tokens",
    "DROP TABLE grants",
    "DROP TABLE approvers",
    "DROP TABLE requests",
    "DROP TABLE quiet_hours",
    "DROP TABLE user_codes",
    "DROP TABLE users",
    "DROP TABLE registration_tokens",
    "DROP TABLE clients",
];
