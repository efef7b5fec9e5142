// Google's messaging service, as far as Chromium's push needs it, on this machine only.
//
// A Chromium started with the flags below subscribes here, with its own code and keys; a sender that
// resolves the push host to `push` and trusts `ca` delivers to it as it would to Google.
//
// Its one argument is an empty folder, for the certificates.
//
// Writes one JSON object a line:
//   {"event":"ready", "push":"127.0.0.1:PORT", "hosts":[names the certificate is for],
//    "ca":"path of the authority's PEM", "flags":[for Chromium]}
//   {"event":"subscribed", "token", "origin", "key"}           a page subscribed with this VAPID key
//   {"event":"unsubscribed", "token"}
//   {"event":"delivered", "token"}                             handed to the browser
// and what mailbox.mjs writes; reads the commands described there.

import http from 'node:http'
import https from 'node:https'
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import { certify } from './certificates.mjs'
import { obey, say } from './lines.mjs'
import { Mailbox, read } from './mailbox.mjs'
import { bytesOf, fixed64, message, readVarint, varint } from './protobuf.mjs'

// Which of the two a subscription names depends on how the browser was built.
const HOSTS = ['jmt17.google.com', 'fcm.googleapis.com']
const DEVICE = 4242424242424242n
const VERSION = 41
const Tag = { ping: 0, pingAnswer: 1, login: 2, loginAnswer: 3, data: 8 }

const certificate = certify(process.argv[2], [...HOSTS, 'localhost', '127.0.0.1'])

const mailbox = new Mailbox(deliver)
const { subscriptions } = mailbox // token → {app, subtype, key}
const connections = new Set() // browsers that have logged in

const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))

// ---- check-in and registration -------------------------------------------------------------------

function register(form) {
  const subtype = form.get('X-subtype') ?? ''
  const known = [...subscriptions].find(([, one]) => one.subtype === subtype)?.[0]
  if (form.get('delete') === 'true') {
    if (known && subscriptions.delete(known)) say({ event: 'unsubscribed', token: known })
    return `token=${known ?? subtype}`
  }
  const token = randomBytes(48).toString('base64url')
  const page = /^wp:(.+)#/.exec(subtype)?.[1]
  if (page) {
    const { origin } = new URL(page)
    const key = form.get('sender')
    subscriptions.set(token, { app: form.get('app'), subtype, key })
    say({ event: 'subscribed', token, origin, key })
  }
  return `token=${token}`
}

const devices = http.createServer(async (request, response) => {
  const body = await read(request)
  if (request.url.startsWith('/checkin')) {
    response.setHeader('content-type', 'application/x-protobuf')
    const known = [message([1, 1], [3, Date.now()]), fixed64(7, DEVICE), fixed64(8, DEVICE), message([11, 'v1'])]
    response.end(Buffer.concat(known))
  } else {
    response.end(register(new URLSearchParams(body.toString())))
  }
})

// ---- the stream to the browser -------------------------------------------------------------------

const frame = (tag, body) => Buffer.concat([Buffer.from([tag]), varint(body.length), body])

function deliver() {
  const browser = [...connections].at(-1)
  if (!browser) return
  for (const { token, id, headers, body } of mailbox.take()) {
    const { app, subtype, key } = subscriptions.get(token)
    const fields = [
      [3, key],
      [5, app],
      [7, message([1, 'subtype'], [2, subtype])],
      [7, message([1, 'content-encoding'], [2, headers['content-encoding']])],
      [9, id],
      [17, Number(headers.ttl)],
      [18, Date.now()],
      [21, body],
    ]
    browser.write(frame(Tag.data, message(...fields)))
    say({ event: 'delivered', token })
  }
}

function hear(socket, tag, body) {
  if (tag === Tag.ping) socket.write(frame(Tag.pingAnswer, message()))
  if (tag === Tag.login) {
    const [id] = bytesOf(body, 1)
    socket.write(Buffer.concat([Buffer.from([VERSION]), frame(Tag.loginAnswer, message([1, id], [8, Date.now()]))]))
    connections.add(socket)
    deliver()
  }
}

const stream = tls.createServer({ key: certificate.key, cert: certificate.cert }, (socket) => {
  let heard = Buffer.alloc(0)
  let greeted = false
  socket.on('data', (chunk) => {
    heard = Buffer.concat([heard, chunk])
    if (!greeted) {
      greeted = true
      heard = heard.subarray(1) // the version
    }
    for (;;) {
      const length = readVarint(heard, 1)
      if (!length || heard.length < length.next + length.value) return
      const body = heard.subarray(length.next, length.next + length.value)
      hear(socket, heard[0], body)
      heard = heard.subarray(length.next + length.value)
    }
  })
  const forget = () => connections.delete(socket)
  socket.on('close', forget).on('error', forget)
})

// ---- the front that senders post to --------------------------------------------------------------

const front = https.createServer(
  { key: certificate.key, cert: certificate.cert },
  mailbox.front({ path: /^\/(?:fcm\/send|wp)\/([\w-]+)$/, scheme: 'https' }),
)

// ---- start ---------------------------------------------------------------------------------------

const [near, far, push] = await Promise.all([devices, stream, front].map(listen))
say({
  event: 'ready',
  push: `127.0.0.1:${push}`,
  hosts: HOSTS,
  ca: certificate.ca,
  flags: [
    `--gcm-checkin-url=http://localhost:${near}/checkin`,
    `--gcm-registration-url=http://localhost:${near}/register`,
    `--gcm-mcs-endpoint=https://localhost:${far}`,
    `--ignore-certificate-errors-spki-list=${certificate.pin}`,
  ],
})

await obey(mailbox.commands)
process.exit(0)
