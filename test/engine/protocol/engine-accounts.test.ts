/** acmetap's own accounts: made once, found again, rolled over and given up, whatever comes between. */
import { afterEach, expect, test } from 'vitest'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { CA } from '../../support/engine/engine-stages.ts'
import { faultOf, type ProtocolWorld, SIGNAL, startProtocolWorld } from './protocol-world.ts'

let world: ProtocolWorld | null = null
afterEach(async () => {
  await world?.close()
  world = null
})

async function started(settings?: ProtocolWorld['settings']): Promise<ProtocolWorld> {
  world = await startProtocolWorld()
  if (settings !== undefined) world.settings = settings
  return world
}

const newAccounts = ({ stages }: ProtocolWorld) =>
  stages.operations().filter((operation) => operation === 'newAccount').length

test('an account is made when it is first needed, once for all who need it, and found by the next process', async () => {
  const world = await started({ agree_terms: true, contact: ['mailto:ops@example.net'], key_type: 'ed25519' })
  const accounts = world.accounts()
  const opened = await Promise.all(Array.from({ length: 8 }, () => accounts.open(CA, {}, SIGNAL)))
  expect(new Set(opened.map(({ account }) => account.id)).size).toBe(1)
  expect(world.ca.state.accounts.size).toBe(1)
  expect(newAccounts(world)).toBe(1)
  expect(world.steps).toEqual([
    'account.key before',
    'account.key after',
    'account.registered before',
    'account.registered after',
  ])
  const [{ account, signer }] = opened as [(typeof opened)[0]]
  expect(account).toMatchObject({
    ca: CA,
    directory: world.ca.directory,
    status: 'valid',
    url: signer.kid,
    thumbprint: signer.thumbprint,
    contact: ['mailto:ops@example.net'],
    orders: `${signer.kid}/orders`,
    nextKey: null,
  })
  expect(signer.alg).toBe('EdDSA')
  expect(JSON.stringify(await world.store.accounts())).not.toContain('PRIVATE KEY')

  const before = world.stages.exchanges.length
  const again = await world.accounts().open(CA, {}, SIGNAL)
  expect(again.account).toEqual(account)
  expect(again.signer.kid).toBe(signer.kid)
  expect(world.stages.exchanges).toHaveLength(before)
})

test('terms that nobody has agreed to: what they are, and what to write; nothing is left behind', async () => {
  const world = await started()
  world.settings = undefined
  const accounts = world.accounts()
  expect(await faultOf(accounts.open(CA, {}, SIGNAL))).toBe(
    'input: the CA "test-ca" wants you to agree to its terms, data:text/plain,do%20what%20thou%20wilt: read them and write agree_terms: true under engine.accounts, or give --agree-terms',
  )
  expect(await accounts.all()).toEqual([])
  expect(world.stages.operations()).toEqual([])
  const contact = ['mailto:me@example.net']
  const { account } = await accounts.open(CA, { agreeTerms: true, contact }, SIGNAL)
  expect(account.contact).toEqual(contact)
  expect([...world.ca.state.accounts.values()][0]!.contact).toEqual(contact)
})

test.each(['HS256', 'HS384', 'HS512'] as const)('an external account binding by %s', async (algorithm) => {
  const world = await started()
  const key = Buffer.from([251, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17])
  world.ca.state.offers.externalAccounts = new Map([['kid-1', key]])
  const none = world.accounts()
  expect(await faultOf(none.open(CA, {}, SIGNAL))).toMatch(/^input: .* under engine.accounts, external/)
  expect(await none.all()).toEqual([])
  // As CAs print it: either alphabet, padded or not.
  for (const hmac_key of ['not base64url!', 'AAAAA']) {
    world.settings = { agree_terms: true, external: { key_id: 'kid-1', hmac_key, algorithm } }
    expect(await faultOf(none.open(CA, {}, SIGNAL))).toMatch(/^input: .*the MAC key is not base64url/)
  }
  const hmac_key = key.toString('base64')
  expect(hmac_key).toMatch(/[+/].*=$/)
  world.settings = { agree_terms: true, external: { key_id: 'kid-1', hmac_key, algorithm } }
  const { account } = await none.open(CA, {}, SIGNAL)
  expect(account.externalKeyId).toBe('kid-1')
  expect(world.ca.state.accounts.size).toBe(1)
  const made = world.stages.exchanges.find(({ operation }) => operation === 'newAccount')
  expect(made!.asked).toMatchObject({ externalAccount: 'kid-1' })
  expect(made!.ambiguities).toEqual([])
})

test('killed before its URL was kept: the same key gets the same account', async () => {
  const world = await started()
  world.ca.script({ operation: 'newAccount' }, { kind: 'reset', when: 'after-processing' })
  expect(await faultOf(world.accounts().open(CA, {}, SIGNAL))).toMatch(
    /^network: no answer of the CA "test-ca"/,
  )
  const [creating] = await world.store.accounts()
  expect(creating).toMatchObject({ status: 'creating', url: null })
  expect(newAccounts(world)).toBe(4)
  world.ca.clearScript()
  const { account } = await world.accounts().open(CA, {}, SIGNAL)
  expect(account).toMatchObject({ id: creating!.id, thumbprint: creating!.thumbprint, status: 'valid' })
  expect(world.ca.state.accounts.size).toBe(1)
})

test('a store that cannot keep the key: nothing is sent', async () => {
  const world = await started()
  world.store.fault = new Error('the disk is full')
  await expect(world.accounts().open(CA, {}, SIGNAL)).rejects.toThrow('the disk is full')
  expect(world.stages.operations()).toEqual([])
})

test('contacts are put in the place of those before', async () => {
  const world = await started()
  const accounts = world.accounts()
  expect(await faultOf(accounts.updateContact(CA, [], SIGNAL))).toBe(
    'input: acmetap has no account at the CA "test-ca"; acmetap engine accounts register test-ca makes a new one',
  )
  await accounts.open(CA, {}, SIGNAL)
  const updated = await accounts.updateContact(CA, ['mailto:new@example.net'], SIGNAL)
  expect(updated.contact).toEqual(['mailto:new@example.net'])
  expect(await accounts.all()).toEqual([updated])
  expect([...world.ca.state.accounts.values()][0]!.contact).toEqual(['mailto:new@example.net'])
})

test('a roll-over: the new key signs, in this process and the next', async () => {
  const world = await started()
  const accounts = world.accounts()
  const before = await accounts.open(CA, {}, SIGNAL)
  world.settings = { agree_terms: true, key_type: 'rsa2048' }
  const rolled = await accounts.rollOver(CA, SIGNAL)
  expect(rolled).toMatchObject({ url: before.account.url, nextKey: null })
  expect(rolled.thumbprint).not.toBe(before.account.thumbprint)
  expect([...world.ca.state.accounts.values()][0]!.thumbprint).toBe(rolled.thumbprint)
  const change = world.stages.exchanges.find(({ operation }) => operation === 'keyChange')!
  expect(change.ambiguities).toEqual([])
  expect(change.asked).toEqual({ kind: 'keyChange', thumbprint: rolled.thumbprint })
  expect((await world.accounts().open(CA, {}, SIGNAL)).signer.alg).toBe('RS256')
  await world.accounts().updateContact(CA, ['mailto:x@example.net'], SIGNAL)
})

test.each([
  ['the CA had acted', 'after-processing', true],
  ['the CA had not', 'before-reading', false],
] as const)('a roll-over without an answer, where %s, is brought to its end', async (_, when, acted) => {
  const world = await started()
  const { account } = await world.accounts().open(CA, {}, SIGNAL)
  world.ca.script({ operation: 'keyChange' }, { kind: 'reset', when })
  expect(await faultOf(world.accounts().rollOver(CA, SIGNAL))).toMatch(/^network: /)
  const [cut] = await world.store.accounts()
  expect(cut).toMatchObject({ thumbprint: account.thumbprint, status: 'valid' })
  expect(cut!.nextKey).not.toBeNull()
  world.ca.clearScript()
  const accounts = world.accounts()
  const settled = await accounts.open(CA, {}, SIGNAL)
  expect(settled.account.thumbprint !== account.thumbprint).toBe(acted)
  expect(settled.account.nextKey === null).toBe(acted)
  await accounts.updateContact(CA, ['mailto:x@example.net'], SIGNAL)
  // Asked about once in a process, and no more once it is known.
  expect(newAccounts(world)).toBe(2)
  const rolled = await accounts.rollOver(CA, SIGNAL)
  expect(rolled.nextKey).toBeNull()
  await accounts.updateContact(CA, ['mailto:y@example.net'], SIGNAL)
})

test('a key change that arrives late is found when the old key no longer signs', async () => {
  const world = await started()
  const accounts = world.accounts()
  const { account } = await accounts.open(CA, {}, SIGNAL)
  const { perform } = world.stages
  let late: (() => Promise<unknown>) | null = null
  Object.assign(world.stages, {
    perform: async (request: Parameters<typeof perform>[0]) => {
      if (!request.request.target.includes('key-change')) return perform(request)
      late = () => perform(request)
      throw new EngineError('network', 'no answer')
    },
  })
  expect(await faultOf(accounts.rollOver(CA, SIGNAL))).toBe('network: no answer')
  expect((await accounts.open(CA, {}, SIGNAL)).account.thumbprint).toBe(account.thumbprint)
  await late!()
  expect(await faultOf(accounts.updateContact(CA, [], SIGNAL))).toMatch(/^problem: .*malformed/)
  const rechecked = await accounts.recheck(CA, SIGNAL)
  expect(rechecked.account.thumbprint).not.toBe(account.thumbprint)
  await accounts.updateContact(CA, [], SIGNAL)
})

test('a roll-over that the CA refuses leaves the old key and no other', async () => {
  const world = await started()
  const accounts = world.accounts()
  const { account } = await accounts.open(CA, {}, SIGNAL)
  world.ca.script({ operation: 'keyChange' }, { kind: 'problem', type: 'unauthorized', status: 403 })
  expect(await faultOf(accounts.rollOver(CA, SIGNAL))).toMatch(
    /^problem: .* refused keyChange: told to say so/,
  )
  expect(await accounts.all()).toEqual([account])
})

test('deactivated: nothing is done with it, and another is made only when that is said', async () => {
  const world = await started()
  const accounts = world.accounts()
  const first = await accounts.open(CA, {}, SIGNAL)
  expect(await accounts.deactivate(CA, SIGNAL)).toMatchObject({ status: 'deactivated' })
  expect([...world.ca.state.accounts.values()].map(({ status }) => status)).toEqual(['deactivated'])
  for (const refused of [
    accounts.open(CA, {}, SIGNAL),
    accounts.rollOver(CA, SIGNAL),
    world.accounts().open(CA, {}, SIGNAL),
  ])
    expect(await faultOf(refused)).toBe(
      'input: acmetap\'s account at the CA "test-ca" was deactivated; acmetap engine accounts register test-ca makes a new one',
    )
  const second = await accounts.open(CA, { anew: true }, SIGNAL)
  expect(second.account.id).not.toBe(first.account.id)
  expect((await accounts.open(CA, {}, SIGNAL)).account.id).toBe(second.account.id)
  expect(await accounts.all()).toHaveLength(2)
})

test('an account the CA has forgotten: looked up once, then said clearly', async () => {
  const world = await started()
  const accounts = world.accounts()
  const { account } = await accounts.open(CA, {}, SIGNAL)
  expect((await accounts.recheck(CA, SIGNAL)).account).toEqual(account)
  world.ca.state.accounts.clear()
  world.ca.state.accountsByKey.clear()
  const gone =
    'input: acmetap\'s account at the CA "test-ca" does not exist there any more; acmetap engine accounts register test-ca makes a new one'
  expect(await faultOf(accounts.recheck(CA, SIGNAL))).toBe(gone)
  const before = world.stages.exchanges.length
  expect(await faultOf(accounts.open(CA, {}, SIGNAL))).toBe(gone)
  expect(world.stages.exchanges).toHaveLength(before)
  expect((await accounts.open(CA, { anew: true }, SIGNAL)).account.status).toBe('valid')
})

test('who gives up while waiting for another does not stop it, and is not waited for', async () => {
  const world = await started()
  const accounts = world.accounts()
  world.ca.script({ operation: 'newAccount' }, { kind: 'slow', ms: 300 })
  const first = accounts.open(CA, {}, SIGNAL)
  const impatient = new AbortController()
  const second = faultOf(accounts.open(CA, {}, impatient.signal))
  const third = accounts.open(CA, {}, SIGNAL)
  impatient.abort()
  expect(await second).toBe('aborted: it was stopped before it was done')
  expect((await third).account.id).toBe((await first).account.id)
  expect(newAccounts(world)).toBe(1)
})
