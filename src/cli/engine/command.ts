import { type CommandContext, command } from '../command-context.ts'
import { engineAccountsCommand } from './accounts.ts'
import { managedCertificatesCommand } from './certificates.ts'
import { engineDnsCommand } from './dns.ts'
import { issueCommand } from './issue.ts'
import { jobsCommand } from './jobs.ts'
import { renewCommand } from './renew.ts'
import { revokeCommand } from './revoke.ts'
import { rewrapCommand } from './rewrap.ts'

export function engineCommand(context: CommandContext) {
  return command('engine', "acmetap's own ACME client: obtain, renew and revoke certificates", [
    ['engine certificates', 'managed certificates, and how each stands'],
    ['engine issue www.example.com', 'obtain one now'],
    ['engine renew', 'those that are due'],
    ['engine jobs --open', 'what is under way, and why it waits'],
    ['engine accounts', 'its accounts at the CAs'],
  ])
    .addHelpText('after', '\nAll of it is explained in docs/engine.md.')
    .addCommand(managedCertificatesCommand(context))
    .addCommand(issueCommand(context))
    .addCommand(renewCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(jobsCommand(context))
    .addCommand(engineAccountsCommand(context))
    .addCommand(engineDnsCommand(context))
    .addCommand(rewrapCommand(context))
}
