import type { Command } from 'commander'
import { closest } from '../../config/keys.ts'
import { UsageError } from '../cli-error.ts'

/**
 * A command whose first subcommand is meant where none is named, and takes a name: `acmetap orders www.example.com`. A
 * word without a dot that is nearly a command is called that, so that a slip of the pen does not look like an empty list.
 */
export function withNamedDefault(group: Command, first: Command, ...others: readonly Command[]): Command {
  group.addCommand(first, { isDefault: true })
  for (const other of others) group.addCommand(other)
  const known = group.commands.map((one) => one.name())
  first.hook('preAction', () => {
    const word = group.args[0]
    if (word === undefined || word.startsWith('-') || word.includes('.') || known.includes(word)) return
    const near = closest(word, known)
    if (near === undefined) return
    throw new UsageError(
      `${group.name()} has no command ${JSON.stringify(word)}; did you mean ${near}? For the name: --name ${word}`,
    )
  })
  return group.addHelpText(
    'after',
    `\nWithout a command: ${first.name()}. Its options: acmetap ${group.name()} ${first.name()} --help`,
  )
}
