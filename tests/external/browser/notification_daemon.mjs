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

  press(id, key) {
    this.process.stdin.write(`${JSON.stringify({ press: id, key })}\n`)
  }

  dismiss(id) {
    this.process.stdin.write(`${JSON.stringify({ dismiss: id })}\n`)
  }
}
