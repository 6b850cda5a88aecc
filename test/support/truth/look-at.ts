import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { controlSocketPath } from '../../../src/api/control-socket.ts'
import type { Operations } from '../../../src/api/operations.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import type { Pebble } from '../../../src/cli/demo/pebble.ts'
import { digestOf, type Tap, type TappedExchange } from '../tap.ts'
import { type Comparison, compare, compareFiles, type OnDisk } from './compare.ts'
import { dealingsWith, withoutClients } from './own-dealings.ts'
import { issuedByPebble } from './pebble-truth.ts'
import { type InventoryDump, readInventory } from './read-inventory.ts'
import { certificatesBelow } from './read-pem.ts'
import { truthOfWire } from './wire-truth.ts'

export interface Looked {
  readonly comparison: Comparison
  readonly inventory: InventoryDump
  /** Answers of the CA that never came into the record, because acmetap was killed before. */
  readonly lost: number
}

/** A running acmetap, by its configuration file. */
export async function operationsOf(config: string): Promise<Operations> {
  const operations = await connectControl(controlSocketPath(path.join(path.dirname(config), 'data')))
  if (operations === null) throw new Error('acmetap does not answer on its control socket')
  return operations
}

/**
 * Holds the inventory of a running acmetap against what went over the wire, the CA's word and the clients' files.
 * `asItself`: the name of the CA, where acmetap is the only one that asks it, and a server to the clients.
 */
export async function lookAt(
  config: string,
  cas: readonly { readonly tap: Tap; readonly pebble: Pebble }[],
  clientFolder: string,
  asItself: string | null = null,
): Promise<Looked> {
  const operations = await operationsOf(config)
  const inventory = await readCaughtUp(operations)
  const wire = cas.flatMap(({ tap }) => tap.exchanges())
  const known = wire.filter(await recordedAnswers(operations))
  const issued = (await Promise.all(cas.map(({ pebble }) => issuedByPebble(pebble)))).flat()
  const onDisk = await certificatesBelow(clientFolder)
  const truth = truthOfWire(known)
  const comparison =
    asItself === null
      ? compare(truth, inventory, issued, onDisk)
      : compareAsItself(
          compare(withoutClients(truth), dealingsWith(asItself, inventory), issued, null),
          inventory,
          onDisk,
        )
  return { comparison, inventory, lost: wire.length - known.length }
}

/** Clients have certificates of other CAs as well. */
function compareAsItself(upstream: Comparison, inventory: InventoryDump, onDisk: OnDisk): Comparison {
  const differences: string[] = []
  compareFiles(inventory, onDisk, (difference) => void differences.push(difference))
  const files = [...onDisk.values()].flat().length
  return { ...upstream, files, differences: [...upstream.differences, ...differences] }
}

/** Makes it anew and reads it. */
export async function rebuiltInventory(config: string): Promise<InventoryDump> {
  const operations = await operationsOf(config)
  await operations.rebuild({ kind: 'local', token: null, name: null })
  return readCaughtUp(operations)
}

const PATIENCE_MS = 60_000

async function readCaughtUp({ inventory }: Operations): Promise<InventoryDump> {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(50)) {
    const { projected, recorded, rebuilding, fault } = await inventory.progress()
    if (fault !== null) throw new Error(`the inventory stands still: ${fault}`)
    if (projected === recorded && !rebuilding) return readInventory(inventory)
    if (Date.now() > until) throw new Error(`the inventory is at ${projected} of ${recorded}`)
  }
}

/** Whether the answer to a tapped request is in the record. A signed request is told by its body: no nonce comes twice. */
async function recordedAnswers(operations: Operations): Promise<(one: TappedExchange) => boolean> {
  const answered = new Set<string>()
  for (let after = 0; ; ) {
    const page = await operations.exchanges({ after }, 1000)
    for (const { intent, outcome } of page)
      if (outcome?.outcome === 'response' && intent.request.digest !== null)
        answered.add(intent.request.digest)
    const last = page.at(-1)
    if (last === undefined || page.length < 1000) break
    after = last.intent.sequence
  }
  return (one) => one.method !== 'POST' || answered.has(digestOf(one.body))
}
