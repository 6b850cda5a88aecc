import { isIP } from 'node:net'

export const MAX_TEXT = 4096

/** A text as the table's patterns want it, and what its prefixes said. */
export interface NormalText {
  readonly text: string
  /** Of the prefix `<ip>: `. */
  readonly address: string | null
  /** Of `While processing CAA for <name>: `. */
  readonly name: string | null
  /** It stood under `During secondary validation: `. */
  readonly secondary: boolean
}

/** Bounded; quotes of every kind become `"`, escapes and runs of white space go, known prefixes are taken off. */
export function normalise(detail: string): NormalText {
  let text = detail
    .slice(0, MAX_TEXT)
    .replace(/\\{1,4}[nrt](?=[^a-z]|$)/gi, ' ')
    .replace(/\\/g, '')
    .replace(/[\u2018\u2019\u201a\u201b\u2032]/g, "'")
    .replace(/\B'|'\B|[\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb`\uff02]/g, '"')
    .replace(/["]{2,}/g, '"')
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
  let address: string | null = null
  let name: string | null = null
  let secondary = false
  for (let i = 0; i < 8; i += 1) {
    const match = PREFIX.exec(text)
    if (!match) break
    const { ip, caaFor, secondly } = match.groups!
    if (ip !== undefined) {
      if (isIP(ip) === 0) break
      address ??= ip
    }
    if (caaFor !== undefined) name ??= caaFor
    if (secondly !== undefined) secondary = true
    text = text.slice(match[0].length)
  }
  return { text, address, name, secondary }
}

const PREFIX = new RegExp(
  [
    '^(?:\\[?(?<ip>[0-9a-f:.]{2,45})\\]?: ',
    '(?<secondly>(?:during|in|from) (?:a )?(?:secondary|remote|multi-perspective) (?:validation|perspectives?)s?:? )',
    'while processing CAA for "?(?<caaFor>[\\w.*-]{1,255})"?: ',
    'acme: error:? \\d{1,3} (?:::|-) (?:\\w{1,8} :: [^ ]{1,500} :: )?',
    '(?:acme: )?(?:http )?(?:\\d{1,3} )?urn:(?:ietf:params:)?acme:error:\\w{1,64}(?: ::|:| -|,)? ',
    '[^:"]{2,160} :: )',
  ].join('|'),
  'i',
)
