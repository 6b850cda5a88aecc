import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import { problemUrn } from '../../src/acme/problem-types.ts'
import { AcmeIssuer, type AcmeIssuerParts } from '../../src/broker/acme-issuer.ts'
import { IssuerError, type WantedOrder } from '../../src/broker/issuer.ts'
import { makeSigningRequest } from '../../src/engine/certificate-signing-request.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { CA } from '../support/engine/engine-stages.ts'
import { dns, type EngineWorld, startEngineWorld } from '../support/engine/engine-world.ts'
import { Refusal } from '../support/test-ca/answer.ts'

let world: EngineWorld
beforeEach(async () => {
  world = await startEngineWorld()
  world.settings[CA] = { ca: CA, contact: [], agree_terms: true, key_type: 'ec256' }
})
afterEach(() => world.close())

const never = new AbortController().signal
let orders = 0

function issuer(changes: Partial<AcmeIssuerParts> = {}): AcmeIssuer {
  const { accounts, session, solverFor } = world.parts
  return new AcmeIssuer({ ca: CA, orders: world.broker, accounts, session, solverFor, ...changes })
}

function wanted(changes: Partial<WantedOrder> = {}): WantedOrder {
  return {
    order: `order-${++orders}`,
    tenant: null,
    identifiers: dns('www.example.com'),
    profile: null,
    replaces: null,
    parent: newExchangeId(),
    ...changes,
  }
}

function request(...names: readonly string[]): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return makeSigningRequest(privateKey, dns(...names)).toString('base64url')
}

async function failure(asked: Promise<unknown>): Promise<IssuerError> {
  const error = await asked.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(IssuerError)
  return error as IssuerError
}

async function issued(changes: Partial<WantedOrder> = {}) {
  const { reference } = await issuer().place(wanted(changes), never)
  const { chains, upstreamAccount } = await issuer().finalize(reference, request('www.example.com'), never)
  return { der: new X509Certificate(chains[0]!).raw, chain: chains[0]!, upstreamAccount }
}

test('issues, says when to renew, and has revoked by the account that obtained it', async () => {
  const { der, chain, upstreamAccount } = await issued({ tenant: 'team-a' })
  const { ariId } = readCertificateChain(Buffer.from(chain))!.leaf
  expect(await issuer().renewalInfo(ariId!, never)).toMatchObject({
    start: expect.any(Number),
    end: expect.any(Number),
    retryAfter: expect.any(Number),
  })
  const parent = newExchangeId()
  expect(await issuer().revoke(der, upstreamAccount, 1, parent, never)).toBe('revoked')
  expect(await issuer().revoke(der, upstreamAccount, 1, parent, never)).toBe('alreadyRevoked')
  const revocation = world.stages.exchanges.filter(({ operation }) => operation === 'revokeCert')
  expect(revocation.map((exchange) => exchange.parent)).toEqual([parent, parent])
  const [account] = await world.store.accounts()
  expect(account).toMatchObject({ id: upstreamAccount, tenant: 'team-a' })
  expect(world.ca.state.accounts.size).toBe(1)
})

test('what was placed is listed with the order it is for, until it is finalized or abandoned', async () => {
  const names = ['one', 'two', 'three']
  const placed = []
  for (const order of names) placed.push((await issuer().place(wanted({ order }), never)).reference)
  await issuer().finalize(placed[0]!, request('www.example.com'), never)
  await issuer().abandon(placed[1]!)
  expect(await issuer().placed()).toEqual([{ order: 'three', reference: placed[2] }])
})

describe('what the CA says is handed on whole', () => {
  test('a limit, with its page and its time', async () => {
    const body = {
      type: problemUrn('rateLimited'),
      detail:
        'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s',
      status: 429,
    }
    world.ca.script(
      { operation: 'newOrder', times: 1 },
      {
        kind: 'answer',
        status: 429,
        fields: [
          ['Content-Type', 'application/problem+json'],
          ['Retry-After', '3600'],
          [
            'Link',
            '<https://letsencrypt.org/docs/rate-limits>;rel="help", <https://ca.test/directory>;rel="index"',
          ],
          ['Link', '</relative>;rel="help"'],
          ['Link', '<https://ca.test/ "evil>;rel="help"'],
        ],
        body: JSON.stringify(body),
      },
    )
    const error = await failure(issuer().place(wanted(), never))
    const exchange = world.stages.exchanges.findLast(({ operation }) => operation === 'newOrder')
    expect(error).toMatchObject({
      ca: CA,
      fault: 'limited',
      type: body.type,
      detail: body.detail,
      status: 429,
      retryAfter: 3600,
      links: ['<https://letsencrypt.org/docs/rate-limits>;rel="help"'],
      exchange: exchange?.id,
    })
    expect(error.message).toContain(`the CA "${CA}"`)
  })

  test('names that it refuses, each with its reason', async () => {
    const subproblems = ['a', 'b'].map((name) => ({
      type: problemUrn('rejectedIdentifier'),
      detail: `${name} is on a list`,
      identifier: { type: 'dns', value: `${name}.example.com` },
    }))
    const body = { type: problemUrn('rejectedIdentifier'), detail: 'two names', status: 403, subproblems }
    world.ca.script(
      { operation: 'newOrder', times: 1 },
      {
        kind: 'answer',
        status: 403,
        fields: [['Content-Type', 'application/problem+json']],
        body: JSON.stringify(body),
      },
    )
    const error = await failure(issuer().place(wanted(), never))
    expect(error).toMatchObject({ fault: 'refused', status: 403, detail: 'two names', subproblems })
  })

  test('names that it could not validate', async () => {
    world.ca.validate(({ value }) => new Refusal('dns', `no record for ${value}`))
    const names = dns('a.example.com', 'b.example.com')
    const { reference } = await issuer().place(wanted({ identifiers: names }), never)
    const error = await failure(issuer().authorize(reference, never))
    expect(error).toMatchObject({
      fault: 'refused',
      type: problemUrn('dns'),
      detail: 'no record for a.example.com',
    })
    expect(error.subproblems.map(({ identifier }) => identifier)).toEqual(names)
  })
})

describe('faults', () => {
  const problem = (status: number, type: Parameters<typeof problemUrn>[0], retryAfter?: number) =>
    ({
      kind: 'problem',
      type,
      status,
      detail: 'no',
      ...(retryAfter === undefined ? {} : { retryAfter }),
    }) as const

  test.each([
    ['refused', problem(403, 'rejectedIdentifier')],
    ['refused', problem(400, 'malformed')],
    ['limited', problem(429, 'rateLimited', 60)],
    ['limited', problem(503, 'rateLimited', 60)],
    ['limited', problem(503, 'serverInternal', 60)],
    ['unavailable', problem(503, 'serverInternal')],
    ['unavailable', problem(500, 'serverInternal', 60)],
    ['unavailable', { kind: 'answer', status: 502, body: '<html>' }],
    ['unavailable', { kind: 'reset', when: 'before-reading' }],
    ['unavailable', { kind: 'malformed-json' }],
    ['unfit', problem(403, 'externalAccountRequired')],
    ['unfit', problem(403, 'userActionRequired')],
  ] as const)('%s: newOrder comes to %j', async (fault, behaviour) => {
    world.ca.script({ operation: 'newOrder' }, behaviour)
    expect((await failure(issuer().place(wanted(), never))).fault).toBe(fault)
  })

  test('aborted: who asked has gone', async () => {
    expect((await failure(issuer().place(wanted(), AbortSignal.abort()))).fault).toBe('aborted')
  })

  test('unfit: the policy, for good; limited: for a time', async () => {
    const deny = { effect: 'deny', problem: 'rateLimited', rule: 'pace', detail: 'later' } as const
    world.stages.decide = ({ operation }) => (operation === 'newOrder' ? deny : { effect: 'allow' })
    expect((await failure(issuer().place(wanted(), never))).fault).toBe('unfit')
    world.stages.decide = ({ operation }) =>
      operation === 'newOrder' ? { ...deny, retryAfter: 10 } : { effect: 'allow' }
    expect(await failure(issuer().place(wanted(), never))).toMatchObject({ fault: 'limited', retryAfter: 10 })
  })

  test('uncertain, and then no longer', async () => {
    const { reference } = await issuer().place(wanted(), never)
    world.ca.script({ operation: 'finalize', times: 1 }, { kind: 'reset', when: 'after-processing' })
    const csr = request('www.example.com')
    expect((await failure(issuer().finalize(reference, csr, never))).fault).toBe('uncertain')
    expect((await issuer().finalize(reference, csr, never)).chains).toHaveLength(1)
    expect(world.ca.state.certificates.size).toBe(1)
  })

  test('wrong: it is not the certificate that was asked for', async () => {
    const { chain } = await issued()
    world.ca.script(
      { operation: 'certificate', times: 1 },
      {
        kind: 'answer',
        status: 200,
        fields: [['Content-Type', 'application/pem-certificate-chain']],
        body: chain,
      },
    )
    const { reference } = await issuer().place(wanted(), never)
    expect((await failure(issuer().finalize(reference, request('www.example.com'), never))).fault).toBe(
      'wrong',
    )
  })

  test('unfit: the account is gone', async () => {
    const { reference } = await issuer().place(wanted(), never)
    world.ca.state.accounts.clear()
    world.ca.state.accountsByKey.clear()
    const error = await failure(issuer().authorize(reference, never))
    expect(error).toMatchObject({
      fault: 'unfit',
      message: expect.stringContaining('does not exist there any more'),
    })
    expect(await issuer().unfit(wanted())).toContain('does not exist there any more')
    expect(world.ca.state.accounts.size).toBe(0)
  })
})

describe('unfit before anybody is asked', () => {
  const sent = () => world.stages.exchanges.length

  test('nothing speaks against it', async () => {
    expect(await issuer().unfit(wanted())).toBeNull()
    expect(sent()).toBe(0)
  })

  test('no solver answers for a name', async () => {
    const { solverFor } = world.parts
    const none: typeof solverFor = (identifier, wildcard, offered, name) =>
      solverFor(identifier, wildcard, wildcard ? [] : offered, name)
    const why = await issuer({ solverFor: none }).unfit(
      wanted({ identifiers: dns('a.example.com', '*.b.example.com') }),
    )
    expect(why).toContain('b.example.com')
  })

  test('a profile, terms or an external account, once the directory is known', async () => {
    Object.assign(world.ca.state.offers, { profiles: { short: 'six days' } })
    expect(await issuer().unfit(wanted({ profile: 'long' }))).toBeNull()
    await world.parts.session(CA).directory(never)
    expect(await issuer().unfit(wanted({ profile: 'long' }))).toContain('"long"')
    expect(await issuer().unfit(wanted({ profile: 'short' }))).toBeNull()
    world.settings[CA] = { ...world.settings[CA]!, agree_terms: false }
    expect(await issuer().unfit(wanted())).toContain('agree_terms')
    expect(sent()).toBe(1)
  })

  test('an external account', async () => {
    Object.assign(world.ca.state.offers, { externalAccounts: new Map([['kid-1', Buffer.alloc(32)]]) })
    await world.parts.session(CA).directory(never)
    expect(await issuer().unfit(wanted({ tenant: 'team-a' }))).toContain('external')
    world.settings[CA] = {
      ...world.settings[CA]!,
      external: { key_id: 'kid-1', hmac_key: Buffer.alloc(32).toString('base64url'), algorithm: 'HS256' },
    }
    expect(await issuer().unfit(wanted({ tenant: 'team-a' }))).toBeNull()
    await issuer().place(wanted({ tenant: 'team-a' }), never)
    expect(await world.store.accounts()).toMatchObject([{ tenant: 'team-a', externalKeyId: 'kid-1' }])
  })

  test('CAA of one of its names', async () => {
    const asked: unknown[] = []
    const caaForbids: AcmeIssuerParts['caaForbids'] = async (
      ca,
      { identifier, wildcard, type, accountUrl },
    ) => {
      asked.push([ca, identifier.value, wildcard, type, accountUrl])
      return wildcard ? 'CAA records forbid it' : null
    }
    const names = dns('a.example.com', '*.b.example.com')
    expect(await issuer({ caaForbids }).unfit(wanted({ identifiers: names }))).toBe(
      '*.b.example.com: CAA records forbid it',
    )
    expect(asked).toEqual([
      [CA, 'a.example.com', false, 'http-01', null],
      [CA, 'b.example.com', true, 'dns-01', null],
    ])
  })
})
