import { existsSync } from 'node:fs'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { Config } from '../../config/schema.ts'
import type { EngineAccount } from '../../engine/account.ts'
import { ClockGuard } from '../../engine/managed/clock-guard.ts'
import type { FailingRenewal } from '../../engine/managed/failing-renewal.ts'
import { engineFile } from '../../store/sqlite/engine/engine-file.ts'
import { Closing } from '../closing.ts'
import { engineWhenAsked } from './engine-when-asked.ts'
import { type EngineHost, type OpenedEngine, openEngine } from './open-engine.ts'

export interface ServerEngine {
  readonly operations: EngineOperations
  /** Opens it where it is not. Rejects with what keeps it from being opened. */
  opened(): Promise<OpenedEngine>
  /**
   * Opens it where there is something to do; a server without engine pays nothing for it. Where that fails it is told, and
   * tried again. Rejects never.
   */
  begin(): Promise<void>
  /** The configuration has changed. Never rejects. */
  use(): Promise<void>
  /** Managed certificates that should be there and are not. */
  failing(): Promise<readonly FailingRenewal[]>
  /** Accounts of acmetap's own that CAs no longer take. */
  lostAccounts(): Promise<readonly EngineAccount[]>
  close(): Promise<void>
}

export type ServerEngineHost = Omit<EngineHost, 'isServer' | 'clockTrusted'> & {
  /** The CAs' clocks less ours, ms. Measured when asked: what was true before a jump says nothing after it. */
  readonly skews: () => readonly number[]
  /** It could not be opened: why. */
  readonly onUnavailable: (error: unknown) => void
}

/** ms until it is tried again. */
const AGAIN = 30_000
/** µs since 1970: this program was not there before. */
const EARLIEST = Date.UTC(2026, 10, 1) * 1000
/** ms by which the Date of a CA may differ from the clock here. */
const AGREE = 3_600_000

/** The engine of a server, opened with its start or with the first question. */
export function serverEngine(host: ServerEngineHost): ServerEngine {
  const closing = new Closing()
  const guard = new ClockGuard(host.clock, EARLIEST, () => agree(host.skews()))
  let opening: Promise<OpenedEngine> | null = null
  let closed = false
  let again: NodeJS.Timeout | null = null
  const opened = (): Promise<OpenedEngine> => {
    if (closed) return Promise.reject(new Error('acmetap is stopping'))
    opening ??= open().catch(async (error: unknown) => {
      // Only then may another try open the same again.
      await closing.run(host.onFault)
      opening = null
      throw error
    })
    return opening
  }
  const open = async () => {
    const engine = await openEngine({ ...host, isServer: true, clockTrusted: () => guard.trusted() }, closing)
    await engine.start()
    return engine
  }
  const config = () => host.inForce().config
  /** What keeps the engine from being opened (a port, a lost key) keeps nobody from reaching a CA. */
  const attempt = async (): Promise<void> => {
    if (closed || !hasWork(config())) return
    try {
      await opened()
    } catch (error) {
      if (closed) return
      host.onUnavailable(error)
      again = setTimeout(() => void attempt(), AGAIN).unref()
    }
  }
  return {
    operations: engineWhenAsked(async () => (await opened()).operations),
    opened,
    begin: attempt,
    async use() {
      try {
        if (opening !== null || hasWork(config())) (await opened()).use()
      } catch (error) {
        host.onFault(error)
      }
    },
    failing: async () => (opening === null ? [] : (await opening).managed.failing()),
    lostAccounts: async () => (opening === null ? [] : (await opening).parts.accounts.lost()),
    async close() {
      closed = true
      if (again !== null) clearTimeout(again)
      await opening?.catch(() => undefined)
      await closing.run(host.onFault)
    },
  }
}

function hasWork({ engine, data, broker, local_cas }: Config): boolean {
  const { certificates, dns, reissue } = engine
  const isWanted =
    certificates.length > 0 ||
    dns !== undefined ||
    reissue.schedule !== undefined ||
    broker.length > 0 ||
    Object.keys(local_cas).length > 0
  return isWanted || existsSync(engineFile(data))
}

/** Null where no CA has said its time lately. */
function agree(skews: readonly number[]): boolean | null {
  if (skews.length === 0) return null
  return skews.filter((skew) => Math.abs(skew) < AGREE).length * 2 > skews.length
}
