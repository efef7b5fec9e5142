// notification_daemon.py from node: what it shows, and a press of it.

import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { messages } from './lines.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const PYTHON = process.env.PYTHON ?? here('../../../target/py/bin/python')

/** Emits `shown` and `closed` with what the daemon says. */
export class NotificationDaemon extends EventEmitter {
  /** Every notification that came, oldest first; `closed` is true for what the browser took back. */
  shown = []

  static async start() {
    const daemon = new NotificationDaemon()
    daemon.process = spawn(PYTHON, [here('notification_daemon.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
    daemon.listen()
    const [{ address }] = await once(daemon, 'ready')
    daemon.address = address
    return daemon
  }

  async listen() {
    for await (const { event, ...rest } of messages(this.process.stdout)) {
      if (event === 'shown') this.shown.push({ ...rest, closed: false })
      if (event === 'closed') for (const one of this.shown) if (one.id === rest.id) one.closed = true
      this.emit(event, rest)
    }
    this.emit('error', new Error('the notification daemon has ended'))
  }

  #tell(command) {
    this.process.stdin.write(`${JSON.stringify(command)}\n`)
  }

  /** The newest notification still standing that says this, now or as soon as it comes. */
  #standing({ id, title, body }, patience) {
    const holds = (whole, part) => part === undefined || whole.includes(part)
    const find = () =>
      this.shown.findLast(
        (one) => !one.closed && (id === undefined || one.id === id) && holds(one.title, title) && holds(one.body, body),
      )
    return new Promise((resolve, reject) => {
      const settle = (what, how) => {
        clearTimeout(late)
        this.off('shown', look)
        how(what)
      }
      const look = () => {
        const found = find()
        if (found) settle(found, resolve)
      }
      const none = () => new Error(`no such notification; there were ${JSON.stringify(this.shown)}`)
      const late = setTimeout(() => settle(none(), reject), patience)
      this.on('shown', look)
      look()
    })
  }

  /**
   * Commands for lines.mjs. Each names a notification by `id`, or by a part of its `title` or `body`, and
   * waits `timeout` for it: `waitForNotification`, `clickNotification` (the notification itself, or the
   * button labelled `action`), `dismissNotification`.
   */
  commands(patience) {
    const named = ({ timeout = patience, ...which }) => this.#standing(which, timeout)
    return {
      waitForNotification: async (which) => ({ notification: await named(which) }),
      clickNotification: async ({ action, ...which }) => {
        const found = await named(which)
        const key = action ? found.actions.find(({ label }) => label === action)?.key : 'default'
        if (!key) throw new Error(`no button ${action} among ${JSON.stringify(found.actions)}`)
        found.closed = true
        this.#tell({ press: found.id, key })
        return { notification: found }
      },
      dismissNotification: async (which) => {
        const found = await named(which)
        found.closed = true
        this.#tell({ dismiss: found.id })
        return { notification: found }
      },
    }
  }
}
