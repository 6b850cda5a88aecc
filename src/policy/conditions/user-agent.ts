import { remembering } from '../remembering.ts'

/** One product of a User-Agent (RFC 9110 §10.1.5). */
export interface Product {
  /** In lower case. */
  readonly name: string
  /** Part by part; null where there is none that begins with a number. */
  readonly version: readonly number[] | null
}

/** Certbot calls itself by another name than people do. */
const KNOWN_AS: ReadonlyMap<string, string> = new Map([['certbotacmeclient', 'certbot']])
const LONGEST = 1000
const MOST_PARTS = 8

/** Comments, in parentheses, are no products. */
export function productsOf(userAgent: string | null): readonly Product[] {
  return userAgent === null ? [] : productsIn(userAgent)
}

const productsIn = remembering((userAgent): readonly Product[] =>
  withoutComments(userAgent.slice(0, LONGEST))
    .split(/\s+/)
    .filter((token) => token !== '')
    .map((token) => {
      const [written = '', version] = token.split('/', 2)
      const name = written.toLowerCase()
      return { name: KNOWN_AS.get(name) ?? name, version: versionOf(version) }
    }),
)

/** Comments may be nested; one that is not closed goes on to the end. */
function withoutComments(text: string): string {
  let depth = 0
  let result = ''
  for (const character of text) {
    if (character === '(') depth++
    else if (character === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) result += character
  }
  return result
}

/** `2.1.0`, `v2.1`, `2.1.0.dev0`: the numbers it begins with. */
function versionOf(text: string | undefined): readonly number[] | null {
  const numbers = /^v?(\d{1,9}(?:\.\d{1,9})*)/i.exec(text ?? '')?.[1]
  return numbers === undefined ? null : numbers.split('.', MOST_PARTS).map(Number)
}
