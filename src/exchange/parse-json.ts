/** An answer is read by more than one stage; its bytes never change. */
const parsed = new WeakMap<Buffer, { readonly value: unknown }>()

/** The JSON value of a CA's answer, or undefined: an answer is the CA's to get wrong. The value is shared: don't change it. */
export function parseJson(bytes: Buffer | null): unknown {
  if (!bytes || bytes.length === 0) return undefined
  const known = parsed.get(bytes)
  if (known) return known.value
  const value = parse(bytes)
  parsed.set(bytes, { value })
  return value
}

function parse(bytes: Buffer): unknown {
  const first = bytes[0]
  if (first !== 0x7b && first !== 0x5b && !/^\s*[[{]/.test(bytes.toString('latin1', 0, 64))) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
