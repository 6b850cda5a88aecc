import { asObject, readStrictJson } from '../acme/json.ts'
import type { WebhookAnswer } from '../exchange/decision.ts'

/** UTF-16 code units: it may stand in what a client is told. */
const REASON_LIMIT = 300
/** Characters of JSON: it goes into the record of every decision that asked. */
const DATA_LIMIT = 4096
const MEMBERS: ReadonlySet<string> = new Set(['allow', 'reason', 'data'])

/** Reads `{ "allow": boolean, "reason"?: string, "data"?: object }`, and nothing else. Throws what is wrong with it. */
export function readWebhookAnswer(bytes: Buffer): WebhookAnswer {
  const { value, ambiguities } = readStrictJson(bytes, 'the answer')
  const answer = asObject(value)
  const [ambiguity] = ambiguities
  if (answer === null) throw new Error('the answer is no JSON object')
  if (ambiguity) throw new Error(`the answer can be read in more than one way: ${ambiguity.kind}`)
  const strange = Object.keys(answer).find((name) => !MEMBERS.has(name))
  if (strange !== undefined) throw new Error('the answer has other members than allow, reason and data')
  const { allow, reason = null, data = null } = answer
  if (typeof allow !== 'boolean') throw new Error('the answer\'s "allow" is neither true nor false')
  if (reason !== null && typeof reason !== 'string') throw new Error('the answer\'s "reason" is no text')
  if (data !== null && asObject(data) === null) throw new Error('the answer\'s "data" is no object')
  const plain: unknown = JSON.parse(JSON.stringify(data))
  if (JSON.stringify(plain).length > DATA_LIMIT)
    throw new Error(`the answer's "data" is over ${DATA_LIMIT} characters`)
  return { allow, reason: reason === null ? null : lineOf(reason), data: plain }
}

/** One line of what can be seen. */
function lineOf(text: string): string {
  const seen = text
    .slice(0, 4 * REASON_LIMIT)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Default_Ignorable_Code_Point}\s]+/gu, ' ')
    .trim()
  return seen.slice(0, REASON_LIMIT).toWellFormed()
}
