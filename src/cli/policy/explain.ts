import type { Command } from 'commander'
import { isExchangeId } from '../../exchange/exchange-id.ts'
import type { Explanation } from '../../policy/explanation.ts'
import type { SupposedRequest } from '../../policy/supposed-request.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { renderProse } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { policyFile, readCandidate, serverIfAny } from './candidate.ts'
import { renderExplanation, restsOnUnknown } from './render-explanation.ts'
import {
  addSupposed,
  isSupposed,
  notGiven,
  type SupposedOptions,
  supposedRequest,
} from './supposed-options.ts'

interface ExplainOptions extends SupposedOptions, PlaceOptions {
  readonly file?: string
  readonly all?: boolean
  readonly json?: boolean
}

export function explainPolicyCommand(context: CommandContext) {
  const explain = command(
    'explain',
    'show the whole way to a decision: of a recorded request, or of one that nobody made',
    [
      ['policy explain 0198c0de-…', 'why this request was denied, or would be'],
      ['policy explain 0198c0de-… --file new.yaml', 'what a candidate makes of it'],
      ['policy explain --name www.example.com --label web', 'an order that nobody made'],
      ['policy explain --csr new.csr --client-address 192.0.2.7', 'a finalize with this CSR'],
      ['policy explain --name www.example.com --at 2026-12-24T20:00:00Z', 'the same order at another time'],
    ],
  )
  return addSupposed(addPlace(explain))
    .argument('[record]', 'the id of a recorded exchange; a denial names it in its detail')
    .option('--file <policy>', 'a candidate instead of the policy that decided, or decides')
    .option('--all', 'also the rules that could not match, and those behind the one that decided')
    .option('--json', 'as JSON')
    .action(async (record: string | undefined, options: ExplainOptions, self) => {
      const { terminal } = context
      const explanation =
        record === undefined
          ? await explainSupposed(context, self, options)
          : await explainRecorded(context, self, record, options)
      if (options.json === true) return writeJson(terminal, explanation)
      terminal.write(renderExplanation(terminal, explanation, options.all === true))
      const missing = record === undefined && restsOnUnknown(explanation.names) ? notGiven(options) : []
      if (missing.length > 0) {
        terminal.write(`\n${renderProse(terminal, 'Not given, so not known: ', missing.join(', '), 2)}`)
      }
    })
}

async function explainRecorded(
  context: CommandContext,
  self: Command,
  record: string,
  options: ExplainOptions,
): Promise<Explanation> {
  const id = record.replace(/^urn:uuid:/, '')
  if (!isExchangeId(id)) {
    throw new UsageError(
      'a record is named by its UUIDv7 in lower case, as in the detail of a denial; for a name: --name www.example.com',
    )
  }
  if (isSupposed(options)) {
    throw new UsageError('a recorded request is what it was: leave out --name, --operation and --csr')
  }
  const candidate = options.file === undefined ? null : await readCandidate(context, options.file)
  const explanation = await withPlace(context, self, options, ({ operations }) =>
    operations.policies.explainRecorded(id, candidate),
  )
  if (explanation !== null) return explanation
  throw new CliError(`there is no exchange ${id} in this record`, 'List them with: acmetap exchanges')
}

async function explainSupposed(
  context: CommandContext,
  self: Command,
  options: ExplainOptions,
): Promise<Explanation> {
  if (!isSupposed(options)) {
    throw new UsageError(
      'what is to be explained? Give the id of a record, or a request: --name www.example.com',
    )
  }
  if (options.data !== undefined) throw new UsageError('--data is for recorded requests: give the id of one')
  const request = await supposedRequest(context, self, options)
  const candidate = options.file === undefined ? null : await readCandidate(context, options.file)
  const server = await serverIfAny(context, self)
  if (server !== null) return server.policies.explain(request, candidate)
  return alone(
    context,
    request,
    candidate ?? (await readCandidate(context, policyFile(context, self, undefined))),
  )
}

/** Without a server nobody knows how many orders there were. */
async function alone(
  { terminal }: CommandContext,
  request: SupposedRequest,
  bundle: Awaited<ReturnType<typeof readCandidate>>,
): Promise<Explanation> {
  const { explainRequest, usable } = await import('../../policy/workbench.ts')
  const policy = await usable(bundle)
  const { history, keyUses, accountKey } = policy.needs
  if (history.length > 0 || keyUses || accountKey) {
    terminal.warn('No server runs: earlier orders and keys are not known here.')
  }
  return explainRequest(policy, bundle.file, request)
}
