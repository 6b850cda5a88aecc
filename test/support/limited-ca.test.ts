import { expect, test } from 'vitest'
import { httpsTransport, TestAcmeClient } from './acme-client.ts'
import { startLimitedCa } from './limited-ca.ts'

/** The CA that the roll-out is judged by must itself be right. */
test('turns away what is over a limit of the address, and nothing else', async () => {
  const ca = await startLimitedCa({ pacing: { directory: { rate: 0.001, burst: 3 } } })
  const transport = httpsTransport(ca.trust)
  try {
    for (let i = 0; i < 3; i++) expect((await transport.send('GET', ca.directory)).status).toBe(200)
    const refused = await transport.send('GET', ca.directory)
    expect([refused.status, refused.fields['content-type']]).toEqual([
      503,
      'application/problem+json; charset=utf-8',
    ])
    expect(Number(refused.fields['retry-after'])).toBeGreaterThan(900)
    expect(JSON.parse(refused.body.toString())).toMatchObject({
      type: 'urn:ietf:params:acme:error:rateLimited',
      detail: 'Service busy; retry later.',
    })
    expect((await transport.send('HEAD', new URL('/new-nonce', ca.directory).href)).status).toBe(200)
    expect(ca.counts()).toMatchObject({ directory: { 200: 3, 503: 1 }, newNonce: { 200: 1 } })
  } finally {
    transport.close()
    await ca.close()
  }
})

test('limits accounts by address and orders by account, issues whole certificates, and says which are due', async () => {
  const ca = await startLimitedCa({ pacing: {}, newAccountsPerAddress: 1, newOrdersPerAccount: 1, due: 0.5 })
  const transport = httpsTransport(ca.trust)
  try {
    const client = new TestAcmeClient(transport)
    const { renewalInfo } = await client.discover(ca.directory)
    expect(client.answers[0]!.fields['cache-control']).toBe('public, max-age=0, no-cache')
    await client.newAccount()
    expect((await client.issue(['one.test'])).pem).toContain('BEGIN CERTIFICATE')
    await expect(client.issue(['two.test'])).rejects.toThrow('429')
    const other = new TestAcmeClient(transport)
    await other.discover(ca.directory)
    await expect(other.newAccount()).rejects.toThrow('too many new registrations')
    const starts = await Promise.all(
      ['AAA', '__8'].map(async (serial) => {
        const { body } = await transport.send('GET', `${renewalInfo}/aki.${serial}`)
        return Date.parse(JSON.parse(body.toString()).suggestedWindow.start) < Date.now()
      }),
    )
    expect(starts).toEqual([true, false])
  } finally {
    transport.close()
    await ca.close()
  }
})
