import { type CommandContext, command } from '../command-context.ts'
import { withNamedDefault } from '../lists/named-group.ts'
import { listCertificatesCommand } from './list.ts'
import { showCertificateCommand } from './show.ts'

export function certificatesCommand(context: CommandContext) {
  const group = command('certificates', 'certificates that were delivered or imported', [
    ['certificates', 'the last fifty'],
    ['certificates .example.com', 'for this name and all names below it'],
    ['certificates show www.example.com --pem', 'the newest for this name, with its chain'],
  ])
  return withNamedDefault(group, listCertificatesCommand(context), showCertificateCommand(context))
}
