import { createHmac } from 'node:crypto'

/** `hash`: told apart, and not told who. */
export type Handling = 'keep' | 'hash' | 'drop'

/** What becomes of each personal field where a fact or a log line is made. */
export interface Privacy {
  readonly address: Handling
  readonly contact: Handling
  readonly proxyUser: Handling
  readonly userAgent: Handling
  /** What stands for a text that is hashed: see {@link pseudonymWith}. Asked only where a field is `hash`. */
  pseudonym(text: string): string
}

export type PersonalField = Exclude<keyof Privacy, 'pseudonym'>

export const KEEP_ALL: Privacy = {
  address: 'keep',
  contact: 'keep',
  proxyUser: 'keep',
  userAgent: 'keep',
  pseudonym: (text) => text,
}

/** What the record and the log may say of `text`; null for nothing. */
export function shown(privacy: Privacy, field: PersonalField, text: string): string | null {
  switch (privacy[field]) {
    case 'keep':
      return text
    case 'hash':
      return privacy.pseudonym(field === 'contact' ? plainContact(text) : text)
    case 'drop':
      return null
  }
}

/** `~` and 16 hex digits of HMAC-SHA256 under `key`: equal texts give equal ones, and without the key nobody can try texts. */
export function pseudonymWith(key: Buffer): (text: string) => string {
  return (text) => `~${createHmac('sha256', key).update(text).digest('hex').slice(0, 16)}`
}

/**
 * A contact as it is compared: without `mailto:` or `tel:`, header fields of a mailto URL and percent coding; the domain
 * in lower case, the local part as it is (RFC 5321 §2.4).
 */
export function plainContact(contact: string): string {
  const bare = decoded(
    contact
      .trim()
      .replace(/^(?:mailto|tel):/i, '')
      .replace(/\?.*$/s, ''),
  )
  const at = bare.lastIndexOf('@')
  return at < 0 ? bare : bare.slice(0, at) + bare.slice(at).toLowerCase()
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
