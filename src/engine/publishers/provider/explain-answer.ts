import { oneLine } from '../../one-line.ts'

/** What an API said of an error, in one line; empty where it said nothing for people. */
export function explainAnswer(text: string): string {
  const parsed = parseJson(text)
  if (parsed === undefined) return text.trimStart().startsWith('<') ? '' : oneLine(text, 200)
  return oneLine(sentences(parsed, 0).join('; '), 300)
}

/** Undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const CODES = ['code', 'errorCode', 'id', 'error'] as const
const TEXTS = ['message', 'error_description', 'detail'] as const
/** Of Cloudflare, of Google, Azure and Hetzner, and the causes within them. */
const NESTED = ['errors', 'error', 'error_chain', 'details'] as const
const DEEPEST = 4

function sentences(value: unknown, depth: number): string[] {
  if (depth > DEEPEST || typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.slice(0, 5).flatMap((one) => sentences(one, depth + 1))
  const members = value as Readonly<Record<string, unknown>>
  const text = TEXTS.map((name) => members[name]).find((one) => typeof one === 'string')
  const code = CODES.map((name) => members[name]).find((one) => ['string', 'number'].includes(typeof one))
  const own = text === undefined ? code : code === undefined || code === text ? text : `${text} (${code})`
  const nested = NESTED.flatMap((name) => sentences(members[name], depth + 1))
  const told = [...(own === undefined ? [] : [String(own)]), ...nested]
  return told.length > 0 ? [...new Set(told)] : ofFields(members)
}

/** deSEC complains field by field: `{"ttl": ["Ensure this value …"]}`. */
function ofFields(members: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(members).flatMap(([name, said]) =>
    Array.isArray(said) && typeof said[0] === 'string' ? [`${name}: ${said.slice(0, 3).join(' ')}`] : [],
  )
}
