import { afterEach, expect, test } from 'vitest'
import { startRawCa } from '../support/raw-ca.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const DAY = 86_400_000
const root = makeRoot('Trusted Root')
const names = ['localhost', '127.0.0.1']

test.each([
  ['expired', makeServerCertificate({ names, issuer: root, notAfter: new Date(Date.now() - DAY / 2) })],
  ['not yet valid', makeServerCertificate({ names, issuer: root, notBefore: new Date(Date.now() + DAY) })],
  ['of another name', makeServerCertificate({ names: ['other.example'], issuer: root })],
  ['self-signed', makeServerCertificate({ names, issuer: 'self' })],
  ['of another root', makeServerCertificate({ names, issuer: makeRoot('Trusted Root') })],
])(
  "N12: a CA's certificate that is %s: 502 with a problem, recorded, and the CA gets nothing",
  async (_what, certificate) => {
    const ca = opened.add(await startRawCa({ root, certificate }))
    const { origin, trust } = ca.ca()
    const world = opened.add(await compose({ bad: { directory: `${origin}/dir`, trust: trust ?? '' } }))
    const transport = await world.transport()

    const answer = await transport.send('GET', `https://localhost:${world.port}/dir`)

    expect(answer.status).toBe(502)
    expect(answer.fields['content-type']).toBe('application/problem+json')
    const problem = JSON.parse(answer.body.toString()) as { type: string; detail: string; instance: string }
    expect(problem.type).toBe('urn:ietf:params:acme:error:serverInternal')
    expect(problem.detail).toContain('TLS certificate')
    expect(problem.instance).toBe(`urn:uuid:${answer.exchange}`)
    const recorded = await world.running.operations.exchange(answer.exchange ?? '')
    expect(recorded?.outcome).toMatchObject({ outcome: 'failed', status: 502, failure: { cause: 'tls' } })
    expect(ca.requests).toEqual([])
  },
)
