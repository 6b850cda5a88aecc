import type { Command } from 'commander'
import type { PolicyInForce } from '../../api/policy-operations.ts'
import { ConfigError, formatProblem } from '../../config/config-error.ts'
import type { ShownPolicy, ShownRule } from '../../policy/shown-policy.ts'
import { connectServer } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeBlock, escapeText } from '../escape.ts'
import { type Column, renderFields, renderSection } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { microsOf, relativeTime } from '../time.ts'
import { policyFile, readCandidate } from './candidate.ts'

interface ShowOptions {
  readonly json?: boolean
  readonly text?: boolean
}

export function showPolicyCommand(context: CommandContext) {
  return command('show', 'show the policy in force: its rules, in the order in which they decide', [
    ['policy show', 'of the running server, else the configured file'],
    ['policy show --text', 'as it is written'],
    ['policy show --json', 'for other programs'],
  ])
    .option('--text', 'the file as it is written, and nothing else')
    .option('--json', 'as JSON')
    .action(async (options: ShowOptions, self) => {
      const { terminal } = context
      const server = await connectServer(configOf(context, self).config)
      const shown =
        server === null
          ? await configured(context, policyFile(context, self, undefined))
          : await server.policies.inForce()
      if (shown === null) {
        throw new CliError(
          'no policy is in force: every request passes, and is recorded',
          configOf(context, self).config.policy !== undefined
            ? `The configuration names one that is not loaded. ${RELOAD}`
            : 'Begin with policy: ./policies/fleet.yaml in the configuration; see docs/policy.md.',
        )
      }
      if (options.json === true) return writeJson(terminal, shown)
      if (options.text === true) return terminal.write(escapeBlock(shown.text))
      terminal.write(renderPolicy(terminal, shown))
      if (server === null) terminal.warn('No server runs: this is the file that the configuration names.')
      else await tellDifference(context, self, shown)
    })
}

const RELOAD = 'A reload takes it: SIGHUP, or POST /api/v1/config/reload. Before: acmetap policy check'

/** Says when another policy would come into force by a reload than decides now. */
async function tellDifference(
  context: CommandContext,
  self: Command,
  { digest }: Pick<ShownPolicy, 'digest'>,
): Promise<void> {
  const { config, file } = configOf(context, self)
  if (config.policy === undefined) {
    return context.terminal.warn(escapeText(`${file} names no policy: a reload takes this one out of force.`))
  }
  try {
    const { bundleDigest } = await import('../../policy/document/bundle-digest.ts')
    const onDisk = bundleDigest(await readCandidate(context, config.policy))
    if (onDisk === digest) return
    const what = `${config.policy} differs from what is in force: its digest is ${onDisk}.`
    context.terminal.warn(escapeText(`${what} ${RELOAD}`))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) context.terminal.warn(escapeText(formatProblem(problem)))
    context.terminal.warn(
      'The file that the configuration names is not what is in force, and cannot be read.',
    )
  }
}

async function configured(context: CommandContext, file: string): Promise<ShownPolicy> {
  const { showBundle } = await import('../../policy/workbench.ts')
  return showBundle(await readCandidate(context, file), Math.floor(context.terminal.now() / 1000))
}

/** Ends in a newline. */
export function renderPolicy(terminal: Terminal, policy: ShownPolicy | PolicyInForce): string {
  const { rules, lists, webhooks } = policy
  const since = 'since' in policy ? policy.since : null
  return [
    renderFields(terminal, [
      ['file', policy.file],
      ['digest', policy.digest],
      ['in force', since === null ? null : `${since} (${relativeTime(microsOf(since), terminal.now())})`],
      ['mode', modeText(policy.mode, rules.some(enforced))],
      ['default', `${policy.default} what no rule decides`],
      ['lists', listed(lists.map(({ name, entries }) => `${name} (${entries})`))],
      [
        'webhooks',
        listed(webhooks.map(({ name, url, signed }) => `${name} ${url}${signed ? '' : ' (not signed)'}`)),
      ],
    ]),
    renderSection(terminal, 'rules', columns(terminal, policy), rules),
    rules.length === 0 ? '\nno rules\n' : '',
  ].join('')
}

function listed(items: readonly string[]): string | null {
  return items.length === 0 ? null : items.join(', ')
}

export const enforced = ({ mode }: Pick<ShownRule, 'mode'>): boolean => mode === 'enforce'

/** `anyEnforced`: some rule is, whatever the policy's mode. */
export function modeText(mode: string, anyEnforced: boolean): string {
  if (mode === 'enforce') return 'enforce: what is denied is not sent to the CA'
  const passes = anyEnforced ? 'only what rules of mode enforce deny is stopped' : 'everything passes'
  const told = mode === 'warn' ? 'recorded and told to operators' : 'recorded'
  return `${mode}: ${passes}; what would be denied is ${told}`
}

function columns({ colors, now }: Terminal, policy: ShownPolicy): Column<ShownRule>[] {
  return [
    { title: 'RULE', text: ({ name }) => name },
    {
      title: 'EFFECT',
      text: ({ effect }) => effect,
      paint: (text, { effect }) => (effect === 'deny' ? colors.red(text) : text),
    },
    { title: 'MODE', text: ({ mode }) => (mode === policy.mode ? '' : mode) },
    { title: 'WHEN', text: ({ when }) => when, gives: true },
    { title: 'OWNER', text: ({ owner }) => owner ?? '', gives: true, from: 100 },
    {
      title: 'EXPIRES',
      text: ({ expires, expired }) =>
        expires === null ? '' : expired ? 'expired' : relativeTime(microsOf(expires), now()),
      paint: (text, { expired }) => (expired ? colors.yellow(text) : text),
    },
    { title: 'UNKNOWN', text: ({ unknown }) => unknown, from: 140 },
    { title: 'LINE', text: ({ line }) => String(line) },
  ]
}
