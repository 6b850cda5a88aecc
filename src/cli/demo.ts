import { type CommandContext, command } from './command-context.ts'

/** What it does is imported when it is called: it brings programs of its own along. */
export function demoCommand(context: CommandContext) {
  return command('demo', 'show acmetap at work between certbot and a test CA, all on this machine', [
    ['demo', 'a success, a failed validation, a repeat, and the record of it; leaves nothing behind'],
    ['demo --keep', 'leave everything running to look around'],
  ])
    .option('--keep', 'leave everything running until Ctrl-C')
    .action(async (options: { keep?: boolean }) => {
      const { runDemo } = await import('./demo/run-demo.ts')
      await runDemo(context, options.keep === true)
    })
}
