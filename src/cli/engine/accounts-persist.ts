import { recordsAt, textOf } from '../../ca/dns/reply.ts'
import { createResolver, parsePlace, systemResolvers } from '../../ca/dns/resolver.ts'
import { isDnsName } from '../../config/values.ts'
import { lintPersist, type PersistLint } from '../../engine/dns-persist/lint-persist.ts'
import { persistRecord, persistRecordName } from '../../engine/dns-persist/persist-record.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { renderProse } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { withEngine } from './backend.ts'
import { certifiableName } from './given.ts'
import { ownAccount } from './own-account.ts'

interface PersistOptions {
  readonly ca: string
  readonly issuer: string
  readonly wildcard?: boolean
  readonly until?: string
  readonly check: boolean
  readonly json?: boolean
}

/** ms that one DNS server may take. */
const PATIENCE = 5000

export function persistCommand(context: CommandContext) {
  return command('persist', 'the one record of dns-persist-01 for a name, and whether it is published', [
    ['engine accounts persist www.example.com --ca letsencrypt --issuer letsencrypt.org', 'one name'],
    ['engine accounts persist example.com --wildcard --ca le --issuer letsencrypt.org', 'and all below it'],
    ['engine accounts persist example.com --ca le --issuer letsencrypt.org --until 90d', 'for a while'],
  ])
    .addHelpText(
      'after',
      '\nWho publishes it lets this account have certificates for the name as long as it stays.\nExit code 0: it is published. 1: it is not, or not so that the CA takes it.',
    )
    .argument('<name>', 'DNS name, without *.')
    .requiredOption('--ca <name>', 'the CA: a name under cas')
    .requiredOption('--issuer <domain>', "the CA's issuer domain name, as in CAA records")
    .option('--wildcard', 'for *.name and for names below it too')
    .option('--until <time>', 'let it end: 90d from now, or a time like 2027-01-31T12:00:00Z')
    .option('--no-check', 'do not ask the DNS')
    .option('--json', 'as JSON')
    .action(async (word: string, options: PersistOptions, self) => {
      const { terminal } = context
      const name = certifiableName(word.replace(/^\*\./, ''))
      const issuer = options.issuer.toLowerCase().replace(/\.$/, '')
      if (!isDnsName(name)) throw new UsageError(`${JSON.stringify(word)} must be a DNS name`)
      if (!isDnsName(issuer))
        throw new UsageError(`--issuer ${JSON.stringify(options.issuer)} must be a DNS name`)
      const wildcard = options.wildcard === true || word.startsWith('*.')
      const now = Math.floor(terminal.now() / 1_000_000)
      const persistUntil = options.until === undefined ? null : endOf(options.until, now)
      const account = await withEngine(context, self, ({ operations }) => ownAccount(operations, options.ca))
      const wanted = { accountUrl: account.url ?? '', wildcard }
      const record = persistRecord(name, { ...wanted, issuer, persistUntil })
      const { egress } = configOf(context, self).config
      const texts = options.check ? await published(name, egress.resolvers) : null
      const lint =
        texts === null || typeof texts === 'string'
          ? null
          : lintPersist(texts, { ...wanted, issuers: [issuer], now })
      if (options.check && lint?.ok !== true) context.exitWith(1)
      if (options.json === true) return writeJson(terminal, { record, published: texts, lint })
      terminal.write(`${record}\n`)
      if (typeof texts === 'string') terminal.warn(`${persistRecordName(name)} can't be looked up: ${texts}`)
      else if (lint !== null) tell(terminal, lint, texts?.length ?? 0)
    })
}

function tell(terminal: Terminal, { ok, faults, warnings, persistUntil }: PersistLint, count: number): void {
  const until = persistUntil === null ? '' : `, until ${new Date(persistUntil * 1000).toISOString()}`
  if (ok) terminal.warn(terminal.colors.green(`it is published${until}`))
  else
    terminal.warn(
      count === 0 ? 'it is not published yet' : 'what is published does not let this account issue',
    )
  for (const line of [...faults, ...warnings]) terminal.warn(renderProse(terminal, '* ', line).trimEnd())
}

/** Texts of the TXT records, or in words why they are not known. */
async function published(name: string, configured: readonly string[]): Promise<readonly string[] | string> {
  const places = configured.flatMap((text) => parsePlace(text) ?? [])
  const resolver = createResolver(
    places.length > 0 ? places : systemResolvers(),
    PATIENCE,
    new AbortController().signal,
  )
  try {
    const owner = persistRecordName(name)
    const reply = await resolver.ask(owner, 'TXT')
    if (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN') return reply.rcode
    return recordsAt(reply, owner, 'TXT').records.map(({ data }) => textOf(data))
  } catch (error) {
    return (error as Error).message
  }
}

const DAY = 86_400

/** Seconds since 1970. */
function endOf(text: string, now: number): number {
  const days = /^(\d{1,4})d$/.exec(text)
  const end = days === null ? Math.floor(Date.parse(text) / 1000) : now + Number(days[1]) * DAY
  const iso = days !== null || /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text)
  if (iso && end > now) return end
  throw new UsageError(
    `--until ${JSON.stringify(text)} must be ahead: 90d, or a time like 2027-01-31T12:00:00Z`,
  )
}
