import { type Command, Option } from 'commander'
import { OPERATIONS } from '../../acme/operation.ts'
import type { MergedFilter } from '../../audit/merged-reader.ts'
import { MODES } from '../../exchange/mode.ts'
import { UsageError } from '../cli-error.ts'
import { parseSince } from '../time.ts'

const OUTCOMES = ['response', 'refused', 'failed', 'unknown', 'notSent'] as const

export interface FilterOptions {
  readonly ca?: string
  readonly mode?: string
  readonly operation?: string
  readonly outcome?: string
  readonly problem?: string
  readonly account?: string
  readonly issuance?: string
  readonly name?: string
  readonly since?: string
  readonly until?: string
  readonly limit?: string
}

export function addFilters(command: Command): Command {
  return command
    .option('--ca <name>', 'of this CA')
    .addOption(new Option('--mode <mode>', 'that came in this way').choices(MODES))
    .addOption(new Option('--operation <operation>', 'of this kind').choices(OPERATIONS))
    .addOption(new Option('--outcome <outcome>', 'that ended so').choices(OUTCOMES))
    .option('--problem <type>', 'with this problem type: rateLimited, or a whole URN')
    .option('--account <url>', 'of this account')
    .option('--issuance <id>', 'of this issuance: the id of its newOrder')
    .option('--name <identifier>', 'about this name, exactly')
    .option('--since <time>', 'since 30m, 1h, 2d, or a time like 2026-01-31T12:00:00Z')
    .option('--until <time>', 'until then, written as for --since')
}

/** Throws {@link UsageError}. `now` in µs. */
export function filterOf(options: FilterOptions, now: number): MergedFilter {
  const { since, until, limit: _, ...equal } = options
  const { ca, mode, operation, outcome, problem, account, issuance, name } = equal
  const written = { ca, mode, operation, outcome, problem, account, issuance, name }
  const present = Object.entries(written).filter(([, value]) => value !== undefined)
  return {
    ...(Object.fromEntries(present) as MergedFilter),
    ...(since === undefined ? {} : { since: parseSince(since, now) }),
    ...(until === undefined ? {} : { until: parseSince(until, now, '--until') }),
  }
}

export function limitOf(options: FilterOptions): number {
  const limit = Number(options.limit ?? '50')
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new UsageError('--limit must be a whole number from 1 to 1000')
  }
  return limit
}
