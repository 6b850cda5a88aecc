import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, expect, test, vi } from 'vitest'
import { AcmeProblem, type ProblemDocument } from '../../../src/acme/problem.ts'
import type { Endpoint } from '../../../src/broker/endpoint.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerChallenge } from '../../../src/broker/objects.ts'
import type { ValidationRequest } from '../../../src/broker/validate.ts'
import { Validations } from '../../../src/broker/validation/validations.ts'
import { brokerAccount, brokerAuthorization, brokerId } from '../../support/broker/broker-values.ts'
import { MemoryBrokerStore } from '../../support/broker/memory-broker-store.ts'

const NOW = 5_000_000_000
const ENDPOINT = {
  name: 'fleet',
  authorizationLifetime: 60_000,
  challenges: { types: ['http-01'] },
  caaIdentities: ['acme.example.net'],
} as unknown as Endpoint
const WRONG: ProblemDocument = new AcmeProblem('unauthorized', 'wrong').document()

interface Look {
  readonly request: ValidationRequest
  readonly signal: AbortSignal
  end(problem: ProblemDocument | null): void
  fail(error: unknown): void
}

let store: MemoryBrokerStore
let account: BrokerAccount
let looks: Look[]
let settled: BrokerAuthorization[]
let bugs: unknown[]
beforeEach(async () => {
  store = new MemoryBrokerStore()
  account = brokerAccount()
  await store.addAccount(account)
  looks = []
  settled = []
  bugs = []
})

function open(
  settle = async (authorization: BrokerAuthorization) => void settled.push(authorization),
): Validations {
  return new Validations({
    store,
    validate: (request, signal) =>
      new Promise((end, fail) => {
        looks.push({ request, signal, end, fail })
        signal.addEventListener('abort', () => fail(signal.reason))
      }),
    settled: settle,
    endpoints: () => [ENDPOINT],
    accountUrl: (endpoint, id) => `https://acme.example.net/${endpoint.name}/account/${id}`,
    clock: { now: () => ({ wall: NOW, monotonic: 0 }) },
    onBug: (error) => bugs.push(error),
  })
}

async function pending(
  changes: Partial<BrokerAuthorization> = {},
  of = account,
): Promise<BrokerAuthorization> {
  const authorization = brokerAuthorization({ account: of.id, ...changes })
  await store.addAuthorization(authorization)
  return authorization
}

function challenge(changes: Partial<BrokerChallenge> = {}): BrokerChallenge {
  return {
    id: brokerId(),
    type: 'http-01',
    token: randomBytes(32).toString('base64url'),
    status: 'pending',
    validatedAt: null,
    error: null,
    ...changes,
  }
}

const stored = async ({ id }: BrokerAuthorization) =>
  (await store.authorization({ endpoint: 'fleet', account: account.id }, id))!
const answer = (validations: Validations, authorization: BrokerAuthorization, which = 0, of = account) =>
  validations.answer(authorization, authorization.challenges[which]!.id, of, ENDPOINT)
const until = (condition: () => unknown) => vi.waitFor(() => expect(condition()).toBeTruthy())

test('processing first, durable, then valid in one write, then it is told', async () => {
  const validations = open()
  const authorization = await pending()
  const { token } = authorization.challenges[0]!
  const answered = await answer(validations, authorization)
  expect(answered).toMatchObject({ status: 'pending', challenges: [{ status: 'processing' }] })
  expect(await stored(authorization)).toEqual(answered)
  await until(() => looks.length === 1)
  expect(looks[0]!.request).toEqual({
    identifier: authorization.identifier,
    wildcard: false,
    type: 'http-01',
    token,
    keyAuthorization: `${token}.${account.thumbprint}`,
    settings: ENDPOINT.challenges,
    caaIdentities: ENDPOINT.caaIdentities,
    accountUrl: `https://acme.example.net/fleet/account/${account.id}`,
  })
  looks[0]!.end(null)
  await until(() => settled.length === 1)
  const valid = await stored(authorization)
  expect(valid).toEqual(settled[0])
  expect(valid).toMatchObject({
    status: 'valid',
    expiresAt: NOW + 60_000_000,
    challenges: [{ status: 'valid', validatedAt: NOW, error: null }],
  })
})

test('a failed challenge makes the authorization invalid', async () => {
  const validations = open()
  const authorization = await pending({ challenges: [challenge(), challenge({ type: 'dns-01' })] })
  await answer(validations, authorization)
  await until(() => looks.length === 1)
  looks[0]!.end(WRONG)
  await until(() => settled.length === 1)
  expect(await stored(authorization)).toMatchObject({
    status: 'invalid',
    expiresAt: authorization.expiresAt,
    challenges: [
      { status: 'invalid', error: WRONG, validatedAt: null },
      { status: 'pending', error: null },
    ],
  })
  await expect(answer(validations, await stored(authorization), 1)).rejects.toThrow(
    'the authorization is invalid',
  )
})

test('a second answer joins; one that comes after the end changes nothing', async () => {
  const validations = open()
  const authorization = await pending()
  const answers = await Promise.all(Array.from({ length: 20 }, () => answer(validations, authorization)))
  expect(new Set(answers.map(({ challenges }) => challenges[0]!.status))).toEqual(new Set(['processing']))
  await answer(validations, answers[0]!)
  await until(() => looks.length === 1)
  await turn()
  expect(looks.length).toBe(1)
  looks[0]!.end(null)
  await until(() => settled.length === 1)
  expect(await answer(validations, await stored(authorization))).toMatchObject({ status: 'valid' })
  expect(await answer(validations, authorization)).toMatchObject({ status: 'valid' })
  expect(looks.length).toBe(1)
})

test('two challenges of one authorization: the first to end decides', async () => {
  const validations = open()
  const authorization = await pending({ challenges: [challenge(), challenge({ type: 'dns-01' })] })
  await Promise.all([answer(validations, authorization), answer(validations, authorization, 1)])
  await until(() => looks.length === 2)
  const dns = looks.find(({ request }) => request.type === 'dns-01')!
  const http = looks.find(({ request }) => request.type === 'http-01')!
  dns.end(null)
  await until(() => settled.length === 1)
  http.end(WRONG)
  await validations.close()
  expect(settled.length).toBe(1)
  expect(await stored(authorization)).toMatchObject({
    status: 'valid',
    challenges: [{ status: 'processing' }, { status: 'valid' }],
  })
})

test('an authorization that was given up meanwhile stays so', async () => {
  const validations = open()
  const authorization = await pending()
  const answered = await answer(validations, authorization)
  await until(() => looks.length === 1)
  await store.putAuthorization({ ...answered, status: 'deactivated' }, answered)
  looks[0]!.end(null)
  await validations.close()
  expect(await stored(authorization)).toMatchObject({ status: 'deactivated' })
  expect(settled).toEqual([])
})

test('an account that was given up meanwhile proves nothing', async () => {
  const validations = open()
  const authorization = await pending()
  await store.putAccount({ ...account, status: 'deactivated' }, account)
  await answer(validations, authorization)
  await until(() => settled.length === 1)
  expect(settled[0]).toMatchObject({
    status: 'invalid',
    challenges: [{ error: { detail: 'the account is no longer valid' } }],
  })
  expect(looks).toEqual([])
})

test('the key of the account is the one that it has when it is looked', async () => {
  const validations = open()
  const authorization = await pending()
  await store.putAccount({ ...account, thumbprint: 'new' }, account)
  await answer(validations, authorization)
  await until(() => looks.length === 1)
  expect(looks[0]!.request.keyAuthorization).toMatch(/\.new$/)
  looks[0]!.end(null)
  await validations.close()
})

test('fifty at a time, in rounds over the accounts', async () => {
  const validations = open()
  const other = brokerAccount()
  await store.addAccount(other)
  for (let count = 0; count < 200; count++) await answer(validations, await pending())
  await until(() => looks.length === 50)
  await turn()
  expect(looks.length).toBe(50)
  const late = await pending({}, other)
  await answer(validations, late, 0, other)
  looks[0]!.end(null)
  looks[1]!.end(null)
  await until(() => looks.length === 52)
  const accounts = looks.slice(50).map(({ request }) => request.accountUrl.split('/').at(-1))
  expect(accounts).toContain(other.id)
  for (let seen = 0; seen < 201; seen++) {
    await until(() => looks.length > seen)
    looks[seen]!.end(null)
  }
  await until(() => settled.length === 201)
  expect(bugs).toEqual([])
})

test('an account has a thousand waiting at most', async () => {
  const validations = open()
  for (let count = 0; count < 1_050; count++) await answer(validations, await pending())
  await until(() => looks.length === 50)
  const authorization = await pending()
  await expect(answer(validations, authorization)).rejects.toMatchObject({
    type: 'rateLimited',
    retryAfter: 10,
  })
  expect(await stored(authorization)).toEqual(authorization)
  await validations.close()
})

test('what a process did not see to its end, the next one does', async () => {
  const first = open()
  const authorizations = await Promise.all([pending(), pending(), pending()])
  for (const authorization of authorizations) await answer(first, authorization)
  await until(() => looks.length === 3)
  await first.close()
  expect(settled).toEqual([])
  expect(bugs).toEqual([])
  expect(await stored(authorizations[0]!)).toMatchObject({ challenges: [{ status: 'processing' }] })
  await pending()
  looks = []
  const second = open()
  await second.start()
  await until(() => looks.length === 3)
  for (const look of looks) look.end(null)
  await until(() => settled.length === 3)
  expect((await stored(authorizations[2]!)).status).toBe('valid')
})

test('after close nothing begins', async () => {
  const validations = open()
  await validations.close()
  await answer(validations, await pending())
  await turn()
  expect(looks).toEqual([])
})

test('a fault of our own is told, and ends the challenge', async () => {
  const validations = open()
  const authorization = await pending()
  await answer(validations, authorization)
  await until(() => looks.length === 1)
  looks[0]!.fail(new TypeError('a bug'))
  await until(() => settled.length === 1)
  expect(bugs).toEqual([new TypeError('a bug')])
  expect(await stored(authorization)).toMatchObject({
    status: 'invalid',
    challenges: [{ error: { type: 'urn:ietf:params:acme:error:serverInternal' } }],
  })
})

test('a store that fails leaves the challenge as it is; it is looked at again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    const validations = open()
    const authorization = await pending()
    await answer(validations, authorization)
    while (looks.length < 1) await turn()
    vi.spyOn(store, 'putAuthorization').mockRejectedValueOnce(new Error('the disk is full'))
    looks[0]!.end(null)
    while (bugs.length < 1) await turn()
    expect(settled).toEqual([])
    expect(await stored(authorization)).toMatchObject({ challenges: [{ status: 'processing' }] })
    await vi.advanceTimersByTimeAsync(5_000)
    while (looks.length < 2) await turn()
    looks[1]!.end(null)
    while (settled.length < 1) await turn()
    expect((await stored(authorization)).status).toBe('valid')
  } finally {
    vi.useRealTimers()
  }
})

test('who is told and fails undoes nothing, and is told again until it is heard', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    let told = 0
    const validations = open(async () => {
      told += 1
      if (told < 3) throw new Error('no')
    })
    const authorization = await pending()
    await answer(validations, authorization)
    while (looks.length < 1) await turn()
    looks[0]!.end(null)
    while (bugs.length < 1) await turn()
    expect((await stored(authorization)).status).toBe('valid')
    await vi.advanceTimersByTimeAsync(5_000)
    expect([told, bugs.length]).toEqual([2, 2])
    await vi.advanceTimersByTimeAsync(60_000)
    expect([told, bugs.length]).toEqual([3, 2])
  } finally {
    vi.useRealTimers()
  }
})
