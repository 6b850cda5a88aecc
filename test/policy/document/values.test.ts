import { expect, test } from 'vitest'
import { compareParts, parseComparison } from '../../../src/policy/document/comparison.ts'
import { entriesOf } from '../../../src/policy/document/list-file.ts'
import { messageFault, messageTemplate, PLACEHOLDERS } from '../../../src/policy/document/message-template.ts'
import { parseInstant } from '../../../src/policy/document/terms.ts'

test.for([
  ['>10', '>', [10], null],
  ['>= 10', '>=', [10], null],
  ['<2048', '<', [2048], null],
  ['<=2048', '<=', [2048], null],
  ['=3', '=', [3], null],
  ['3', '=', [3], null],
  [' 2 .. 5 ', '..', [2], [5]],
] as const)('a comparison of numbers: %s', ([text, is, value, to]) => {
  expect(parseComparison(text)).toEqual({ is, value, to, text: text.trim() })
})

test('comparisons of durations and versions', () => {
  expect(parseComparison('>90d', 'duration')).toMatchObject({ is: '>', value: [7_776_000_000] })
  expect(parseComparison('1h..1d', 'duration')).toMatchObject({ value: [3_600_000], to: [86_400_000] })
  expect(parseComparison('<2.10.3', 'version')).toMatchObject({ is: '<', value: [2, 10, 3] })
  expect(parseComparison('2.9..2.10', 'version')).toMatchObject({ value: [2, 9], to: [2, 10] })
  expect(compareParts([2, 9], [2, 10])).toBeLessThan(0)
  expect(compareParts([2, 1], [2, 1, 0])).toBe(0)
})

test.for([
  '',
  '>',
  '10>',
  '=>10',
  '>1.5',
  '>-1',
  '>9999999999',
  '5..2',
  '..5',
  '1...5',
  '>1 2',
  'ten',
  '> 10 ..20',
])('no comparison: %j', (text) => {
  expect(parseComparison(text)).toHaveProperty('fault')
})

test('a message is filled in, bounded and shows itself', () => {
  const fill = messageTemplate('ask {owner} for {name} {{really}} {link}')
  expect(fill({ owner: 'ops', name: 'a.example' })).toBe('ask ops for a.example {really} -')
  expect(fill({ owner: 'o\n\u001b[31mps\u202e', name: '' })).toBe(
    'ask o \\u{1b}[31mps\\u{202e} for - {really} -',
  )
  // A value is no template.
  expect(fill({ owner: '{name}', name: 'x' })).toContain('ask {name} for x')
  const long = messageTemplate('{names}{names}{names}')({ names: '😀'.repeat(400) })
  expect(long.length).toBeLessThanOrEqual(500)
  expect(long.isWellFormed()).toBe(true)
  expect(messageTemplate('{name}')({ name: '\ud800' })).toBe('\\u{d800}')
  expect(messageTemplate('{name}')(Object.create({ name: 'inherited' }))).toBe('-')
})

test('every placeholder is taken, others are refused with what is probably meant', () => {
  for (const name of Object.keys(PLACEHOLDERS)) {
    expect(messageTemplate(`<{${name}}>`)({ [name]: 'x' })).toBe('<x>')
  }
  expect(messageFault('{nmae}')).toContain('{name} is meant')
  expect(messageFault('{qqqqqqqqqq}')).toContain('known are {name} {names} {rule}')
  for (const name of ['constructor', '__proto__', 'toString', '', ' name', 'na{me'])
    expect(messageFault(`{${name}}`)).not.toBeNull()
  expect(() => messageTemplate('{x}')).toThrow(TypeError)
})

test('times: RFC 3339 or a day, and nothing that a calendar does not have', () => {
  expect(parseInstant('2027-01-31')).toBe(Date.UTC(2027, 0, 31))
  expect(parseInstant('2027-01-31T18:00:00+01:00')).toBe(Date.UTC(2027, 0, 31, 17))
  expect(parseInstant('2028-02-29')).toBe(Date.UTC(2028, 1, 29))
  for (const text of [
    '2027-02-29',
    '2027-13-01',
    '2027-1-1',
    '2027',
    '2027-01-31T18:00:00',
    '31.01.2027',
    '2027-01-31T25:00:00Z',
    '',
  ])
    expect(parseInstant(text)).toBeNull()
})

test('list files: comments, blank lines, any line end', async () => {
  const { values, lines } = await entriesOf('# head\r\na.example\r\n\r\n  b.example\t# note\nc#d\n #x\ne')
  expect(values).toEqual(['a.example', 'b.example', 'c#d', 'e'])
  expect(lines).toEqual([2, 4, 5, 7])
  expect((await entriesOf('')).values).toEqual([])
})
