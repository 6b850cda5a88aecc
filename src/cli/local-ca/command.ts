import { type CommandContext, command } from '../command-context.ts'
import { createCommand } from './create.ts'
import { crlCommand } from './crl.ts'
import { csrCommand } from './csr.ts'
import { importCommand } from './import.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'
import { showCommand } from './show.ts'

export function localCaCommand(context: CommandContext) {
  return command('local-ca', 'CAs of your own, which clients order from through broker endpoints', [
    ['local-ca create internal', 'a root and an issuer under it, for the names of local_cas.internal'],
    ['local-ca csr internal > internal.csr', "an issuer under your own root instead; then 'local-ca import'"],
    ['local-ca show internal --pem > root.pem', 'the root, to install on clients'],
    ['local-ca revoke internal 5f3a…', 'revoke one of its certificates'],
  ])
    .addCommand(createCommand(context))
    .addCommand(csrCommand(context))
    .addCommand(importCommand(context))
    .addCommand(showCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(crlCommand(context))
}
