import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { accountFilter } from '../../../src/audit/inventory/account.ts'
import { certificateFilter } from '../../../src/audit/inventory/certificate.ts'
import { clientFilter } from '../../../src/audit/inventory/client.ts'
import { exchangeFilter } from '../../../src/audit/inventory/exchange-filter.ts'
import { failureFilter } from '../../../src/audit/inventory/failure.ts'
import { orderFilter } from '../../../src/audit/inventory/order.ts'
import { type FilterShape, filterNames } from '../../../src/cli/lists/filter-options.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aCertificate, aClient, aFailure, anAccount, anOrder } from '../../support/inventoried.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const NOW = Date.UTC(2026, 10, 22, 1, 22, 25) * 1000
const EVIL = '\u001b[2J\u202eevil\nsecond line'
const ID = '0123456789abcdef'

let operations: FakeOperations
let over: Over
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, NOW)
})
afterEach(() => over.end())

const asked = () => operations.inventory.calls.at(-1)!

/** A valid value for each filter that any list has, and what the inventory is asked with. */
const VALUES: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  ca: ['pebble', 'pebble'],
  account: ['https://ca.test/acct/1', 'https://ca.test/acct/1'],
  client: [ID, ID],
  name: ['.Example.COM', { kind: 'below', value: 'example.com' }],
  since: ['2h', NOW - 7_200_000_000],
  until: ['2026-11-22T01:00:00Z', Date.UTC(2026, 10, 22, 1) * 1000],
  mode: ['relay', 'relay'],
  operation: ['newOrder', 'newOrder'],
  outcome: ['refused', 'refused'],
  problem: ['rateLimited', 'rateLimited'],
  diagnosis: ['nxdomain', 'nxdomain'],
  issuance: ['019ab003', '019ab003'],
  order: [ID, ID],
  profile: ['tlsserver', 'tlsserver'],
  serial: ['0A:1b', '0A:1b'],
  issuer: ['Pebble', 'Pebble'],
  source: ['imported', 'imported'],
  unmanaged: ['true', true],
  expires_before: ['30d', '30d'],
  state: ['valid', 'valid'],
  label: ['web', 'web'],
  program: ['CertbotACMEClient', 'CertbotACMEClient'],
}
const STATUS: Readonly<Record<string, readonly [string, unknown]>> = {
  accounts: ['deactivated', 'deactivated'],
  orders: ['invalid', 'invalid'],
  exchanges: ['429', 429],
}
const LISTS: readonly (readonly [string, FilterShape, readonly string[]])[] = [
  ['accounts', accountFilter, []],
  ['clients', clientFilter, []],
  ['orders', orderFilter, []],
  ['certificates', certificateFilter, []],
  ['failures', failureFilter, ['--lines']],
  ['exchanges', exchangeFilter, []],
]
const OPTIONS = LISTS.flatMap(([list, filter, more]) =>
  filterNames(filter).map((name) => [list, name, more] as const),
)

test.each(OPTIONS)('%s takes the filter %s of its shape', async (list, name, more) => {
  const [text, value] = (name === 'status' ? STATUS[list] : VALUES[name])!
  const { code, err } = await over.run([list, `--${name.replaceAll('_', '-')}`, text, ...more])
  expect([code, err]).toEqual([0, expect.stringMatching(/^no \w+ (matches\.|for )/)])
  expect(asked()).toEqual([list, { [name]: value, limit: 50 }])
})

test.each([
  ['orders --status fine', '--status "fine" is not known. Known: pending, ready, processing, valid, invalid'],
  [
    'failures --diagnosis firewal',
    '--diagnosis "firewal" is not known; did you mean firewall? Known: firewall, slow',
  ],
  ['exchanges --status 99', '--status "99" must be an HTTP status'],
  ['certificates --serial xyz', '--serial "xyz" must be hex digits'],
  ['certificates --expires-before soon', '--expires-before "soon" must be a number of days'],
  ['orders --name a_b!', '--name "a_b!" must be a name like'],
  ['orders a..!', '--name "a..!" must be a name like'],
  ['orders --since yesterday', '--since "yesterday" is not a time'],
  ['orders --client 12', '--client "12" must be 16 hex digits'],
  ['accounts --limit 0', '--limit must be a whole number from 1 to 1000'],
  ['clients --limit 5 --all', '--limit and --all exclude one another'],
  ['orders a.test --name b.test', 'a name was given twice'],
  ['orders --nmae a.test', "unknown option '--nmae'"],
  ['orders shwo', 'orders has no command "shwo"; did you mean show? For the name: --name shwo'],
  ['accounts shwo', 'accounts has no command "shwo"; known: list, show, keys, import'],
  ['orders list a.test b.test', 'too many arguments'],
  ['orders --data a --data b', '--data was given several times'],
])('%s is refused by name', async (words, says) => {
  const { code, out, err } = await over.run(words.split(' '))
  expect([code, out]).toEqual([2, ''])
  expect(err).toContain(says)
  expect(operations.inventory.calls).toEqual([])
})

test.each(['orders', 'certificates', 'failures'])('%s takes a name without an option', async (list) => {
  await over.run([list, 'www.Example.com'])
  expect(asked()[1]).toMatchObject({ name: { kind: 'exact', value: 'www.example.com' } })
  await over.run([list, 'list', 'localhost'])
  expect(asked()[1]).toMatchObject({ name: { kind: 'exact', value: 'localhost' } })
})

test('weeks and times without a zone are known in every list', async () => {
  await over.run(['clients', '--since', '2w', '--until', '2026-11-22T01:00'])
  expect(asked()[1]).toMatchObject({
    since: NOW - 14 * 86_400_000_000,
    until: Date.UTC(2026, 10, 22, 1) * 1000,
  })
})

test('a place is read from its files', async () => {
  await over.run(['certificates', '--data', 'elsewhere'])
  expect(operations.calls).toEqual([['openOffline', `${over.folder}/elsewhere`]])
})

describe('pages', () => {
  beforeEach(() => {
    operations.inventory.accountList = Array.from({ length: 7 }, (_, n) =>
      anAccount({ id: `${n}`.repeat(16), url: `https://ca.test/acct/${n}` }),
    )
  })

  test('a short page is not the end', async () => {
    operations.inventory.pageSize = 2
    const { out, err } = await over.run(['accounts', '--limit', '5'])
    expect(out.match(/acct\/\d/g)).toEqual(['acct/0', 'acct/1', 'acct/2', 'acct/3', 'acct/4'])
    expect(out.match(/ACCOUNT/g)).toHaveLength(1)
    expect(err).toBe('more: --limit or --all\n')
  })

  test('--all follows the cursors, and says that nothing is left by saying nothing', async () => {
    operations.inventory.pageSize = 3
    const { out, err } = await over.run(['accounts', '--all', '--json'])
    expect(JSON.parse(out)).toEqual(operations.inventory.accountList)
    expect(err).toBe('')
    const cursors = operations.inventory.calls.map(([, filter]) => [filter.limit, filter.cursor])
    expect(cursors).toEqual([
      [1000, undefined],
      [1000, '3'],
      [1000, '6'],
    ])
  })

  test('JSON is one array also where there is nothing', async () => {
    operations.inventory.accountList = []
    const { out, err } = await over.run(['accounts', '--json'])
    expect(out).toBe('[]\n')
    expect(err).toMatch(/^no account has been seen yet\. /)
  })
})

test('an empty result says what to try', async () => {
  const says = async (...words: string[]) => (await over.run(words)).err.trimEnd()
  expect(await says('orders', 'www.example.com')).toBe(
    'no order for www.example.com. It and all names below it: acmetap orders --name .www.example.com',
  )
  expect(await says('orders', '.example.com')).toBe(
    'no order for example.com or a name below it. All: acmetap orders',
  )
  expect(await says('orders', '--status', 'valid', '--ca', 'x')).toBe(
    'no order matches. Try fewer conditions (--ca, --status).',
  )
  expect(await says('failures')).toBe(
    'no failure in the last 7 days. Older ones: acmetap failures --since 90d',
  )
})

test('an inventory that stands still or is being made anew is told', async () => {
  operations.inventory.standing = { projected: 5, recorded: 9, rebuilding: false, fault: `disk ${EVIL}` }
  const { err } = await over.run(['orders'])
  expect(err).toContain('the inventory stands still at fact 5 of 9: disk \\u{1b}[2J')
  expect(err).toContain('acmetap rebuild')
  operations.inventory.standing = { projected: 5, recorded: 9, rebuilding: true, fault: null }
  expect((await over.run(['failures'])).err).toContain('being made anew: fact 5 of 9')
})

describe.each([80, 120, 200])('at %i columns', (columns) => {
  const long = { type: 'dns', value: `${'a-very-long-label.'.repeat(12)}example.com` }
  const evil = { type: 'dns', value: EVIL }
  beforeEach(() => {
    const { inventory } = operations
    inventory.accountList = [
      anAccount(),
      anAccount({ url: `https://ca.test/${'x'.repeat(200)}`, contacts: [EVIL, null], status: EVIL }),
    ]
    inventory.clientList = [aClient(), aClient({ program: EVIL, label: 'cluster-a', source: '2001:db8::1' })]
    inventory.orderList = [
      anOrder(),
      anOrder({ identifiers: [long, evil], status: 'invalid', ca: 'x'.repeat(60) }),
    ]
    inventory.certificateList = [
      aCertificate(),
      aCertificate({ identifiers: [evil, long], issuer: `CN=${EVIL}`, serial: 'f'.repeat(40) }),
    ]
    inventory.failureList = [
      aFailure(),
      aFailure({ names: [EVIL, long.value], problem: { type: EVIL, detail: EVIL } }),
    ]
    inventory.recordedExchanges = [
      recorded({ sequence: 1, operation: 'newOrder', intent: { identifiers: [long] } }),
    ]
  })

  test.each(LISTS)('%s fits and shows only itself', async (list, _, more) => {
    const { code, out } = await over.run([list, ...more], { columns })
    expect(code).toBe(0)
    const lines = out.trimEnd().split('\n')
    expect(lines).toHaveLength(list === 'exchanges' ? 2 : 3)
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns)
    expect(out).not.toMatch(/[\u001b\u202e]/)
    expect(out).toMatch(/019ab001-0000-7000-8000-000000000000|3f2a1b$|([acdf])\1{15}$/m)
  })
})

test('more columns where there is room, all of them where nothing is cut', async () => {
  operations.inventory.clientList = [aClient()]
  const titles = async (columns: number) =>
    (await over.run(['clients'], { columns })).out.split('\n')[0]!.split(/ {2,}/)
  expect(await titles(80)).toEqual(['SEEN', 'PROGRAM', 'SOURCE', 'CERTS', 'FAILED 7D', 'ID'])
  expect(await titles(120)).toContain('ACCOUNT')
  expect(await titles(Number.POSITIVE_INFINITY)).toHaveLength(12)
})

test('times are relative, or in UTC', async () => {
  operations.inventory.certificateList = [aCertificate()]
  expect((await over.run(['certificates'])).out).toMatch(
    /\nin 89d +www\.example\.com +valid +Pebble Intermediate/,
  )
  expect((await over.run(['certificates', '--utc'])).out).toMatch(/\n2027-02-20T00:20:24Z /)
})
