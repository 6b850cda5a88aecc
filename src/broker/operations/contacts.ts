import { member } from '../../acme/members.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import { quoted } from '../../policy/names/label.ts'

const MOST_CONTACTS = 10
const LONGEST_CONTACT = 320
/** RFC 6068 without hfields and with one address (RFC 8555 §7.3), in the characters of RFC 5321 that real addresses have. */
const MAILTO = /^mailto:[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/i

/** Contacts that a payload gives; null where it gives none. Throws AcmeProblem. */
export function contactsAsked(payload: unknown): readonly string[] | null {
  const contact = member(payload, 'contact')
  if (contact === undefined || contact === null) return null
  if (!Array.isArray(contact) || !contact.every((url) => typeof url === 'string'))
    throw new AcmeProblem('malformed', 'contact must be a list of URLs (RFC 8555 §7.1.2)')
  if (contact.length > MOST_CONTACTS)
    throw new AcmeProblem(
      'malformed',
      `too many contacts provided: ${contact.length}; ${MOST_CONTACTS} are allowed`,
    )
  for (const url of contact) check(url)
  return contact
}

function check(url: string): void {
  if (url === '') throw new AcmeProblem('invalidContact', 'empty contact')
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined)
    throw new AcmeProblem(
      'invalidContact',
      `the contact ${quoted(url)} is no URL: write mailto: and an address`,
    )
  if (scheme !== 'mailto')
    throw new AcmeProblem(
      'unsupportedContact',
      `contact method ${quoted(scheme)} is not supported: only mailto: is`,
    )
  if (/[^\x20-\x7e]/.test(url))
    throw new AcmeProblem('invalidContact', `the contact ${quoted(url)} has characters beyond ASCII`)
  if (url.includes('?') || url.includes('#'))
    throw new AcmeProblem(
      'invalidContact',
      `the contact ${quoted(url)} has more than an address (RFC 8555 §7.3)`,
    )
  if (url.length > LONGEST_CONTACT || !MAILTO.test(url))
    throw new AcmeProblem('invalidContact', `the contact ${quoted(url)} is not one e-mail address`)
}
