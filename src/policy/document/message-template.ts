import { closest } from '../../config/keys.ts'
import type { MessageValues } from '../policy.ts'
import { printableLine } from './printable-line.ts'

/** What a message may name, and what stands there. `-` stands where there is nothing to say. */
export const PLACEHOLDERS = {
  name: 'the name that is judged',
  names: 'every name the request asks for',
  rule: 'name of the rule',
  client: 'who asks: label, account or address',
  account: 'account URL',
  ca: 'name of the CA',
  mode: 'how the request came in: relay, intercept …',
  operation: 'newOrder, finalize …',
  owner: "the rule's owner",
  link: "the rule's link",
  expires: 'when the rule ends',
  count: 'how many names the request asks for',
  reason: 'what an authorizing webhook gave as its reason',
  record: 'number of the record',
} as const satisfies Readonly<Record<string, string>>

export type Placeholder = keyof typeof PLACEHOLDERS

/** Of a message, filled in or not. */
export const LONGEST_MESSAGE = 500
const LONGEST_VALUE = 300

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g

/** What is wrong with a message, and what to write instead; null for a good one. */
export function messageFault(text: string): string | null {
  for (const [part, name] of text.matchAll(PART)) {
    if (part === '{{' || part === '}}') continue
    if (name === undefined) return `has a single ${part}: write ${part}${part} for the character itself`
    if (Object.hasOwn(PLACEHOLDERS, name)) continue
    const known = Object.keys(PLACEHOLDERS)
    const near = closest(name.slice(0, 64).toLowerCase(), known)
    const instead = near === undefined ? `known are {${known.join('} {')}}` : `probably {${near}} is meant`
    return `has the unknown placeholder {${printableLine(name, 40)}}: ${instead}`
  }
  return null
}

/** The placeholders in it, each once. */
export function placeholdersOf(text: string): readonly Placeholder[] {
  const found = [...text.matchAll(PART)].flatMap(([, name]) =>
    name !== undefined && Object.hasOwn(PLACEHOLDERS, name) ? [name as Placeholder] : [],
  )
  return [...new Set(found)]
}

/**
 * Fills placeholders in: one printable line of at most 500 characters, whatever the values hold. `{{` and `}}` are the
 * characters themselves. Throws a TypeError for a text that {@link messageFault} refuses.
 */
export function messageTemplate(text: string): (values: MessageValues) => string {
  const fault = messageFault(text)
  if (fault !== null) throw new TypeError(`the message ${fault}`)
  return (values) =>
    printableLine(
      text.replace(PART, (part: string, name: string | undefined) => {
        if (name === undefined) return part.slice(0, 1)
        const value = Object.hasOwn(values, name) ? values[name] : undefined
        return value === undefined || value === '' ? '-' : printableLine(value, LONGEST_VALUE)
      }),
      LONGEST_MESSAGE,
    )
}
