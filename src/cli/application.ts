import type { EabOperations } from '../api/broker-operations.ts'
import type { EngineOperations } from '../api/engine-operations.ts'
import type { RecordOperations, ReloadReport } from '../api/operations.ts'
import type { InventoryProgress } from '../audit/inventory/inventory-reader.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'

/** The record without a server. */
export interface OfflineOperations extends RecordOperations {
  close(): Promise<void>
}

export interface Running {
  readonly addresses: readonly { readonly name: string; readonly address: string; readonly port: number }[]
  /** The first admin token, where this start made it: to be told once. Until `told`, the file holds it. */
  readonly firstToken?: { readonly text: string; readonly file: string; told(): void } | null
  /** Reads the configuration file again; a bad one changes nothing. Never rejects. */
  reload(): Promise<ReloadReport>
  /** Takes no new exchange, waits for running ones as configured, and ends. */
  close(): Promise<void>
}

export interface RestoreReport {
  /** Of the restored record, which was verified: how many facts, and the digest of the last. */
  readonly chain: { readonly facts: number; readonly head: string }
  /** Where the record that was there has gone; null when there was none. */
  readonly movedAside: string | null
}

/** What the commands need of the composition root. */
export interface Application {
  start(loaded: LoadedConfig): Promise<Running>
  /** The record of a data folder, or of a backup's file, read-only; repairs nothing. */
  openOffline(config: Pick<Config, 'data'>): Promise<OfflineOperations>
  /** Puts a backup in the place of the record. The server must not run; without `force` it refuses where there is a record. */
  restore(config: Config, file: string, force: boolean): Promise<RestoreReport>
  /**
   * Makes the inventory of a data folder anew from its record, and tells how far it is now and then and at the end. No
   * server must run. Rejects where the record is not there or can't be read.
   */
  rebuild(config: Pick<Config, 'data'>, onProgress: (progress: InventoryProgress) => void): Promise<void>
  /**
   * The engine over a data folder that no server holds. `warn`: what a server's log would say, in one line. Rejects
   * with StoreRefusal where a server holds it.
   */
  openEngine(
    loaded: LoadedConfig,
    warn: (line: string) => void,
  ): Promise<{ readonly operations: EngineOperations; close(): Promise<void> }>
  /** EAB keys over a data folder that no server holds; otherwise as `openEngine`. */
  openEab(
    loaded: LoadedConfig,
    warn: (line: string) => void,
  ): Promise<{ readonly operations: EabOperations; close(): Promise<void> }>
  /**
   * Seals all keys of the engine under the secret of the configuration, and tells how many were sealed anew and where that
   * secret is. Rejects with StoreRefusal where a server holds the folder, with EngineError where a secret does not fit.
   */
  rewrap(
    config: Pick<Config, 'data' | 'engine'>,
    oldSecretFile: string,
  ): Promise<{ readonly sealed: number; readonly under: string }>
}

/** Each part is imported when it is first asked for: only a server needs everything. */
export async function loadApplication(): Promise<Application> {
  return {
    start: async (...given) => (await import('../app.ts')).start(...given),
    openOffline: async (...given) => (await import('../app/offline.ts')).openOffline(...given),
    restore: async (...given) => (await import('../app.ts')).restore(...given),
    rebuild: async (...given) => (await import('../app/offline.ts')).rebuild(...given),
    openEngine: async (...given) => (await import('../app/engine/engine-alone.ts')).openEngineAlone(...given),
    openEab: async (...given) => (await import('../app/broker/eab-alone.ts')).openEabAlone(...given),
    rewrap: async (...given) => (await import('../app/engine/rewrap-folder.ts')).rewrapFolder(...given),
  }
}
