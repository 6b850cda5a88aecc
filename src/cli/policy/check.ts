import type { PolicyCheck } from '../../api/policy-operations.ts'
import { ConfigError, formatProblem } from '../../config/config-error.ts'
import type { CheckBundleOptions } from '../../policy/workbench.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { writeJson } from '../terminal.ts'
import { hasConfig, policyFile, readCandidate } from './candidate.ts'

interface CheckOptions {
  readonly strict?: boolean
  readonly json?: boolean
}

export function checkPolicyCommand(context: CommandContext) {
  return command(
    'check',
    'say whether a policy can be used, and what is odd about it: rules that can never decide, exceptions that ended; exit code 1 if it cannot',
    [
      ['policy check', 'the configured one, as a start or a reload would'],
      ['policy check new.yaml --strict', 'a candidate; what is odd fails too'],
      ['policy check new.yaml --json', 'for other programs'],
    ],
  )
    .argument(
      '[file]',
      'a policy; without: the one that the configuration names, with the secrets of its webhooks',
    )
    .option('--strict', 'exit code 1 also for what is only odd; not for an exception that ends soon')
    .option('--json', 'as JSON')
    .action(async (named: string | undefined, given: CheckOptions, self) => {
      const { terminal } = context
      const cas = hasConfig(context, self) ? { cas: Object.keys(configOf(context, self).config.cas) } : {}
      const options = { readFiles: named === undefined, ...cas }
      const check = await verdict(context, policyFile(context, self, named), options)
      if (!check.ok || (given.strict === true && check.remarks.some(isOdd))) context.exitWith(1)
      if (given.json === true) return writeJson(terminal, check)
      for (const problem of check.problems) terminal.warn(escapeText(formatProblem(problem)))
      for (const { line, column, rule, message } of check.remarks) {
        const about = rule === null ? '' : `rule ${rule}: `
        terminal.warn(escapeText(`remark: ${check.file}:${line}:${column}: ${about}${message}`))
      }
      if (!check.ok) {
        return terminal.warn(
          `${escapeText(check.file)}: not ok, ${counted(check.problems.length, 'problem')}`,
        )
      }
      const remarks = check.remarks.length === 0 ? '' : `, ${counted(check.remarks.length, 'remark')}`
      terminal.write(
        `${escapeText(check.file)}: ok, ${counted(check.rules, 'rule')}${remarks}, digest ${check.digest}\n`,
      )
    })
}

/** An exception that is about to end does what its writer meant. */
function isOdd({ kind }: PolicyCheck['remarks'][number]): boolean {
  return kind !== 'expires-soon'
}

async function verdict(
  context: CommandContext,
  file: string,
  options: CheckBundleOptions,
): Promise<PolicyCheck> {
  try {
    const { checkBundle } = await import('../../policy/workbench.ts')
    const now = Math.floor(context.terminal.now() / 1000)
    return await checkBundle(await readCandidate(context, file), now, options)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { ok: false, file, digest: null, rules: 0, problems: error.problems, remarks: [] }
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
