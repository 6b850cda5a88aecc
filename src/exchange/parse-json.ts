/** The JSON value of a CA's answer, or undefined: an answer is the CA's to get wrong. */
export function parseJson(bytes: Buffer | null): unknown {
  if (!bytes || bytes.length === 0) return undefined
  const first = bytes[0]
  if (first !== 0x7b && first !== 0x5b && !/^\s*[[{]/.test(bytes.toString('latin1', 0, 64))) return undefined
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
