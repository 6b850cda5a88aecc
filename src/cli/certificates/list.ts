import { certificateFilter, type InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { CommandContext } from '../command-context.ts'
import { issuerText, keyText, namesText, stateOf } from '../describe-inventory.ts'
import { listCommand } from '../lists/list-command.ts'
import type { Column } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { whenText } from '../time.ts'

export function listCertificatesCommand(context: CommandContext) {
  return listCommand(context, {
    one: 'certificate',
    many: 'certificates',
    description: 'list certificates, newest first',
    examples: [
      ['certificates', 'the last fifty'],
      ['certificates .example.com', 'for this name and all names below it'],
      ['certificates --state valid --expires-before 14d', 'that run out soon'],
      ['certificates --source imported --unmanaged true', 'that only imports tell of'],
    ],
    filter: certificateFilter,
    named: true,
    page: ({ inventory }, filter) => inventory.certificates(filter),
    columns: certificateColumns,
    hint: 'Certificates appear when a CA delivers them through acmetap. Those that are in use already: acmetap import',
  })
}

export function certificateColumns(
  { colors, now }: Terminal,
  utc: boolean,
): Column<InventoriedCertificate>[] {
  const clock = { now: now(), utc }
  return [
    { title: 'EXPIRES', text: ({ notAfter }) => whenText(notAfter, clock) },
    { title: 'NAMES', text: namesText, gives: true },
    {
      title: 'STATE',
      text: (row) => stateOf(row, clock.now),
      paint: (text, row) => (stateOf(row, clock.now) === 'valid' ? colors.green(text) : colors.dim(text)),
    },
    { title: 'ISSUER', text: ({ issuer }) => issuerText(issuer), gives: true },
    { title: 'CA', text: ({ ca }) => ca ?? '-', gives: true, from: 100 },
    { title: 'KEY', text: keyText, from: 140 },
    { title: 'FROM', text: sourceText, gives: true, from: 140 },
    { title: 'ISSUED', text: ({ notBefore }) => whenText(notBefore, clock), from: 160 },
    { title: 'SERIAL', text: ({ serial }) => serial, gives: true },
  ]
}

function sourceText({ source, imported }: InventoriedCertificate): string {
  return source === 'observed' ? 'observed' : `imported ${imported?.host ?? ''}`.trimEnd()
}
