import { type CommandContext, command } from './command-context.ts'

/** The demo's own command is imported when it is called: it brings programs of its own along. */
export function demoCommand(context: CommandContext) {
  return command('demo', 'show an issuance end to end against a local Pebble', [
    ['demo', 'a success, a failed validation, a repeat, and the record of it'],
    ['demo --keep', 'leave everything running to look around'],
  ])
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .argument('[options...]')
    .action(async (options: string[]) => {
      const demo = await import('./demo/command.ts')
      await demo.demoCommand(context).exitOverride().parseAsync(options, { from: 'user' })
    })
}
