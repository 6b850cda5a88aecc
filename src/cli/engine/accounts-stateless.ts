import { closest } from '../../config/keys.ts'
import { type StaticLines, staticLines } from '../../engine/solvers/static-lines.ts'
import { UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { writeJson } from '../terminal.ts'
import { withEngine } from './backend.ts'
import { ownAccount } from './own-account.ts'

const SERVERS = ['nginx', 'apache', 'caddy', 'haproxy'] as const satisfies readonly (keyof StaticLines)[]

export function statelessCommand(context: CommandContext) {
  return command('stateless', 'lines with which a web server answers http-01 by itself, for good', [
    ['engine accounts stateless letsencrypt', 'for all web servers that are known'],
    ['engine accounts stateless letsencrypt --for nginx', 'for one, and nothing else'],
  ])
    .addHelpText(
      'after',
      '\nThey belong where port 80 of the names is served. Who serves them says that this account may have certificates\nfor these names. They are other ones after a roll-over of the key.',
    )
    .argument('<ca>', 'a name under cas')
    .option('--for <server>', SERVERS.join(', '))
    .option('--json', 'as JSON')
    .action(async (ca: string, options: { for?: string; json?: boolean }, self) => {
      const { terminal } = context
      const server = options.for === undefined ? null : serverOf(options.for)
      const { thumbprint } = await withEngine(context, self, ({ operations }) => ownAccount(operations, ca))
      const lines = staticLines(thumbprint)
      if (options.json === true) return writeJson(terminal, { thumbprint, ...lines })
      if (server !== null) return terminal.write(`${lines[server]}\n`)
      terminal.write(SERVERS.map((one) => `${terminal.colors.bold(`# ${one}`)}\n${lines[one]}\n`).join('\n'))
    })
}

function serverOf(text: string): keyof StaticLines {
  const found = SERVERS.find((one) => one === text)
  if (found !== undefined) return found
  const near = closest(text, SERVERS)
  throw new UsageError(
    `--for ${JSON.stringify(text)} is not known: ${near === undefined ? SERVERS.join(', ') : `did you mean ${near}?`}`,
  )
}
