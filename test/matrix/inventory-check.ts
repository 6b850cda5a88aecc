import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { AcmeClient, Surroundings, Wish } from '../support/peers/client.ts'
import { type Comparison, dumpDifferences, OBJECTS } from '../support/truth/compare.ts'
import { lookAt, operationsOf, rebuiltInventory } from '../support/truth/look-at.ts'
import { certificatesIn, fingerprintOf, namesOf } from '../support/truth/read-pem.ts'
import type { Operation } from './row.ts'
import type { World } from './world.ts'

/** The certificate that a client keeps; null where it keeps none. */
export async function keptCertificate(
  client: AcmeClient,
  around: Surroundings,
  wish: Wish,
): Promise<X509Certificate | null> {
  const pem = await readFile(client.certificate(around, wish), 'utf8').catch(() => '')
  return certificatesIn(pem)[0] ?? null
}

/** What the inventory has of a certificate that a client has just got or revoked, where that is wrong. */
export async function whatInventoryLacks(
  { config }: World,
  client: AcmeClient,
  operation: Operation,
  leaf: X509Certificate | null,
): Promise<string | null> {
  if (leaf === null) return 'the client keeps no certificate'
  const { inventory } = await operationsOf(config)
  const has = await inventory.certificate(fingerprintOf(leaf))
  if (has === null) return `the inventory does not have the certificate ${leaf.serialNumber}`
  const names = has.identifiers.map(({ type, value }) => `${type}:${value}`).toSorted()
  if (names.join() !== namesOf(leaf).join()) return `the inventory has it for ${names.join(', ')}`
  if (has.notAfter !== new Date(leaf.validTo).toISOString())
    return `the inventory has it until ${has.notAfter}`
  const order = has.order === null ? null : await inventory.order(has.order)
  if (order === null) return 'the inventory has no order for it'
  if (has.account === null || order.account?.url !== has.account.url)
    return 'the inventory has no account for it'
  const { items: clients } = await inventory.clients({ account: has.account.url, limit: 1000 })
  const orderer = clients.find(({ id }) => id === order.client?.id)
  if (!client.userAgent.test(orderer?.userAgent ?? ''))
    return `the inventory has ${orderer?.userAgent ?? 'nobody'} as the client that ordered it`
  if ((operation === 'revoke') !== (has.revokedAt !== null))
    return `the inventory has it as ${has.revokedAt === null ? 'not ' : ''}revoked`
  return null
}

/** The inventory held against everything that happened, as it is, after a SIGKILL, and made anew. */
export async function compareInventory(world: World): Promise<Comparison> {
  const look = () => lookAt(world.config, [world], path.join(world.folder, 'clients'))
  const { comparison, inventory } = await look()
  await world.restart('SIGKILL')
  const killed = await look()
  const rebuilt = await rebuiltInventory(world.config)
  return {
    ...comparison,
    differences: [
      ...comparison.differences,
      ...killed.comparison.differences.map((one) => `after SIGKILL: ${one}`),
      ...dumpDifferences(inventory, killed.inventory, OBJECTS).map((one) => `after SIGKILL: ${one}`),
      ...dumpDifferences(killed.inventory, rebuilt).map((one) => `after rebuild: ${one}`),
    ],
  }
}
