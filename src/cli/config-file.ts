import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { CliError } from './cli-error.ts'
import type { Terminal } from './terminal.ts'

const SYSTEM = '/etc/acmetap/acmetap.yaml'

/** The file of --config, else of ACMETAP_CONFIG, else ./acmetap.yaml, else the system's. Throws {@link CliError}. */
export function findConfig(terminal: Terminal, option: string | undefined): string {
  const named = option ?? terminal.env.ACMETAP_CONFIG
  if (named !== undefined && named !== '') return resolve(terminal.folder, named)
  const found = [resolve(terminal.folder, 'acmetap.yaml'), SYSTEM].find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new CliError(
    `there is no configuration: neither ./acmetap.yaml nor ${SYSTEM}`,
    'Name one with --config FILE, or start from: acmetap config example > acmetap.yaml',
  )
}

/** `readFiles` as in LoadOptions: true where what the configuration names will be used. */
export function openConfig(terminal: Terminal, option: string | undefined, readFiles: boolean): LoadedConfig {
  return loadConfig(findConfig(terminal, option), { env: terminal.env, readFiles })
}

/** A configuration as a start or a reload judges it, but for its policy. Rejects with ConfigError. */
export async function judgedConfig(file: string, { env }: Pick<Terminal, 'env'>): Promise<LoadedConfig> {
  const loaded = loadConfig(file, { env })
  const { engine, broker, local_cas } = loaded.config
  const isPlain = engine.reissue.schedule === undefined && broker.length === 0
  if (isPlain && Object.keys(local_cas).length === 0) return loaded
  const { furtherComplaints } = await import('../app/further-complaints.ts')
  return loadConfig(file, { env, furtherCheck: furtherComplaints })
}
