import type { CreatedEabKey, EabKeyRequest } from '../../api/broker-operations.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { collect } from '../engine/given.ts'
import { escapeText } from '../escape.ts'
import { instantAfter, wholeNumber } from '../given-values.ts'
import { LOCAL } from '../local-actor.ts'
import { renderFields } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { withEab } from './backend.ts'
import { namesText, starNote } from './names-text.ts'
import { snippets } from './snippets.ts'

interface Options {
  readonly label: string
  readonly names?: readonly string[]
  readonly anyName?: boolean
  readonly endpoint?: readonly string[]
  readonly ca?: readonly string[]
  readonly expires?: string
  readonly uses?: string
  readonly json?: boolean
}

export function createCommand(context: CommandContext) {
  return command('create', 'make an EAB key; its MAC key is told once', [
    ["eab create --label team-a --names '.a.example'", 'for a.example and every name below it'],
    [
      "eab create --label team-b --names '*.b.example' --uses 1 --expires 7d",
      'for one account, within a week',
    ],
    [
      "eab create --label web --names '.c.example' --endpoint fleet --ca letsencrypt",
      'at one endpoint, and one CA',
    ],
  ])
    .requiredOption(
      '--label <label>',
      'whose it is: the label of its accounts in record, policy and inventory',
    )
    .option(
      '--names <pattern>',
      "names its accounts may have, can be repeated: a.example is that name, '*.a.example' names one label below it and the wildcard, '.a.example' all of it: the name and everything below",
      collect,
    )
    .option('--any-name', 'every name, instead of --names')
    .option(
      '--endpoint <name>',
      'endpoint it is good for, with its twin; can be repeated. Without it: all',
      collect,
    )
    .option(
      '--ca <name>',
      'CA its orders may go to; can be repeated. Without it: all of the endpoint',
      collect,
    )
    .option('--expires <time>', 'when it ends: 90d from now, or a time like 2027-01-31T12:00:00Z')
    .option('--uses <number>', 'how many accounts may be made with it. Without it: any number')
    .option('--json', 'as JSON')
    .action(async (options: Options, self) => {
      const { terminal } = context
      const request = requestOf(options, terminal.now())
      const made = await withEab(context, self, ({ operations }) => operations.createEabKey(request, LOCAL))
      if (options.json === true)
        return writeJson(terminal, { ...made.key, mac: made.mac, directories: made.directories })
      tell(terminal, made)
    })
}

function requestOf(options: Options, now: number): EabKeyRequest {
  const { label, names: written, anyName, endpoint, ca, expires, uses } = options
  if (written !== undefined && anyName === true)
    throw new UsageError('--any-name and --names exclude each other')
  const names = (written ?? []).flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== '')
  // No names are every name to the server: a script whose variable is empty must not get that.
  if (names.length === 0 && anyName !== true)
    throw new UsageError("--names must say which names: --names '.a.example', or --any-name for every name")
  return {
    label,
    names,
    ...(anyName === true ? { anyName } : {}),
    ...(endpoint === undefined ? {} : { endpoints: endpoint }),
    ...(ca === undefined ? {} : { cas: ca }),
    ...(expires === undefined ? {} : { expiresAt: instantAfter(expires, now, '--expires') }),
    ...(uses === undefined ? {} : { uses: wholeNumber(uses, '--uses', 1_000_000) }),
  }
}

function tell(terminal: Terminal, { key, mac, directories }: CreatedEabKey): void {
  terminal.write(
    renderFields(terminal, [
      ['key id', key.id],
      ['MAC key', mac],
      ['label', key.label],
      ['names', namesText(key)],
      ['CAs', key.cas.join(' ') || null],
      ['accounts', key.uses === null ? null : `at most ${key.uses}`],
      ['ends', key.expiresAt],
      ...directories.map(({ url }, at): [string, string] => [at === 0 ? 'directory' : '', url]),
    ]),
  )
  const note = starNote(key)
  if (note !== null) terminal.warn(escapeText(note))
  const [first] = directories
  if (first !== undefined) terminal.write(`\n${snippets({ directory: first.url, kid: key.id, mac })}`)
  terminal.warn('the MAC key is told this once, and never again; it is base64url, as clients take it')
}
