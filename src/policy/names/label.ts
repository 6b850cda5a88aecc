import { domainToASCII, domainToUnicode } from 'node:url'

/** Octets of a label and of a name without its last dot (RFC 1035 §2.3.4). */
const LONGEST_LABEL = 63
export const LONGEST_NAME = 253

/**
 * What is wrong with one label in lower case; null where nothing is. What passes is a label that every reader takes for
 * the same host: letters, digits, hyphens (RFC 5890 §2.3.1), and A-labels that decode to what encodes to them again.
 *
 * IDNA is UTS #46 as Node has it, not IDNA 2008: public CAs issue for emoji names, which only the former has. Which of
 * the two is taken cannot hide a host, since names are compared as A-labels, octet by octet.
 */
export function labelFault(label: string): string | null {
  if (label === '') return 'has an empty label'
  if (PLAIN.test(label)) return null
  const odd = ODD.exec(label)
  if (odd) return `has ${characterText(odd[0])} in it, which no host name has`
  if (label.length > LONGEST_LABEL)
    return `has a label of ${label.length} characters; ${LONGEST_LABEL} are allowed`
  if (label.startsWith('-') || label.endsWith('-'))
    return `has the label ${label}, which begins or ends with a hyphen`
  if (label.slice(2, 4) !== '--') return null
  if (!label.startsWith('xn--')) {
    return `has the label ${label} with hyphens in places 3 and 4, which only xn-- may have`
  }
  return isALabel(label) ? null : `has the label ${label}, which is not the A-label of any name (IDNA)`
}

/** One that can't be at fault: short, and without hyphens. */
const PLAIN = /^[a-z0-9]{1,63}$/
const ODD = /[^a-z0-9-]/u

/** Node gives a label that can't be decoded back unchanged. */
function isALabel(label: string): boolean {
  const decoded = domainToUnicode(label)
  return decoded !== label && NOT_ASCII.test(decoded) && domainToASCII(decoded) === label
}

const NOT_ASCII = /[^\0-\x7f]/

/** Resolvers and URL parsers read a name with such a last label as an IPv4 address, or as none: `127.1`, `0x7f000001`. */
export function isNumeric(label: string): boolean {
  return /^(?:[0-9]+|0x[0-9a-f]*)$/.test(label)
}

/** The same name as CAs take it, where a name has characters beyond ASCII and there is one. */
export function asciiText(name: string): string | null {
  if (!NOT_ASCII.test(name)) return null
  const wildcard = /^\*+\./.exec(name)?.[0] ?? ''
  const ascii = domainToASCII(name.slice(wildcard.length)).replace(/\.$/, '')
  return ascii !== '' && ascii.split('.').every((label) => labelFault(label) === null)
    ? `${wildcard}${ascii}`
    : null
}

/** One character for a message on one line. */
function characterText(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return code > 0x20 && code < 0x7f ? `"${character}"` : number
}

/** ASCII alone: what Unicode folds to an ASCII letter (the Kelvin sign) is not that letter. */
export function lowerCased(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text
}

/** For messages: on one line, printable, and not too long. */
export function quoted(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text
  return JSON.stringify(short).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
