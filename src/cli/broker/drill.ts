import { requireServer } from '../backend.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { collect } from '../engine/given.ts'
import { escapeText } from '../escape.ts'
import { seconds } from '../given-values.ts'
import { LOCAL } from '../local-actor.ts'
import { writeJson } from '../terminal.ts'

const MOST = 24 * 60 * 60

export function drillCommand(context: CommandContext) {
  return command('drill', 'take a CA for dead for a while, to see that orders go to the next one', [
    ['broker drill start --ca letsencrypt --label team-a --for 10m', 'for the orders of one team'],
    ['broker drill stop', 'end all drills'],
  ])
    .addCommand(startCommand(context))
    .addCommand(stopCommand(context))
}

interface StartOptions {
  readonly ca: string
  readonly label?: readonly string[]
  readonly for: string
  readonly json?: boolean
}

function startCommand(context: CommandContext) {
  return command('start', 'begin a drill; it ends by itself, and with the server', [
    ['broker drill start --ca letsencrypt', 'for everybody, 10 minutes'],
    ['broker drill start --ca letsencrypt --label team-a --for 1h', 'for one label'],
  ])
    .requiredOption('--ca <name>', 'the CA that is taken for dead')
    .option('--label <label>', 'only for orders under this label; can be repeated', collect)
    .option('--for <time>', 'how long, at most a day', '10m')
    .option('--json', 'as JSON')
    .action(async (options: StartOptions, self) => {
      const { terminal } = context
      const { ca, label } = options
      const request = { ca, for: seconds(options.for, '--for', MOST), ...(label ? { labels: label } : {}) }
      const server = await requireServer(configOf(context, self).config, 'broker drill')
      const drill = await server.broker.startDrill(request, LOCAL)
      if (options.json === true) return writeJson(terminal, drill)
      const who = drill.labels === null ? 'everybody' : drill.labels.join(', ')
      terminal.write(`${escapeText(ca)} is taken for dead until ${drill.until}, for ${escapeText(who)}\n`)
      terminal.warn('Look on with: acmetap broker orders --open. End it with: acmetap broker drill stop')
    })
}

function stopCommand(context: CommandContext) {
  return command('stop', 'end drills: all, or those of one CA', [
    ['broker drill stop', 'all'],
    ['broker drill stop --ca letsencrypt', 'of one CA'],
  ])
    .option('--ca <name>', 'only of this CA')
    .option('--json', 'as JSON')
    .action(async (options: { readonly ca?: string; readonly json?: boolean }, self) => {
      const { terminal } = context
      const server = await requireServer(configOf(context, self).config, 'broker drill')
      const stopped = await server.broker.stopDrills(options.ca ?? null, LOCAL)
      if (options.json === true) return writeJson(terminal, stopped)
      if (stopped.length === 0) return terminal.warn('there was no drill')
      for (const { ca } of stopped) terminal.write(`the drill of ${escapeText(ca)} has ended\n`)
    })
}
