import { resolve } from 'node:path'
import type { PolicyTestReport, PolicyTestResult } from '../../policy/test-cases/result.ts'
import { type CommandContext, command } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { renderProse } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { policyFile, readCandidate } from './candidate.ts'
import { readCases } from './cases.ts'

interface TestOptions {
  readonly cases?: readonly string[]
  readonly json?: boolean
}

export function testPolicyCommand(context: CommandContext) {
  return command('test', 'run the test cases of a policy; exit code 1 if one fails', [
    ['policy test', 'of the configured policy: fleet.test.yaml beside fleet.yaml'],
    ['policy test new.yaml', 'of another one, in a build'],
    ['policy test new.yaml --cases common.yaml --cases new.test.yaml', 'other cases'],
  ])
    .argument('[file]', 'a policy; without: the one that the configuration names')
    .option(
      '--cases <file>',
      'a file of cases; as often as wanted; without: NAME.test.yaml beside NAME.yaml',
      (one: string, before: readonly string[] | undefined) => [...(before ?? []), one],
    )
    .option('--json', 'as JSON')
    .action(async (named: string | undefined, options: TestOptions, self) => {
      const { terminal } = context
      const { testBundle } = await import('../../policy/workbench.ts')
      const file = policyFile(context, self, named)
      const bundle = await readCandidate(context, file)
      const files = options.cases?.map((one) => resolve(terminal.folder, one))
      const report = await testBundle(bundle, readCases(file, files))
      if (report.failed > 0) context.exitWith(1)
      if (options.json === true) return writeJson(terminal, report)
      terminal.write(renderTests(terminal, report))
    })
}

/** What failed, then how many of how many. Ends in a newline. */
export function renderTests(terminal: Terminal, report: PolicyTestReport): string {
  const { colors } = terminal
  const { passed, failed, results, untested } = report
  const lines = results.filter((result) => !result.passed).map((result) => renderFailed(terminal, result))
  const total = `${passed} of ${passed + failed} cases pass`
  return [
    ...lines,
    `${escapeText(report.file)}: ${failed === 0 ? colors.green(total) : colors.red(total)}\n`,
    untested.length === 0
      ? ''
      : renderProse(terminal, '', `no case shows what these rules do: ${untested.join(', ')}`),
  ].join('')
}

function renderFailed(terminal: Terminal, result: PolicyTestResult): string {
  const { colors } = terminal
  const decided = `${result.effect === 'deny' ? 'denied' : 'allowed'} by ${result.rule === 'default' ? 'the default' : result.rule}`
  return [
    `${colors.red('failed')}  ${colors.bold(escapeText(result.name))}  ${colors.dim(`${escapeText(result.file)}:${result.line}`)}\n`,
    renderProse(terminal, '  ', decided),
    ...result.failures.map((failure) => renderProse(terminal, '  ', failure)),
    result.detail === null ? '' : renderProse(terminal, '  a client is told: ', result.detail, 4),
    '\n',
  ].join('')
}
