import { expect, test } from 'vitest'
import { cutMiddle, escapeBlock, escapeText } from '../../src/cli/escape.ts'

test('every control, format and invisible character of Unicode is shown by its number, all in one line', () => {
  const visible = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\p{Cn}]*$/u
  let escaped = 0
  for (let code = 0; code <= 0x10ffff; code++) {
    const text = escapeText(String.fromCodePoint(code))
    if (!visible.test(text)) throw new Error(`U+${code.toString(16)} comes through`)
    if (text.startsWith('\\u{')) escaped += 1
  }
  expect(escaped).toBeGreaterThan(2000)
})

test.each([
  ['\u001b[31mred\u001b[0m', '\\u{1b}[31mred\\u{1b}[0m'],
  ['a\r\nb\tc\u0000', 'a\\u{d}\\u{a}b\\u{9}c\\u{0}'],
  ['moc.elpmaxe\u202e', 'moc.elpmaxe\\u{202e}'],
  ['a\u200bb\u2066c\u2028d\ufeff\u00ad', 'a\\u{200b}b\\u{2066}c\\u{2028}d\\u{feff}\\u{ad}'],
  ['\u009b31m \ud800', '\\u{9b}31m \\u{d800}'],
  ['bücher.example – 日本', 'bücher.example – 日本'],
])('%j', (text, shown) => {
  expect(escapeText(text)).toBe(shown)
})

test('a block keeps its lines and nothing else', () => {
  expect(escapeBlock('a\r\nb\n\u001b]0;x\u0007')).toBe('a\nb\n\\u{1b}]0;x\\u{7}')
})

test('the middle gives way', () => {
  expect(cutMiddle('https://ca.example/acme/acct/123456789', 20)).toBe('https://ca…123456789')
  expect([cutMiddle('abc', 3), cutMiddle('abcd', 3), cutMiddle('abcd', 1), cutMiddle('ab', 0)]).toEqual([
    'abc',
    'a…d',
    '…',
    '',
  ])
})
