// The way a test talks to an actor: one JSON object a line, both ways.

import { createInterface } from 'node:readline'

const COLOURS = /\u001b\[\d+m/g

/** Writes one line. */
export const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

/** Each line of a stream, parsed. */
export async function* messages(stream) {
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    if (line.trim()) yield JSON.parse(line)
  }
}

/**
 * Carries out commands in the order they come, `{"do": name, …}`, and answers each with one line:
 * `{"done": name, …what the command returns}` or `{"failed": name, "error"}`. Returns at the end of input.
 */
export async function obey(commands) {
  for await (const { do: name, ...rest } of messages(process.stdin)) {
    try {
      if (!Object.hasOwn(commands, name)) throw new Error(`no such command; there are ${Object.keys(commands).join(' ')}`)
      say({ done: name, ...(await commands[name](rest)) })
    } catch (error) {
      say({ failed: name, error: error.message.replace(COLOURS, '') })
    }
  }
}
