// An agent as others write it: the npm package `openid-client`, unchanged, asks and waits for the answer.
//
// Reads the environment:
//   ISSUER, CLIENT_ID, LOGIN_HINT   required
//   CLIENT_SECRET                   for AUTH=basic (the default) and AUTH=post
//   CLIENT_KEY, CLIENT_KEY_ID       for AUTH=private_key_jwt: path of a PKCS #8 PEM (P-256), and its `kid`
//   ID_TOKEN_ALG                    what ID tokens are signed with: `ES256` unless given
//   DPOP                            if set, tokens are to be bound to a key (RFC 9449)
//   SCOPE                           `openid` unless given
//   PARAMETERS                      more of the backchannel request, as a JSON object of strings
//   TOKEN_PARAMETERS                more of the token request, likewise
//
// Writes one JSON object a line:
//   {"event":"discovered", …metadata}
//   {"event":"asked", "auth_req_id":…, "expires_in":…, "interval":…, …whatever else the server said}
//   {"event":"tokens", "token_type", "expires_in", "scope", "id_token":{claims}, "access_token":{header, claims}, …}
//   {"event":"refused", "at":"ask"|"redeem", "error", "error_description", "status"}
//
// Ends with 0 after tokens, 3 after a refusal in OAuth's words, 1 when the library or the network objects.

import { readFile } from 'node:fs/promises'
import { createPrivateKey } from 'node:crypto'
import { createRemoteJWKSet, importPKCS8, jwtVerify } from 'jose'
import * as client from 'openid-client'

const env = process.env
const say = (event, rest) => process.stdout.write(`${JSON.stringify({ event, ...rest })}\n`)

async function authentication() {
  switch (env.AUTH ?? 'basic') {
    case 'basic':
      return client.ClientSecretBasic(env.CLIENT_SECRET)
    case 'post':
      return client.ClientSecretPost(env.CLIENT_SECRET)
    case 'private_key_jwt': {
      const pem = createPrivateKey(await readFile(env.CLIENT_KEY)).export({ type: 'pkcs8', format: 'pem' })
      const key = await importPKCS8(pem, 'ES256')
      return client.PrivateKeyJwt(env.CLIENT_KEY_ID ? { key, kid: env.CLIENT_KEY_ID } : key)
    }
    default:
      throw new Error(`AUTH=${env.AUTH} is not known here`)
  }
}

// Runs one step; what the server refuses is told and ends the program, everything else is thrown.
async function step(at, work) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof client.ResponseBodyError)) throw error
    const { error: code, error_description, status } = error
    say('refused', { at, error: code, error_description, status })
    process.exit(3)
  }
}

const config = await client.discovery(
  new URL(env.ISSUER),
  env.CLIENT_ID,
  { id_token_signed_response_alg: env.ID_TOKEN_ALG ?? 'ES256' },
  await authentication(),
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)
const metadata = config.serverMetadata()
say('discovered', metadata)

const DPoP = env.DPOP ? client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) : undefined

const asked = await step('ask', () =>
  client.initiateBackchannelAuthentication(config, {
    scope: env.SCOPE ?? 'openid',
    login_hint: env.LOGIN_HINT,
    ...JSON.parse(env.PARAMETERS ?? '{}'),
  }),
)
say('asked', asked)

const tokens = await step('redeem', () =>
  client.pollBackchannelAuthenticationGrant(config, asked, JSON.parse(env.TOKEN_PARAMETERS ?? '{}'), { DPoP }),
)
const access = await jwtVerify(tokens.access_token, createRemoteJWKSet(new URL(metadata.jwks_uri)), {
  issuer: metadata.issuer,
  typ: 'at+jwt',
  requiredClaims: ['exp', 'iat', 'aud', 'sub', 'client_id', 'jti'],
})
say('tokens', {
  ...tokens,
  id_token: tokens.claims(),
  access_token: { header: access.protectedHeader, claims: access.payload },
})
