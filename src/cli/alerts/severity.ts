import type { Severity } from '../../alerts/rule-names.ts'
import type { Terminal } from '../terminal.ts'

export function paintSeverity({ colors }: Terminal, severity: Severity, text: string): string {
  if (severity === 'critical') return colors.red(text)
  return severity === 'warning' ? colors.yellow(text) : text
}
