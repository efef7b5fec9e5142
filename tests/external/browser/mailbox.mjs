// Where senders post: the half of a push service that is the same for every browser.
//
// Writes one JSON object a line:
//   {"event":"posted", "token", "status", "reason", "headers", "body"}   what our server sent (body: base64url)
// Reads commands (see lines.mjs):
//   {"do":"gone", "token"}                          from now on 410 for this subscription (all, without token)
//   {"do":"answer", "status", "headers", "times"}   the next messages get this answer instead (once, without times)

import { say } from './lines.mjs'
import { judge, MOST_BYTES } from './push_rules.mjs'

/** The whole body of a request. */
export async function read(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

export class Mailbox {
  /** token → what the browser registered; `key` is the VAPID key it subscribed with. */
  subscriptions = new Map()
  #waiting = []
  #scripted = []
  #serial = 0

  /** `arrived` is called after each message that was accepted. */
  constructor(arrived) {
    this.arrived = arrived
  }

  commands = {
    gone: ({ token }) => {
      if (token) this.subscriptions.delete(token)
      else this.subscriptions.clear()
    },
    answer: ({ status, headers = {}, times = 1 }) => {
      this.#scripted = Array.from({ length: times }, () => ({ status, headers }))
    },
  }

  /** Everything nobody has taken yet and `wanted` says yes to; it is gone from here then. */
  take(wanted = () => true) {
    const known = this.#waiting.filter(({ token }) => this.subscriptions.has(token))
    const taken = known.filter(wanted)
    this.#waiting = known.filter((one) => !taken.includes(one))
    return taken
  }

  #keep(message) {
    const { topic } = message.headers
    const replaced = (one) => topic && one.headers.topic === topic && one.token === message.token
    this.#waiting = [...this.#waiting.filter((one) => !replaced(one)), message]
  }

  /** The request listener: `path` captures the token, `scheme` is the endpoint's. */
  front({ path, scheme }) {
    return async (request, response) => {
      const body = await read(request)
      const { headers, method, url } = request
      const token = path.exec(url)?.[1]
      const origin = `${scheme}://${headers.host}`
      const subscription = method === 'POST' ? this.subscriptions.get(token) : undefined
      const told = this.#scripted.shift()
      const { status, reason } = told
        ? { status: told.status, reason: 'as the test said' }
        : judge(headers, body, subscription && { origin, key: subscription.key })

      const shown = body.subarray(0, MOST_BYTES + 1).toString('base64url')
      say({ event: 'posted', token, status, reason, headers, body: shown })
      if (told) return response.writeHead(status, told.headers).end()
      if (status !== 201) return response.writeHead(status).end()
      const id = `0:${++this.#serial}`
      this.#keep({ token, id, headers, body })
      response.writeHead(status, { location: `${origin}/message/${id}`, ttl: headers.ttl }).end()
      this.arrived()
    }
  }
}
