import type { CaStatus } from '../api/operations.ts'
import { PRESETS } from '../config/presets.ts'
import type { Config } from '../config/schema.ts'
import { connectServer, requireServer } from './backend.ts'
import { type CommandContext, command, configOf, withDefault } from './command-context.ts'
import { escapeText } from './escape.ts'
import { type Column, renderTable } from './render.ts'
import { type Terminal, writeJson } from './terminal.ts'
import { relativeTime } from './time.ts'

export function caCommand(context: CommandContext) {
  const group = command('ca', 'the certificate authorities', [
    ['ca list', 'each CA, its directories and relayed hosts, as last seen'],
    ['ca probe pebble', 'ask one of them for its directory now'],
  ])
  return withDefault(group, listCommand(context), probeCommand(context))
}

function listCommand(context: CommandContext) {
  return command('list', 'list the CAs as last seen; without a running server, as configured', [
    ['ca list', 'for people'],
    ['ca list --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, self) => {
      const { config } = configOf(context, self)
      const server = await connectServer(config)
      if (server === null) context.terminal.warn('no server is running: nothing is known of the state')
      show(
        context.terminal,
        server === null ? asConfigured(config) : await server.cas(),
        options.json === true,
      )
    })
}

function probeCommand(context: CommandContext) {
  return command('probe', 'ask for directories now, with the forwarded Host; exit code 1 if any is not ok', [
    ['ca probe', 'every CA'],
    ['ca probe pebble', 'one of them'],
  ])
    .argument('[name]', 'a name under cas')
    .option('--json', 'as JSON')
    .action(async (name: string | undefined, options: { json?: boolean }, self) => {
      const { config } = configOf(context, self)
      const server = await requireServer(config, 'ca probe')
      const cas = await server.probe(name)
      show(context.terminal, cas, options.json === true)
      const states = cas.flatMap(({ directories, relays }) =>
        [...directories, ...relays].map(({ state }) => state),
      )
      if (states.some((state) => state !== 'ok')) context.exitWith(1)
    })
}

function asConfigured(config: Config): CaStatus[] {
  const unseen = { state: 'unknown', checkedAt: null } as const
  return Object.entries(config.cas).map(([name, ca]) => ({
    name,
    title: ca.preset === undefined ? name : PRESETS[ca.preset].title,
    directories: ca.directory.map((url) => ({ url, ...unseen, detail: null })),
    relays: config.relay
      .filter((one) => one.ca === name)
      .map(({ host }) => ({ host, ...unseen, advice: null })),
  }))
}

interface Row {
  readonly ca: string
  readonly what: string
  readonly where: string
  readonly state: string
  readonly checkedAt: number | null
  readonly note: string | null
}

function show(terminal: Terminal, cas: readonly CaStatus[], json: boolean): void {
  if (json) writeJson(terminal, cas)
  else if (cas.length === 0) terminal.warn('no CA is configured: add one under cas')
  else showTable(terminal, cas)
}

function showTable(terminal: Terminal, cas: readonly CaStatus[]): void {
  const rows = cas.flatMap(({ name, directories, relays }): Row[] => [
    ...directories.map(({ url, detail, ...rest }) => ({
      ca: name,
      what: 'directory',
      where: url,
      note: detail,
      ...rest,
    })),
    ...relays.map(({ host, advice, ...rest }) => ({
      ca: name,
      what: 'relay',
      where: host,
      note: advice,
      ...rest,
    })),
  ])
  terminal.write(renderTable(terminal, columns(terminal), rows))
  for (const { ca, where, note } of rows) {
    if (note !== null) terminal.write(`\n${escapeText(ca)}, ${escapeText(where)}:\n  ${escapeText(note)}\n`)
  }
}

function columns({ colors, now }: Terminal): Column<Row>[] {
  return [
    { title: 'CA', text: ({ ca }) => ca },
    { title: 'WHAT', text: ({ what }) => what },
    { title: 'WHERE', text: ({ where }) => where, gives: true },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) =>
        state === 'ok' ? colors.green(text) : state === 'unknown' ? text : colors.red(text),
    },
    {
      title: 'CHECKED',
      text: ({ checkedAt }) => (checkedAt === null ? 'never' : relativeTime(checkedAt, now())),
    },
  ]
}
