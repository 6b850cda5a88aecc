import { expect, test } from 'vitest'
import { remedyText } from '../../src/cli/render-diagnosis.ts'

const PROBE = 'Mend it. acmetap doctor domain NAME shows more.'
const SHOW = 'acmetap exchanges show ID has it; exchanges show IDENTITY is no such command.'
const nothing = { names: [], ca: null, exchange: null }

test.each([
  [{ names: ['*.example.org', 'b.example'] }, 'example.org shows'],
  [{ names: ['www.example.org'], ca: 'pebble' }, 'www.example.org --ca pebble shows'],
  [{ names: ['192.0.2.1'], ca: 'pebble' }, 'NAME --ca pebble shows'],
  [{ names: ['a.example;reboot'], ca: 'x;reboot' }, 'NAME shows'],
  [{ names: ['-rf.example'], ca: '--json' }, 'NAME shows'],
  [{ names: ["$'a"], ca: '$&' }, 'NAME shows'],
])('doctor domain names what it is about: %j', (subject, says) => {
  const text = remedyText({ remedy: PROBE }, { ...nothing, ...subject })
  expect(text).toBe(`Mend it. acmetap doctor domain ${says} more.`)
})

test('exchanges show names the exchange', () => {
  const exchange = '019ab003-0000-7000-8000-000000000000'
  expect(remedyText({ remedy: SHOW }, { ...nothing, exchange })).toBe(
    SHOW.replace('show ID has', `show ${exchange} has`),
  )
  expect(remedyText({ remedy: SHOW }, nothing)).toBe(SHOW)
})

test('policy explain names the exchange', () => {
  const exchange = '019ab003-0000-7000-8000-000000000000'
  const remedy = 'acmetap policy explain ID shows every rule.'
  expect(remedyText({ remedy }, { ...nothing, exchange })).toBe(
    `acmetap policy explain ${exchange} shows every rule.`,
  )
})
