import { type Command, Option } from 'commander'
import { OPERATIONS } from '../../acme/operation.ts'
import type { ExchangeListFilter } from '../../audit/inventory/exchange-filter.ts'
import type { MergedFilter } from '../../audit/merged-reader.ts'
import { MODES } from '../../exchange/mode.ts'
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
}

/** What the record itself can be asked, without its inventory. */
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
  const { since, until, ...equal } = options
  const { ca, mode, operation, outcome, problem, account, issuance, name } = equal
  const written = { ca, mode, operation, outcome, problem, account, issuance, name }
  const present = Object.entries(written).filter(([, value]) => value !== undefined)
  return {
    ...(Object.fromEntries(present) as MergedFilter),
    ...(since === undefined ? {} : { since: parseSince(since, now) }),
    ...(until === undefined ? {} : { until: parseSince(until, now, '--until') }),
  }
}

/** Filters of the list that only an inventory can answer: those that were given, by name. */
export function refusedByRecord(filter: ExchangeListFilter): readonly string[] {
  const { client, status, diagnosis, order, name, account, outcome } = filter
  const given = {
    client,
    status,
    diagnosis,
    order,
    name: name?.kind === 'below' ? name : undefined,
    account: account !== undefined && !URL.canParse(account) ? account : undefined,
    outcome: outcome === 'running' ? outcome : undefined,
  }
  return Object.entries(given).flatMap(([option, value]) => (value === undefined ? [] : [option]))
}

/** The list's filters as the record takes them. */
export function recordFilterOf(filter: ExchangeListFilter): MergedFilter {
  const { ca, mode, operation, outcome, problem, account, issuance, since, until } = filter
  const written = {
    ca,
    mode,
    operation,
    outcome,
    problem,
    account,
    issuance,
    name: filter.name?.value,
    since,
    until,
  }
  return Object.fromEntries(
    Object.entries(written).filter(([, value]) => value !== undefined),
  ) as MergedFilter
}
