import { describe, expect, it } from 'vitest'
import { lintPersist } from '../../../src/engine/dns-persist/lint-persist.ts'
import {
  type PersistWanted,
  persistRecord,
  persistRecordName,
  persistRecordValue,
} from '../../../src/engine/dns-persist/persist-record.ts'

const ACCOUNT = 'https://ca.example/acct/4'
const NOW = 1_800_000_000
const DAY = 86_400
const WANTED: PersistWanted = {
  issuer: 'ca.example',
  accountUrl: ACCOUNT,
  wildcard: false,
  persistUntil: null,
}
const GOOD = `ca.example; accounturi=${ACCOUNT}`

function lint(texts: readonly string[], wildcard = false) {
  return lintPersist(texts, {
    issuers: ['CA.example', 'other.example'],
    accountUrl: ACCOUNT,
    wildcard,
    now: NOW,
  })
}

describe('the record of dns-persist-01', () => {
  it('is one line of a zone file', () => {
    expect(persistRecord('*.WWW.example.org', { ...WANTED, wildcard: true, persistUntil: NOW })).toBe(
      `_validation-persist.www.example.org. IN TXT "ca.example; accounturi=${ACCOUNT}; policy=wildcard; persistUntil=${NOW}"`,
    )
    expect(persistRecordName('example.org.')).toBe('_validation-persist.example.org')
  })

  it('is cut into strings that the DNS takes, without losing a character', () => {
    const long = { ...WANTED, accountUrl: `https://ca.example/${'a'.repeat(400)}` }
    const strings = [...persistRecord('example.org', long).matchAll(/"([^"]*)"/g)].map(([, text]) => text!)
    expect(strings.map(({ length }) => length <= 255)).toEqual([true, true])
    expect(strings.join('')).toBe(persistRecordValue(long))
  })

  it.each([true, false])('passes its own reading (wildcard %s)', (wildcard) => {
    const until = NOW + 400 * DAY
    const value = persistRecordValue({ ...WANTED, wildcard, persistUntil: until })
    expect(lint([value], wildcard)).toEqual({ ok: true, faults: [], warnings: [], persistUntil: until })
  })
})

describe('reading the record of dns-persist-01', () => {
  it.each([
    ['no blanks', `ca.example;accounturi=${ACCOUNT}`],
    ['other case of parameters', `ca.example; AccountURI=${ACCOUNT}`],
    ['blanks', ` ca.example ;  accounturi = ${ACCOUNT} `],
    ['the second name of the CA', `other.example; accounturi=${ACCOUNT}`],
    ['a policy for a name', `${GOOD}; policy=wildcard`],
    ['the second at which it ends', `${GOOD}; persistUntil=${NOW}`],
  ])('takes %s', (_what, text) => expect(lint([text])).toMatchObject({ ok: true, faults: [] }))

  it.each([
    [
      'another account',
      'ca.example; accounturi=https://ca.example/acct/5',
      /acct\/5", and the account is .*acct\/4/,
    ],
    ['no account', 'ca.example', /has no accounturi/],
    [
      'another CA',
      `else.example; accounturi=${ACCOUNT}`,
      /is for else\.example, and this CA is ca\.example or other/,
    ],
    ['no CA', `; accounturi=${ACCOUNT}`, /names no CA/],
    ['the past', `${GOOD}; persistUntil=${NOW - 1}`, /it ended on 2027-01-1/],
    ['a date for a time', `${GOOD}; persistUntil=2027-01-01`, /seconds since 1970/],
    ['a sign', `${GOOD}; persistUntil=-1`, /seconds since 1970/],
    ['a semicolon at the end', `${GOOD};`, /semicolon stands at its end/],
    ['an empty parameter', `ca.example;; accounturi=${ACCOUNT}`, /two semicolons/],
    ['a parameter twice', `${GOOD}; accounturi=${ACCOUNT}`, /accounturi is there twice/],
    ['a blank within', 'ca.example; accounturi=https://ca.example/ acct', /holds a blank/],
    ['any length', `${GOOD}${' '.repeat(65_000)}x`, /longer than 4096/],
    ['a tab', `ca.example;\taccounturi=${ACCOUNT}`, /holds a tab/],
    [
      'capital letters in the name of the CA',
      `CA.example; accounturi=${ACCOUNT}`,
      /"CA\.example" must be in lower case/,
    ],
    ['no value', `${GOOD}; wildcard`, /"wildcard" is not name=value/],
    ['a name that is none', `ca_example; accounturi=${ACCOUNT}`, /no issuer domain name/],
    ['quotes in the text', `"${GOOD}"`, /enter it without them/],
    ['escapes in the text', `ca.example\\; accounturi=${ACCOUNT}`, /enter it without them/],
    ['control characters', `${GOOD}; policy=\u001b[31m`, /holds a blank or a character/],
  ])('refuses %s', (_what, text, says) => {
    const read = lint([text])
    expect(read).toMatchObject({ ok: false, persistUntil: null })
    expect(read.faults.join('\n')).toMatch(says)
    expect(read.faults.join('\n')).not.toContain('\u001b')
  })

  it('wants a policy for a wildcard', () => {
    expect(lint([GOOD], true).faults[0]).toMatch(/needs policy=wildcard, and it has no policy/)
    expect(lint([`${GOOD}; policy=all`], true).faults[0]).toMatch(/has policy "all"/)
    expect(lint([`${GOOD}; policy=wildcard`], true).ok).toBe(true)
  })

  it('says every fault of a record', () => {
    expect(lint([`ca.example; accounturi=x; persistUntil=${NOW - 1}`], true).faults).toHaveLength(3)
  })

  it('is content with one good record among others', () => {
    const read = lint([`${GOOD}; persistUntil=${NOW - 1}`, 'v=spf1 -all', GOOD])
    expect(read).toMatchObject({ ok: true, faults: [], persistUntil: null })
    expect(read.warnings.join('\n')).toMatch(/record 1: it ended/)
  })

  it('says that none of several is for the CA', () => {
    expect(lint([`a.example; accounturi=${ACCOUNT}`, `b.example; accounturi=${ACCOUNT}`]).faults).toEqual([
      'none of the 2 records is for ca.example or other.example',
    ])
    expect(lint([]).faults).toEqual(['there is no TXT record'])
  })

  it('warns before the end, and counts what lasts longest', () => {
    expect(lint([`${GOOD}; persistUntil=${NOW + 10 * DAY}`]).warnings[0]).toMatch(
      /ends in 10 days .*: publish /,
    )
    const two = lint([10, 300].map((days) => `${GOOD}; persistUntil=${NOW + days * DAY}`))
    expect(two.persistUntil).toBe(NOW + 300 * DAY)
    expect(two.warnings).toEqual(['2 records say the same: one is enough'])
  })

  it('remarks on what no CA knows', () => {
    expect(lint([`${GOOD}; persistTill=1; policy=none`]).warnings.join('\n')).toMatch(
      /persisttill.*\n.*policy "none"/,
    )
  })

  it('reads anything without failing', () => {
    let state = 7
    const next = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state % below
    }
    const parts = [
      ';',
      '=',
      ' ',
      '"',
      '\\',
      'ca.example',
      'accounturi',
      ACCOUNT,
      'persistUntil',
      '9'.repeat(20),
      'é',
      '\0',
    ]
    for (let run = 0; run < 5000; run++) {
      const text = Array.from({ length: next(12) }, () => parts[next(parts.length)]).join('')
      const read = lint([text], run % 2 === 0)
      expect(read.ok).toBe(read.faults.length === 0)
    }
  })
})
