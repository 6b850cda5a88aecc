import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Operations } from '../../api/operations.ts'
import type { PolicyBundle } from '../../policy/bundle.ts'
import { connectServer } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import { type CommandContext, configOf, type GlobalOptions } from '../command-context.ts'
import { findConfig } from '../config-file.ts'

/** A policy file that was named, with the files of its lists. Rejects with ConfigError. */
export async function readCandidate(context: CommandContext, file: string): Promise<PolicyBundle> {
  const { readBundle } = await import('../../policy/document/read-bundle.ts')
  return readBundle(resolve(context.terminal.folder, file))
}

/** The file that was named, else the one that the configuration names. Throws {@link CliError} where it names none. */
export function policyFile(context: CommandContext, self: Command, named: string | undefined): string {
  if (named !== undefined) return resolve(context.terminal.folder, named)
  const { config, file } = configOf(context, self)
  if (config.policy !== undefined) return config.policy
  throw new CliError(
    `${file} names no policy`,
    'Name a file, or write policy: ./policies/fleet.yaml into the configuration. Samples are in config/policies.',
  )
}

/** The running server, where there is a configuration that says which; policies are also looked at without either. */
export async function serverIfAny(context: CommandContext, self: Command): Promise<Operations | null> {
  return hasConfig(context, self) ? connectServer(configOf(context, self).config) : null
}

/** False where none was named and none is found. */
export function hasConfig({ terminal }: CommandContext, self: Command): boolean {
  const { config } = self.optsWithGlobals<GlobalOptions>()
  if (config !== undefined || (terminal.env.ACMETAP_CONFIG ?? '') !== '') return true
  try {
    return existsSync(findConfig(terminal, undefined))
  } catch {
    return false
  }
}
