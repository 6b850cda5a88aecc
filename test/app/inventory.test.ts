import { X509Certificate } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { openOffline } from '../../src/app.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const PAGE = { limit: 100 }

test('what went through a relay is in the inventory as the CA and the client have it', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount({ termsOfServiceAgreed: true, contact: ['mailto:a@example.com'] })
  const first = await client.issue(['one.example', 'two.example'])
  const second = await client.issue(['one.example', 'two.example'])
  const other = await client.issue(['other.example'])
  await client.revoke(other.pem, 4)
  await client.changeKey()
  const late = await client.issue(['late.example'])

  const { inventory } = world.running.operations
  const { items: certificates } = await inventory.certificates(PAGE)
  const truth = [late, other, second, first].map(({ pem, order }) => {
    const leaf = new X509Certificate(pem)
    return {
      fingerprint: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
      serial: leaf.serialNumber.toLowerCase().replace(/^0+/, ''),
      notAfter: leaf.validToDate.toISOString(),
      names: leaf.subjectAltName?.split(', ').map((name) => name.replace('DNS:', '')),
      order,
    }
  })
  const { items: orders } = await inventory.orders(PAGE)
  const orderUrl = (id: string | null) => orders.find((order) => order.id === id)?.url
  const shown = certificates.map(({ fingerprint, serial, notAfter, identifiers, order }) => ({
    fingerprint,
    serial,
    notAfter,
    names: identifiers.map(({ value }) => value),
    order: orderUrl(order),
  }))
  expect(shown).toEqual(truth)
  expect(certificates[1]).toMatchObject({ revokedBy: 'account', revocationReason: 4 })
  expect(certificates[3]).toMatchObject({ replacedBy: certificates[2]!.fingerprint })
  expect(orders.map(({ status, requests }) => [status, requests])).toEqual(Array(4).fill(['valid', 1]))
  const { items: accounts } = await inventory.accounts(PAGE)
  expect(accounts).toMatchObject([
    { url: client.account, contacts: ['mailto:a@example.com'], status: 'valid' },
  ])
  expect(accounts[0]!.keyChanges).toHaveLength(1)
  expect((await inventory.clients(PAGE)).items).toMatchObject([
    {
      program: 'acmetap-test-client',
      versions: ['1'],
      label: `localhost:${world.port}`,
      modes: ['relay'],
    },
  ])
  expect((await inventory.failures(PAGE)).items).toEqual([])
  expect(await inventory.certificatePem(certificates[0]!.fingerprint)).toBe(late.pem)

  const offline = await openOffline({ data: world.data })
  expect((await offline.inventory.certificates(PAGE)).items).toEqual(certificates)
  await offline.close()
})
