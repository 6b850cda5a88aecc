import { parseWhere } from '../../engine/reissue/parse-where.ts'
import { WhereError } from '../../engine/reissue/where.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { withEngine } from '../engine/backend.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'
import { renderPlan } from './render-plan.ts'

export function planCommand(context: CommandContext) {
  return command('plan', 'choose certificates, and say how each would be obtained again; nothing is sent', [
    ["reissue plan --where 'overdue'", 'those whose renewal is late'],
    ["reissue plan --where 'name~**.example.com and expires<14d'", 'names below example.com that end soon'],
    ['reissue plan --where \'issuer="R10" and not managed\' --json', 'of one issuer, for other programs'],
  ])
    .addHelpText(
      'after',
      '\nConditions stand with and, or, not and parentheses: name~PATTERN, expires<14d, issued>30d, issuer=, ca=, account=,\nclient=, label=, serial=, fingerprint=, profile=, key=, and the words valid, expired, revoked, replaced, managed,\nobserved, imported, overdue, ari, wildcard.',
    )
    .requiredOption('--where <conditions>', 'which certificates of the inventory')
    .option('--json', 'as JSON')
    .action(async ({ where, json }: { where: string; json?: boolean }, self) => {
      readWhere(where)
      const { terminal } = context
      const plan = await withEngine(context, self, ({ operations }) => operations.makePlan({ where }, LOCAL))
      if (json === true) return writeJson(terminal, plan)
      terminal.write(renderPlan(terminal, plan))
      if (plan.lines.some(({ way }) => way !== null))
        terminal.warn(`do it with: acmetap reissue apply ${plan.id}`)
    })
}

/** A slip is told before anything is opened. */
function readWhere(text: string): void {
  try {
    parseWhere(text)
  } catch (error) {
    if (!(error instanceof WhereError)) throw error
    throw new UsageError(`--where: ${error.message}`)
  }
}
