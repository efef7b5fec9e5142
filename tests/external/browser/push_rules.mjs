// What a push service asks of the message it is handed: RFC 8030, and RFC 8292 for the sender's proof.

import { createPublicKey, verify } from 'node:crypto'

export const MOST_BYTES = 4096
const DAY = 24 * 60 * 60

class Refused extends Error {
  constructor(status, reason) {
    super(reason)
    this.status = status
  }
}

const ensure = (holds, status, reason) => {
  if (!holds) throw new Refused(status, reason)
}

const json = (part) => JSON.parse(Buffer.from(part, 'base64url'))

/** `vapid t=…, k=…` must be signed by the key that the page subscribed with, for this very origin. */
function vapid(header, { origin, key, now }) {
  const [, token, shown] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(header ?? '') ?? []
  ensure(token, 401, 'no Authorization of the form `vapid t=…, k=…`')
  ensure(shown === key, 403, 'another key than the one subscribed with')

  const [head, body, signature] = token.split('.')
  const point = Buffer.from(shown, 'base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33, 65).toString('base64url'),
  }
  ensure(point.length === 65 && json(head).alg === 'ES256', 401, 'not ES256 under a P-256 key')
  const genuine = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  ensure(genuine, 401, 'the signature is not of this key')

  const { aud, exp, sub } = json(body)
  ensure(aud === origin, 401, `aud is ${aud}, not ${origin}`)
  ensure(Number.isInteger(exp) && exp > now, 401, 'exp has passed or is no number')
  ensure(exp <= now + DAY, 401, 'exp is more than a day ahead')
  // Apple refuses what Google lets pass, so we do too.
  ensure(/^(mailto:[^@\s]+@|https:\/\/)[^@\s]+\.[^@\s]+$/.test(sub ?? ''), 401, `sub is ${sub}`)
}

/**
 * Judges one message. `subscription` is `{origin, key}`: the endpoint's origin and the key subscribed
 * with, or nothing when the endpoint is not (or no longer) known. Returns `{status, reason}`.
 */
export function judge(headers, body, subscription, now = Math.floor(Date.now() / 1000)) {
  try {
    ensure(subscription, 410, 'this subscription is gone')
    vapid(headers.authorization, { ...subscription, now })
    ensure(/^\d+$/.test(headers.ttl ?? ''), 400, 'no numeric TTL')
    ensure(headers['content-encoding'] === 'aes128gcm', 400, 'not aes128gcm')
    ensure(/^[\w-]{1,32}$/.test(headers.topic ?? 'none'), 400, 'a topic is at most 32 letters of base64url')
    ensure(/^(very-low|low|normal|high)$/.test(headers.urgency ?? 'normal'), 400, 'no such urgency')
    ensure(body.length > 0 && body.length <= MOST_BYTES, 413, `${body.length} bytes`)
    return { status: 201, reason: 'accepted' }
  } catch (refused) {
    if (refused instanceof Refused) return { status: refused.status, reason: refused.message }
    return { status: 400, reason: `unreadable: ${refused.message}` }
  }
}
