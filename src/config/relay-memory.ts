import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RelayConfig } from './schema.ts'

const FILE = 'relays.json'

/** A host that clients were registered through and that no longer stands for the same CA. */
export interface RelayChange {
  readonly host: string
  /** The CA it stood for. */
  readonly ca: string
  /** The CA it stands for now; null when it is gone. */
  readonly now: string | null
}

/** Writes `<folder>/relays.json` ({host: ca}) atomically: what `relayChanges` compares with next time. */
export function rememberRelays(folder: string, relays: readonly RelayConfig[]): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, FILE)
  const temporary = `${file}.${process.pid}`
  const hosts = Object.fromEntries(relays.map(({ host, ca }) => [host, ca]))
  writeFileSync(temporary, `${JSON.stringify(hosts, null, 2)}\n`, { mode: 0o600 })
  renameSync(temporary, file)
}

/** Hosts of the last start that are gone or stand for another CA. Empty when nothing readable was remembered. */
export function relayChanges(folder: string, relays: readonly RelayConfig[]): RelayChange[] {
  const now = new Map(relays.map(({ host, ca }) => [host, ca]))
  return Object.entries(remembered(folder))
    .filter(([host, ca]) => now.get(host) !== ca)
    .map(([host, ca]) => ({ host, ca, now: now.get(host) ?? null }))
}

function remembered(folder: string): Record<string, string> {
  try {
    const read: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'))
    if (typeof read !== 'object' || read === null || Array.isArray(read)) return {}
    return Object.fromEntries(Object.entries(read).filter(([, ca]) => typeof ca === 'string'))
  } catch {
    return {}
  }
}
