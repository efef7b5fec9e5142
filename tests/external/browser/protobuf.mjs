// As much of the protobuf wire format as Google's messaging service needs: numbers, fixed numbers, bytes.

export function varint(number) {
  const bytes = []
  let rest = BigInt(number)
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest ? low | 0x80 : low)
  } while (rest)
  return Buffer.from(bytes)
}

const tag = (field, kind) => varint((field << 3) | kind)

/** Fields in order: `[number, value]`; a number or bigint is a varint, a string or Buffer is bytes. */
export function message(...fields) {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number' || typeof value === 'bigint') return [tag(field, 0), varint(value)]
      const bytes = Buffer.from(value)
      return [tag(field, 2), varint(bytes.length), bytes]
    }),
  )
}

export function fixed64(field, value) {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return Buffer.concat([tag(field, 1), bytes])
}

/** `{value, next}`, or nothing where the bytes end too early. */
export function readVarint(bytes, from) {
  let value = 0n
  for (let at = from, shift = 0n; at < bytes.length; at++, shift += 7n) {
    value |= BigInt(bytes[at] & 0x7f) << shift
    if (bytes[at] < 0x80) return { value: Number(value), next: at + 1 }
  }
  return undefined
}

/** Every value of one length-delimited field, in order. */
export function bytesOf(encoded, wanted) {
  const found = []
  let at = 0
  while (at < encoded.length) {
    const { value: key, next } = readVarint(encoded, at)
    at = next
    const kind = key & 7
    if (kind === 0) at = readVarint(encoded, at).next
    else if (kind === 1) at += 8
    else if (kind === 5) at += 4
    else {
      const { value: length, next: start } = readVarint(encoded, at)
      at = start + length
      if (key >> 3 === wanted) found.push(encoded.subarray(start, at))
    }
  }
  return found
}
