import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OPERATIONS } from '../../../src/acme/operation.ts'
import { CLASS_TEXTS } from '../../../src/audit/diagnosis/class-texts.ts'
import { DIAGNOSIS_CLASSES } from '../../../src/audit/diagnosis/classes.ts'
import { describe as describeClass, diagnose } from '../../../src/audit/diagnosis/diagnose.ts'
import { diagnosis, type Symptom } from '../../../src/audit/diagnosis/diagnosis.ts'
import { FAILURES } from '../../../src/exchange/exchange.ts'
import { BUILT_IN } from '../../../src/policy/built-in.ts'
import { TEXT_FILES, textsOf } from './collected-texts.ts'

const WELL: Symptom = {
  outcome: 'response',
  operation: 'newOrder',
  status: 201,
  problem: null,
  challengeType: null,
  wildcard: false,
  failure: null,
  rule: null,
  isPolicy: false,
}

function problem(type: string, detail: string | null, changed: Partial<Symptom> = {}) {
  return diagnose({
    ...WELL,
    status: 403,
    problem: { type: `urn:ietf:params:acme:error:${type}`, detail },
    ...changed,
  })
}

function challenge(detail: string, changed: Partial<Symptom> = {}) {
  return problem('connection', detail, {
    operation: 'authorization',
    status: 200,
    challengeType: 'http-01',
    ...changed,
  })
}

const FETCH = 'Fetching http://www.example.com/.well-known/acme-challenge/abc: '

describe('what is well', () => {
  it('has no diagnosis', () => {
    expect(diagnose(WELL)).toBeNull()
    expect(diagnose({ ...WELL, operation: 'tunnel', status: 200 })).toBeNull()
    expect(diagnose({ ...WELL, outcome: 'running', status: null })).toBeNull()
    expect(diagnose({ ...WELL, operation: 'newNonce', status: 204 })).toBeNull()
  })

  it('a client that asks whether it has an account', () => {
    const asked = 'unable to find existing account for only-return-existing request'
    expect(problem('accountDoesNotExist', asked, { operation: 'newAccount', status: 400 })).toBeNull()
    expect(problem('accountDoesNotExist', asked, { operation: 'newOrder', status: 400 })?.class).toBe(
      'account-unknown',
    )
  })
})

describe('acmetap itself and the way to the CA', () => {
  it.each([
    ['ambiguous-request', 'ambiguous-request'],
    ['paced-out', 'acmetap-busy'],
    ['unknown-host', 'refused-by-acmetap'],
    ['other-host', 'refused-by-acmetap'],
    ['relay-refused', 'refused-by-acmetap'],
    ['body-too-large', 'refused-by-acmetap'],
    ['a rule of tomorrow', 'refused-by-acmetap'],
    ['constructor', 'refused-by-acmetap'],
  ])('refusal by rule %s: %s', (rule, name) => {
    const got = diagnose({ ...WELL, outcome: 'refused', status: 403, rule })
    expect(got).toMatchObject({ class: name, details: { rule } })
  })

  it.each([
    ['no-shop', 'policy-denied', 'client'],
    ['paced-out', 'policy-denied', 'client'],
    ['unknown-host', 'policy-denied', 'client'],
    ['constructor', 'policy-denied', 'client'],
    ['default', 'policy-denied', 'acmetap'],
    ['policy:csr', 'policy-denied', 'client'],
  ])('a no of the policy by rule %s, whatever it is called', (rule, name, fixer) => {
    const got = diagnose({ ...WELL, outcome: 'refused', status: 403, rule, isPolicy: true })
    expect(got).toMatchObject({ class: name, fixer, details: { rule } })
  })

  it('what a policy cannot tell for want of a directory is the fault of the way to the CA', () => {
    const rule = 'policy:unrecognised'
    const of = (status: number) =>
      diagnose({ ...WELL, outcome: 'refused', status, rule, isPolicy: true })?.class
    expect(of(503)).toBe('ca-unreachable')
    expect(of(403)).toBe('policy-denied')
  })

  it('has words of its own for everything that is built into policies', () => {
    const { variants = {} } = CLASS_TEXTS['policy-denied']
    expect(Object.keys(variants).sort()).toEqual(Object.values(BUILT_IN).sort())
  })

  it('names the key of the configuration', () => {
    const of = (rule: string) => diagnose({ ...WELL, outcome: 'refused', status: 403, rule })?.remedy
    expect(of('other-host')).toContain('intercept.other_hosts')
    expect(of('relay-refused')).toContain('intercept.cas')
    expect(of('unknown-host')).toContain('acmetap enroll')
  })

  it.each(FAILURES)('failure %s', (failure) => {
    const got = diagnose({ ...WELL, outcome: 'failed', status: 502, failure })
    const expected: Record<string, string> = {
      tls: 'ca-certificate',
      responseTooLarge: 'ca-answer',
      responseUnreadable: 'ca-answer',
      aborted: 'interrupted',
    }
    expect(got).toMatchObject({ class: expected[failure] ?? 'ca-unreachable', details: { failure } })
  })

  it('says of each failure to reach the CA what helps', () => {
    const remedies = FAILURES.map((failure) => diagnose({ ...WELL, outcome: 'failed', failure })?.remedy)
    for (const remedy of remedies) expect(remedy).toMatch(/egress|cas\.<name>|acmetap |Clients try|Nothing/)
    expect(new Set(remedies).size).toBeGreaterThan(7)
  })

  it.each([
    ['unknown', 'interrupted'],
    ['notSent', 'acmetap-busy'],
  ])('outcome %s: %s', (outcome, name) => {
    expect(diagnose({ ...WELL, outcome, status: null })?.class).toBe(name)
  })

  it.each([
    ['directory', 404, 'ca-answer'],
    ['directory', 403, 'ca-answer'],
    ['newOrder', 403, 'ca-answer'],
    ['newNonce', 404, 'ca-answer'],
    ['order', 404, 'not-found'],
    ['unrecognised', 404, 'not-found'],
    ['unrecognised', 410, 'not-found'],
    ['unrecognised', 403, 'ca-answer'],
    ['newOrder', 429, 'ca-busy'],
    ['newNonce', 503, 'ca-busy'],
    ['finalize', 502, 'ca-internal'],
  ])('%s answered %d without a problem document: %s', (operation, status, name) => {
    expect(diagnose({ ...WELL, operation, status })).toMatchObject({
      class: name,
      details: { status: String(status) },
    })
  })

  it('lays a URL that no answer named to the client', () => {
    expect(diagnose({ ...WELL, operation: 'unrecognised', status: 404 })).toMatchObject({
      cause: expect.stringContaining('nothing at this URL'),
      remedy: expect.stringContaining('read the directory again'),
      fixer: 'client',
    })
  })

  it('says nothing of what a host behind a tunnel answered', () => {
    expect(diagnose({ ...WELL, operation: 'tunnel', status: 404 })).toBeNull()
  })
})

describe('neighbouring classes', () => {
  it('an IPv6 address in a failing fetch: wrong-aaaa, with what happened there', () => {
    for (const [said, inner] of [
      ['Connection refused', 'connection-refused'],
      ['Timeout during connect (likely firewall problem)', 'firewall'],
      ['Network unreachable', 'network-unreachable'],
    ])
      expect(challenge(`2001:db8::7: ${FETCH}${said}`)).toMatchObject({
        class: 'wrong-aaaa',
        details: { address: '2001:db8::7', inner },
      })
    expect(challenge(`2001:db8::7: ${FETCH}Too many redirects`)?.class).toBe('redirect-loop')
  })

  it('an internal address: split-horizon; behind a private CA it is the address of the server', () => {
    for (const address of ['10.1.2.3', '192.168.0.9', '172.31.0.1', '100.64.0.1', '169.254.1.1', 'fd00::1'])
      expect(challenge(`${address}: ${FETCH}Connection refused`)).toMatchObject({
        class: 'split-horizon',
        details: { address, inner: 'connection-refused' },
      })
    const dialled = 'Get "http://a.example/x": dial tcp 10.1.2.3:80: connect: connection refused'
    expect(challenge(dialled)?.class).toBe('connection-refused')
    const reserved =
      'no valid A records found for a.example: A record IP address is in a reserved address block: [RFC1918]: Private-Use'
    expect(problem('dns', reserved, { challengeType: 'http-01', operation: 'challenge' })?.class).toBe(
      'split-horizon',
    )
  })

  it.each([
    ['<html><head><title>Just a moment...</title></head> cf-ray', 'Cloudflare'],
    ['<!DOCTYPE html><title>Welcome to nginx!</title>', "nginx's default site"],
    ['<html><body>domain is for sale</body>', 'a parking page'],
    ['<!doctype html><html><head><title>Our shop</title>', 'a page titled Our shop'],
    ['<?xml version="1.0"?><Error>', 'a web page'],
  ])('%s: other-server', (body, server) => {
    const said = `203.0.113.7: Invalid response from http://www.example.com/.well-known/acme-challenge/abc: "${body}"`
    expect(
      problem('unauthorized', said, { challengeType: 'http-01', status: 200, operation: 'challenge' }),
    ).toMatchObject({ class: 'other-server', details: { server } })
  })

  it('during secondary validation, anything: secondary-validation with what it was', () => {
    for (const prefix of [
      'During secondary validation: ',
      'acme: error: 400 :: During secondary validation: ',
    ])
      expect(challenge(`${prefix}203.0.113.7: ${FETCH}Connection refused`)).toMatchObject({
        class: 'secondary-validation',
        details: { inner: 'connection-refused', address: '203.0.113.7' },
      })
  })

  it('a wildcard with a challenge that cannot validate it', () => {
    const odd = { challengeType: 'http-01', wildcard: true, operation: 'authorization', status: 200 } as const
    expect(problem('unauthorized', 'Something new', odd)?.class).toBe('wildcard-without-dns')
  })
})

describe('what a text names', () => {
  it('is a name where there is one, and not the kind of the challenge', () => {
    const cause = (detail: string) => problem('unauthorized', detail, { challengeType: 'dns-01' })?.cause
    expect(cause('No TXT records found for DNS challenge')).toBe('The CA found no TXT record.')
    expect(cause('No TXT record found at _acme-challenge.www.example.com')).toBe(
      'The CA found no TXT record at _acme-challenge.www.example.com.',
    )
  })
})

describe('rate limits', () => {
  it('reads when the next request may pass, in both layouts', () => {
    const until = (said: string) =>
      problem('rateLimited', `too many new orders (300) from this account in the last 3h0m0s, ${said}`, {
        status: 429,
      })?.details.until
    expect(until('retry after 2026-11-22 14:05:33 UTC: see https://x')).toBe('2026-11-22T14:05:33.000Z')
    expect(until('Retry after 2026-11-22T14:05:33Z')).toBe('2026-11-22T14:05:33.000Z')
    expect(until('retry after 2026-11-22T15:05:33+01:00')).toBe('2026-11-22T14:05:33.000Z')
    expect(until('retry after 2026-99-99 14:05:33 UTC')).toBeUndefined()
    expect(until('retry later')).toBeUndefined()
  })

  it.each([
    'You have exceeded your certificate quota',
    'Rate limit exceeded for this API key',
    'too many requests, slow down',
    null,
  ])('of another CA is unknown: %s', (said) => {
    expect(problem('rateLimited', said, { status: 429 })).toMatchObject({
      class: 'rate-limit',
      details: { limit: 'unknown' },
    })
  })
})

describe('a paused account', () => {
  const PAUSED =
    'Your account is temporarily prevented from requesting certificates for a.example, b.example and possibly others. Please visit: '

  it('names the names, never the link', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJXRkUiLCJDQU5BUlkiOjF9.Q0FOQVJZLXNpZ25hdHVyZQ'
    for (const link of [
      `https://sfe.example/sfe/v1/unpause?jwt=${jwt}`,
      'https://sfe.example/unpause?jwt=[redacted]',
      jwt,
    ]) {
      const got = problem('rateLimited', PAUSED + link, { status: 429 })
      expect(got).toMatchObject({ class: 'account-paused', details: { names: 'a.example, b.example' } })
      expect(JSON.stringify(got)).not.toMatch(/eyJ|jwt|sfe\.example/)
    }
  })

  it('no credential reaches any detail, wherever it stands', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJDQU5BUlkifQ.Q0FOQVJZLXNpZ25hdHVyZQ'
    for (const file of TEXT_FILES)
      for (const text of textsOf(file)) {
        const words = text.detail.split(' ')
        words.splice(Math.floor(words.length / 2), 0, jwt, `https://x.example/unpause?jwt=${jwt}`)
        const got = problem(text.type, words.join(' '), { operation: text.operation, status: text.status })
        expect(JSON.stringify(got)).not.toContain('eyJpc3MiOiJDQU5BUlkifQ')
      }
  })
})

describe('a text without a row', () => {
  it('is unclassified with its type and its shape, which is the same for other names', () => {
    const of = (name: string, ip: string, n: number) =>
      problem(
        'unauthorized',
        `Frobnication of ${name} at ${ip} failed ${n} times: "${name}" 2026-01-02T03:04:05Z`,
        {
          challengeType: 'http-01',
          status: 200,
        },
      )
    const one = of('www.example.com', '192.0.2.1', 3)
    expect(one).toMatchObject({
      class: 'unclassified',
      details: {
        type: 'urn:ietf:params:acme:error:unauthorized',
        shape: 'Frobnication of <name> at <address> failed <number> times: <text> <time>',
      },
    })
    expect(of('a.b.example.org', '2001:db8::1', 17)?.details.shape).toBe(one?.details.shape)
  })

  it('is never dropped, whatever its type', () => {
    for (const type of ['', 'about:blank', 'urn:ietf:params:acme:error:brandNew', 'constructor', '__proto__'])
      expect(diagnose({ ...WELL, status: 400, problem: { type, detail: 'Frobnicated' } })?.class).toBe(
        'unclassified',
      )
    expect(diagnose({ ...WELL, status: 400, problem: { type: '', detail: null } })?.class).toBe(
      'unclassified',
    )
  })

  it('says so where only the type is known', () => {
    expect(problem('caa', 'Frobnicated')).toMatchObject({ class: 'caa', details: { shape: 'Frobnicated' } })
  })
})

describe('any input', () => {
  const said = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({ maxLength: 6000 }),
    fc
      .array(
        fc.constantFrom(
          ...TEXT_FILES.flatMap((file) => textsOf(file).flatMap(({ detail }) => detail.split(' '))),
          '"',
          '\\',
          ': ',
          ' :: ',
          '2001:db8::1',
          '\ud800',
          '{limit}',
          '[',
        ),
        { maxLength: 60 },
      )
      .map((words) => words.join(' ')),
  )
  const symptoms: fc.Arbitrary<Symptom> = fc.record({
    outcome: fc.constantFrom('response', 'refused', 'failed', 'unknown', 'notSent', 'running', 'odd'),
    operation: fc.constantFrom(...OPERATIONS),
    status: fc.option(fc.integer({ min: 100, max: 599 })),
    problem: fc.option(
      fc.record({
        type: fc.oneof(
          fc
            .constantFrom('connection', 'dns', 'rateLimited', 'malformed', 'unauthorized')
            .map((name) => `urn:ietf:params:acme:error:${name}`),
          fc.string(),
        ),
        detail: fc.option(said),
      }),
    ),
    challengeType: fc.option(fc.constantFrom('http-01', 'dns-01', 'tls-alpn-01', 'dns-persist-01', 'odd')),
    wildcard: fc.boolean(),
    failure: fc.option(fc.string()),
    rule: fc.option(fc.string()),
    isPolicy: fc.boolean(),
  })

  it('gives a valid, bounded diagnosis or null, and the same one again', () => {
    fc.assert(
      fc.property(symptoms, (symptom) => {
        const got = diagnose(symptom)
        expect(diagnose(symptom)).toEqual(got)
        if (got === null) return
        diagnosis.parse(got)
        const details = Object.entries(got.details)
        expect(details.length).toBeLessThanOrEqual(16)
        for (const [, value] of details) expect(value.length).toBeLessThanOrEqual(300)
        expect(describeClass(got.class, got.details)).toEqual(got)
      }),
      { numRuns: 1500 },
    )
  })

  it('an answer with a problem is told, but for the question for an account', () => {
    fc.assert(
      fc.property(symptoms, (symptom) => {
        fc.pre(symptom.outcome === 'response' && symptom.problem !== null)
        fc.pre(symptom.operation !== 'newAccount')
        expect(diagnose(symptom)).not.toBeNull()
      }),
      { numRuns: 300 },
    )
  })
})

it('every class can be described without details, and leaves no mark of the template', () => {
  for (const name of DIAGNOSIS_CLASSES) {
    const { cause, remedy } = describeClass(name)
    expect(`${cause} ${remedy}`).not.toMatch(/[{}[\]]/)
  }
})
