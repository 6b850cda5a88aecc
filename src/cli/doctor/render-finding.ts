import type { Finding } from '../../audit/diagnosis/finding.ts'
import { escapeText } from '../escape.ts'
import type { Terminal } from '../terminal.ts'

/** A line with the state, and the advice under it. */
export function renderFinding({ state, says, remedy }: Finding, { colors }: Terminal): string {
  const word = { ok: colors.green('ok  '), fail: colors.red('FAIL'), note: colors.yellow('note') }[state]
  const advice = remedy === null ? '' : `      ${escapeText(remedy)}\n`
  return `${word}  ${escapeText(says)}\n${advice}`
}
