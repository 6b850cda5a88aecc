import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteReader } from '../../src/store/sqlite/open.ts'
import { type Acmetap, startAcmetap } from '../support/acmetap-process.ts'
import { type CheckReport, checkRecord, type ReceivedAnswer } from '../support/checker.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

/** A test CA that ignores nonces with acmetap before it, in a folder of their own. */
export interface RelayWorld {
  readonly ca: TestCa
  readonly folder: string
  acmetap: Acmetap
  /** Starts acmetap again on the same ports and data. */
  restart(): Promise<Acmetap>
  /** Stops acmetap, then compares record, CA and clients. */
  check(answers: readonly ReceivedAnswer[]): Promise<CheckReport>
  close(): Promise<void>
}

export async function openRelayWorld(
  options: { dataFolder?: string; command?: readonly string[] } = {},
): Promise<RelayWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-soak-'))
  const ca = await startTestCa({ nonces: 'ignore' })
  const { directory, trust } = ca
  let acmetap: Acmetap
  try {
    acmetap = await startAcmetap({ folder, directory, trust, ...options })
  } catch (error) {
    await ca.close()
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  const world: RelayWorld = {
    ca,
    folder,
    acmetap,
    async restart() {
      world.acmetap = await startAcmetap({ folder, directory, trust, ...options, ports: world.acmetap.ports })
      return world.acmetap
    },
    async check(answers) {
      await world.acmetap.stop()
      const reader = openSqliteReader(world.acmetap.dataFolder)
      try {
        return await checkRecord(ca.log.requests, answers, reader)
      } finally {
        await reader.close()
      }
    },
    async close() {
      await world.acmetap.stop()
      await ca.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return world
}
