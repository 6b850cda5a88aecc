import { mkdir, readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { startPebble } from '../../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../../src/cli/demo/web-server.ts'
import { startTestCa } from '../test-ca/test-ca.ts'

/** What a CA itself says has happened there. */
export interface CaTruth {
  readonly accounts: number
  readonly orders: number
  /** Certificates it has made: one for each finalize that it acted on. */
  readonly issued: number
}

/** A CA that knows what it did, and answers to challenges looked for in a folder. */
export interface DrillCa {
  readonly directory: string
  /** PEM. */
  readonly trust: string
  /** PEM of the root its certificates come from. */
  issuer(): Promise<string>
  /** Where http-01 answers go. */
  readonly webroot: string
  truth(): CaTruth
  /** More that is wrong by its log, where it can say so. */
  faults(): readonly string[]
  close(): Promise<void>
}

/** Takes every answer for right. Its log has each request. */
export async function testCaForDrill(folder: string): Promise<DrillCa> {
  const ca = await startTestCa()
  const webroot = join(folder, 'web')
  await mkdir(webroot, { recursive: true })
  return {
    directory: ca.directory,
    trust: ca.trust,
    issuer: async () => ca.issuer,
    webroot,
    truth: () => ({
      accounts: ca.state.accounts.size,
      orders: ca.state.orders.size,
      issued: [...ca.state.orders.values()].filter(({ certificate }) => certificate !== null).length,
    }),
    faults: () =>
      [...ca.state.orders.values()].flatMap(({ finalize, identifiers }) => {
        const times = ca.log.requests.filter(({ target }) => target === finalize).length
        return times === 1 ? [] : [`${identifiers[0]?.value}: ${times} times finalize`]
      }),
    close: () => ca.close(),
  }
}

/** Looks at every answer, and refuses nonces. Its own log is the truth. */
export async function pebbleForDrill(folder: string): Promise<DrillCa> {
  const pebble = await startPebble({ folder: join(folder, 'pebble'), flags: ['-strict'] })
  const webroot = join(folder, 'web')
  await mkdir(webroot, { recursive: true })
  let web: Server
  try {
    web = await serveFolder(webroot, pebble.httpPort)
  } catch (error) {
    await pebble.stop()
    throw error
  }
  const count = (pattern: RegExp) => pebble.log().match(pattern)?.length ?? 0
  return {
    directory: pebble.directory,
    trust: await readFile(pebble.trust, 'utf8'),
    issuer: () => pebble.issuingRoot(),
    webroot,
    truth: () => ({
      accounts: Number(
        [...pebble.log().matchAll(/There are now (\d+) accounts in memory/g)].at(-1)?.[1] ?? 0,
      ),
      orders: count(/Added order "/g),
      issued: count(/Issued certificate serial /g),
    }),
    faults: () => [],
    async close() {
      web.close()
      web.closeAllConnections()
      await pebble.stop()
    },
  }
}
