import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { InventoriedCertificate } from '../../src/audit/inventory/certificate.ts'
import type { Client } from '../../src/audit/inventory/client.ts'
import type { InventoryReader } from '../../src/audit/inventory/inventory-reader.ts'
import type { AcmeClient, Surroundings, Wish } from '../support/peers/client.ts'
import { type Comparison, dumpDifferences, OBJECTS } from '../support/truth/compare.ts'
import { lookAt, operationsOf, rebuiltInventory } from '../support/truth/look-at.ts'
import { certificatesIn, fingerprintOf, namesOf } from '../support/truth/read-pem.ts'
import { endpointOf } from './broker-cases.ts'
import type { Case, Operation } from './row.ts'
import { until } from './until.ts'
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
  { broker: way }: Case,
  operation: Operation,
  leaf: X509Certificate | null,
): Promise<string | null> {
  if (leaf === null) return 'the client keeps no certificate'
  const { inventory } = await operationsOf(config)
  const { recorded } = await inventory.progress()
  await until(async () => (await inventory.progress()).projected >= recorded, 60)
  const has = await inventory.certificate(fingerprintOf(leaf))
  if (has === null) return `the inventory does not have the certificate ${leaf.serialNumber}`
  const names = has.identifiers.map(({ type, value }) => `${type}:${value}`).toSorted()
  if (names.join() !== namesOf(leaf).join()) return `the inventory has it for ${names.join(', ')}`
  if (has.notAfter !== new Date(leaf.validTo).toISOString())
    return `the inventory has it until ${has.notAfter}`
  const orderer =
    way === undefined ? await orderedBy(inventory, has) : await orderedAt(inventory, endpointOf(way), has)
  if (typeof orderer === 'string') return orderer
  if (!client.userAgent.test(orderer.userAgent ?? ''))
    return `the inventory has ${orderer.userAgent ?? 'nobody'} as the client that ordered it`
  if ((operation === 'revoke') !== (has.revokedAt !== null))
    return `the inventory has it as ${has.revokedAt === null ? 'not ' : ''}revoked`
  return null
}

/** The client whose order it is; else what is missing. */
async function orderedBy(inventory: InventoryReader, has: InventoriedCertificate): Promise<Client | string> {
  const order = has.order === null ? null : await inventory.order(has.order)
  if (order === null) return 'the inventory has no order for it'
  if (has.account === null || order.account?.url !== has.account.url)
    return 'the inventory has no account for it'
  const { items } = await inventory.clients({ account: has.account.url, limit: 1000 })
  return items.find(({ id }) => id === order.client?.id) ?? 'the inventory has no client that ordered it'
}

/** The same at an endpoint of the broker: the certificate's own order may be that of acmetap's engine at the CA. */
async function orderedAt(
  inventory: InventoryReader,
  endpoint: string,
  has: InventoriedCertificate,
): Promise<Client | string> {
  const { items: orders } = await inventory.orders({ ca: endpoint, limit: 1000 })
  const order = orders.find(({ certificate }) => certificate === has.fingerprint)
  if (order === undefined || order.account === null) return `the inventory has no order of ${endpoint} for it`
  if (!has.downloadedBy.some(({ account }) => account === order.account?.url))
    return 'the inventory does not have it that the client fetched it'
  const { items } = await inventory.clients({ account: order.account.url, limit: 1000 })
  return items.find(({ id }) => id === order.client?.id) ?? 'the inventory has no client that ordered it'
}

/**
 * The inventory held against everything that happened, as it is, after a SIGKILL, and made anew. `asItself`: as for
 * {@link lookAt}.
 */
export async function compareInventory(world: World, asItself: string | null): Promise<Comparison> {
  const look = () => lookAt(world.config, [world], path.join(world.folder, 'clients'), asItself)
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
