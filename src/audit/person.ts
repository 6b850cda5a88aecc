import { isIP } from 'node:net'
import { plainContact } from './privacy.ts'
import { contactsIn } from './redaction.ts'

/** What a person is looked for by; crosses to the thread that reads. */
export interface Person {
  /** Forms of the value that stand for it as a whole, hashed ones among them. */
  readonly forms: readonly string[]
  /** A proxy user's name may be any word, and is in no body; it would be found in other people's. */
  readonly mayBeInBody: boolean
}

/** An address, a contact (with or without its scheme) or a proxy user, as somebody asks for it. */
export function personOf(value: string, pseudonym: ((text: string) => string) | null): Person {
  const raw = value.trim()
  const plain = plainContact(raw)
  const address = addressOf(raw)
  const forms = [raw, plain, ...(address === null ? [] : [address])]
  const hashes = pseudonym === null ? [] : forms.map(pseudonym)
  return {
    forms: [...new Set([...forms, ...hashes])],
    mayBeInBody: address !== null || plain.includes('@') || plain.startsWith('+'),
  }
}

export type PersonTest = (kind: string, value: Buffer) => boolean

/**
 * Tells whether a kept personal value is a person's, or a body or a search that names them. Names inside bodies and
 * searches count where they stand by themselves: `10.0.0.1` is not in `10.0.0.12`.
 */
export function testFor({ forms, mayBeInBody }: Person): PersonTest {
  const wanted = new Set(forms)
  const inText = standingAlone(forms)
  return (kind, bytes) => {
    const text = bytes.toString()
    switch (kind) {
      case 'address':
      case 'proxyUser':
        return wanted.has(text)
      case 'contact':
        return wanted.has(plainContact(text))
      case 'query':
        return names(text, wanted, inText)
      case 'body':
        return mayBeInBody && names(text, wanted, inText)
      default:
        return false
    }
  }
}

/** Puts `[forgotten]` where the text names the person by itself. */
export function withoutPerson({ forms }: Person): (text: string) => string {
  const named = new RegExp(standingAlone(forms).source, 'g')
  return (text) => text.replace(named, '[forgotten]')
}

function names(text: string, wanted: ReadonlySet<string>, inText: RegExp): boolean {
  if (inText.test(text)) return true
  const json = parsed(text)
  if (json === undefined) return false
  if (contactsIn(json).some((contact) => wanted.has(plainContact(contact)))) return true
  return stringsOf(json).some((one) => inText.test(one))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function stringsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(stringsOf)
}

/** Domains in any case; before and behind stands nothing that could belong to a longer name. */
function standingAlone(forms: readonly string[]): RegExp {
  const patterns = forms.map((form) => {
    const at = form.lastIndexOf('@')
    const pattern =
      at < 0 ? escaped(form) : `${escaped(form.slice(0, at))}(?:@|%40)(?i:${escaped(form.slice(at + 1))})`
    return isIP(form) === 6 ? `(?<!:)${pattern}(?!:[0-9a-f:])` : pattern
  })
  return new RegExp(`(?<![\\w.%+-])(?:${patterns.join('|')})(?![\\w-]|\\.\\w)`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** An address as connections tell it; null for a text that is none. */
function addressOf(text: string): string | null {
  switch (isIP(text)) {
    case 4:
      return text
    case 6:
      return new URL(`http://[${text}]`).hostname.slice(1, -1)
    default:
      return null
  }
}
