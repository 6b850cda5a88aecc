import { members } from './ambiguous-requests.ts'

export const GOOD = members(['type', '"dns"'], ['value', '"good.example.com"'])
export const EVIL = members(['type', '"dns"'], ['value', '"evil.example.com"'])

export type Pair = readonly [string, string]

/** Spellings of one name: itself, by escapes, in other cases, with the two letters that Go folds to s and k. */
export function spellings(name: string): string[] {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  const first = name.charAt(0)
  const spelled = [
    name,
    escaped(first) + name.slice(1),
    [...name].map(escaped).join(''),
    first.toUpperCase() + name.slice(1),
    escaped(first.toUpperCase()) + name.slice(1),
    name.toUpperCase(),
    name.slice(0, -1) + name.slice(-1).toUpperCase(),
    `${name} `,
    ` ${name}`,
    `${name}\\u0000`,
    `${name}\\u200b`,
  ]
  for (const [letter, lookalike] of [
    ['s', '\u017f'],
    ['S', '\u017f'],
    ['k', '\u212a'],
    ['K', '\u212a'],
  ] as const) {
    if (!name.includes(letter)) continue
    spelled.push(name.replace(letter, lookalike), name.replace(letter, escaped(lookalike)))
    spelled.push(name.replace(letter, escaped(lookalike).toUpperCase().replace('\\U', '\\u')))
  }
  return [...new Set(spelled)]
}

/** Ways to write base64url that lax decoders take. */
export const LAX: readonly (readonly [string, (text: string) => string])[] = [
  ['one pad', (text) => `${text}=`],
  ['two pads', (text) => `${text}==`],
  ['escaped line feed at the end', (text) => `${text}\\n`],
  ['escaped line feed at the start', (text) => `\\n${text}`],
  ['escaped line feed inside', (text) => `${text.slice(0, 9)}\\n${text.slice(9)}`],
  ['escaped CR LF inside', (text) => `${text.slice(0, 8)}\\r\\n${text.slice(8)}`],
  ['raw line feed inside', (text) => `${text.slice(0, 9)}\n${text.slice(9)}`],
  ['raw tab inside', (text) => `${text.slice(0, 5)}\t${text.slice(5)}`],
  ['space inside', (text) => `${text.slice(0, 5)} ${text.slice(5)}`],
  ['spaces around', (text) => ` ${text} `],
  ['no-break space', (text) => `${text}\u00a0`],
  ['form feed', (text) => `${text}\\f`],
  ['escaped letter', (text) => `\\u00${text.charCodeAt(0).toString(16)}${text.slice(1)}`],
  ['unused bits', (text) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)],
  ['other alphabet', (text) => text.replaceAll('-', '+').replaceAll('_', '/')],
  ['escaped other alphabet', (text) => text.replaceAll('-', '\\u002b').replaceAll('_', '\\/')],
  ['a dot', (text) => `${text}.`],
  ['NUL', (text) => `${text}\\u0000`],
  ['one letter more', (text) => `${text}A`],
]

/** Targets a lax server might take for the one given. */
export function lookalikes(target: string): string[] {
  const last = target.at(-1)!
  const encodedLast = `%${last.charCodeAt(0).toString(16)}`
  return [
    target,
    `${target}?`,
    `${target}?x=1`,
    `${target}#x`,
    `${target}/`,
    `/${target}`,
    `${target}//`,
    `/.${target}`,
    `/x/..${target}`,
    `${target}/.`,
    `${target}/x/..`,
    target.slice(0, -1) + encodedLast,
    target.slice(0, -1) + encodedLast.toUpperCase(),
    target.slice(0, -1) + encodedLast.replace('%', '%25'),
    target.toUpperCase(),
    target.charAt(0) + target.charAt(1).toUpperCase() + target.slice(2),
    target.replace(/^\//, '\\'),
    target.replace(/^\//, '/%2f'),
    target.replace(/^\//, '/%2e/'),
    target.replace(/^\//, '/..%2f'),
    `${target};x=1`,
    `${target}%20`,
    `${target}%00`,
    `${target}%3fx=1`,
    `${target}%23`,
    target.replaceAll('-', '%2d'),
    target.replace('s', '%c5%bf'),
    target.replace('k', '%e2%84%aa'),
  ]
}

/** As Go's URL.String writes a path. */
export const goEscape = (path: string) =>
  path.replace(
    /[^A-Za-z0-9\-_.~$&+,/:;=@]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
