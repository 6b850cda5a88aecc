import { isDeepStrictEqual } from 'node:util'
import type { ReloadReport } from '../api/operations.ts'
import type { RecordContext } from '../audit/intent.ts'
import type { WayOut } from '../ca/dial.ts'
import { createResolve, type Resolve } from '../ca/resolve.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { Log } from '../observability/log.ts'
import { furtherComplaints } from './further-complaints.ts'
import { needsRestart } from './needs-restart.ts'
import { type LoadedPolicy, loadPolicy } from './policy-file.ts'
import { readPolicyAside } from './policy-threads.ts'
import { recordContext } from './recording.ts'
import { type Routing, routingOf } from './routing.ts'

/** What the configuration makes of the server, replaced as a whole when the file is read again. */
export interface InForce {
  readonly config: Config
  readonly digest: string
  readonly routing: Routing
  readonly wayOut: WayOut
  readonly context: RecordContext
  readonly policy: LoadedPolicy | null
}

interface Parts {
  readonly file: string
  readonly log: Log
  readonly current: () => InForce
  readonly wayOutOf: (config: Config, resolve: Resolve) => WayOut
  /** Brings it into force, all at once; then takes up what lies in files beside the configuration. Rejects with ConfigError before anything has changed. */
  readonly use: (next: InForce) => Promise<void>
  /** The policy was refused. */
  readonly onPolicyRefused: () => void
}

/** Reads the configuration file again. A bad one, or one that needs a restart, changes nothing. */
export async function reload({
  file,
  log,
  current,
  wayOutOf,
  use,
  onPolicyRefused,
}: Parts): Promise<ReloadReport> {
  const before = current()
  try {
    const { config, digest, warnings } = loadConfig(file, { furtherCheck: furtherComplaints })
    const problems = needsRestart(before.config, config, file)
    if (problems.length > 0) throw new ConfigError(problems)
    const same = isDeepStrictEqual(before.config.egress.resolvers, config.egress.resolvers)
    const resolve = same ? before.wayOut.resolve : createResolve(config.egress.resolvers)
    const policy = await loadPolicy(config, readPolicyAside).catch((error: unknown) => {
      onPolicyRefused()
      throw error
    })
    await use({
      config,
      digest,
      routing: routingOf(config),
      wayOut: wayOutOf(config, resolve),
      context: contextOf(config, digest, policy, file),
      policy,
    })
    log('info', 'config.reloaded', { digest, warnings: [...warnings, ...(policy?.warnings ?? [])] })
    return { ok: true, digest, problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    log('error', 'config.rejected', { problems: error.problems })
    return { ok: false, digest: before.digest, problems: error.problems }
  }
}

/** A key in the data folder that can't be read is the operator's to mend, like a bad file. */
function contextOf(config: Config, digest: string, policy: LoadedPolicy | null, file: string): RecordContext {
  try {
    return recordContext(config, digest, policy?.policy.digest ?? null)
  } catch (error) {
    const instead = 'Put the key back from a backup, or write keep or drop'
    throw new ConfigError([{ file, line: 1, column: 1, path: 'privacy', message: messageOf(error), instead }])
  }
}
