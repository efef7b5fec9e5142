// Mozilla's push service, as far as Firefox needs it, on this machine only.
//
// A Firefox started with the preferences below subscribes here, with its own code and keys. Its endpoints
// are plain http on loopback: a sender that may reach those needs nothing else.
//
// Writes one JSON object a line:
//   {"event":"ready", "origin":"http://localhost:PORT", "prefs":{for Firefox}}
//   {"event":"subscribed", "token", "key"}      a page subscribed with this VAPID key
//   {"event":"unsubscribed", "token"}
//   {"event":"delivered", "token"}              handed to the browser
//   {"event":"acknowledged", "token", "code"}   100 shown to the page, 101 could not be decrypted, 102 not delivered
// and what mailbox.mjs writes; reads the commands described there.

import { randomBytes } from 'node:crypto'
import http from 'node:http'
import { WebSocketServer } from 'ws'
import { obey, say } from './lines.mjs'
import { Mailbox } from './mailbox.mjs'

const mailbox = new Mailbox(deliver)
const { subscriptions } = mailbox // token → {uaid, channel, key}
const browsers = new Map() // uaid → its socket

const send = (socket, message) => socket.send(JSON.stringify(message))
const tokenOf = (channel) => [...subscriptions].find(([, one]) => one.channel === channel)?.[0]

function deliver() {
  const connected = ({ token }) => browsers.has(subscriptions.get(token).uaid)
  for (const { token, id, headers, body } of mailbox.take(connected)) {
    const { uaid, channel } = subscriptions.get(token)
    send(browsers.get(uaid), {
      messageType: 'notification',
      channelID: channel,
      version: id,
      data: body.toString('base64url'),
      headers: { encoding: headers['content-encoding'] },
    })
    say({ event: 'delivered', token })
  }
}

const answers = {
  hello(socket, { uaid }) {
    socket.uaid = uaid || randomBytes(16).toString('hex')
    browsers.set(socket.uaid, socket)
    send(socket, { messageType: 'hello', status: 200, uaid: socket.uaid, use_webpush: true, broadcasts: {} })
    deliver()
  },
  register(socket, { channelID: channel, key }) {
    const token = randomBytes(48).toString('base64url')
    const standard = Buffer.from(key, 'base64url').toString('base64url') // without padding
    subscriptions.set(token, { uaid: socket.uaid, channel, key: standard })
    say({ event: 'subscribed', token, key: standard })
    const pushEndpoint = `${origin}/wpush/v2/${token}`
    send(socket, { messageType: 'register', status: 200, channelID: channel, pushEndpoint })
  },
  unregister(socket, { channelID: channel }) {
    const token = tokenOf(channel)
    if (subscriptions.delete(token)) say({ event: 'unsubscribed', token })
    send(socket, { messageType: 'unregister', status: 200, channelID: channel })
  },
  ack(_, { updates }) {
    for (const { channelID, code } of updates) say({ event: 'acknowledged', token: tokenOf(channelID), code })
  },
}

const front = http.createServer(mailbox.front({ path: /^\/wpush\/v2\/([\w-]+)$/, scheme: 'http' }))
const sockets = new WebSocketServer({ server: front, handleProtocols: () => 'push-notification' })
sockets.on('connection', (socket) => {
  socket.on('message', (data) => {
    const message = JSON.parse(data)
    if (message.messageType === undefined) send(socket, {}) // a ping
    else answers[message.messageType]?.(socket, message)
  })
  socket.on('close', () => {
    if (browsers.get(socket.uaid) === socket) browsers.delete(socket.uaid)
  })
})

await new Promise((resolve) => front.listen(0, 'localhost', resolve))
const { port } = front.address()
const origin = `http://localhost:${port}`
say({
  event: 'ready',
  origin,
  prefs: {
    'dom.push.serverURL': `ws://localhost:${port}/`,
    'dom.push.testing.allowInsecureServerURL': true,
    'dom.push.connection.enabled': true, // under a driver it is off
    'dom.push.retryBaseInterval': 200,
  },
})

await obey(mailbox.commands)
process.exit(0)
