// A tool of an agent, protected by the npm package `@auth0/ai`, unchanged: the first call interrupts, the next ones go on
// when a person has answered.
//
// Reads the environment: DOMAIN (host:port), CLIENT_ID, CLIENT_SECRET, USER_ID, and NODE_EXTRA_CA_CERTS for TLS.
// Each line on stdin calls the tool once. Writes one JSON object a line:
//   {"event":"interrupted", "code", "auth_req_id"}   there is no answer yet
//   {"event":"ran", "credentials"}                    the tool ran, with these
//   {"event":"refused", "code"}                       it did not, and will not

const { createInterface } = require('node:readline')
const { AsyncAuthorizerBase, getAsyncAuthorizationCredentials } = require('@auth0/ai/AsyncAuthorization')
const { MemoryStore } = require('@auth0/ai/stores')

const { DOMAIN: domain, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, USER_ID: userID } = process.env
const say = (event, rest) => process.stdout.write(`${JSON.stringify({ event, ...rest })}\n`)

const authorizer = new AsyncAuthorizerBase(
  { domain, clientId, clientSecret, telemetry: false },
  {
    scopes: ['openid', 'calendar.read'],
    userID,
    bindingMessage: 'Shall I look?',
    store: new MemoryStore(),
    onUnauthorized: async (error) => say('refused', { code: error.code ?? error.error, why: error.message }),
  },
)

const context = () => ({ threadID: 'thread', toolCallID: 'call', toolName: 'look' })
const tool = authorizer.protect(context, async () => {
  say('ran', { credentials: getAsyncAuthorizationCredentials() })
})

async function main() {
  for await (const _ of createInterface({ input: process.stdin })) {
    try {
      await tool()
    } catch (error) {
      if (!error.code) throw error
      say('interrupted', { code: error.code, auth_req_id: error.request?.id })
    }
  }
}

main()
