import { setTimeout as sleep } from 'node:timers/promises'
import type { Operations } from '../api/operations.ts'
import type { InventoryProgress } from '../audit/inventory/inventory-reader.ts'
import { connectServer } from './backend.ts'
import { CliError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { LOCAL } from './local-actor.ts'
import { type Terminal, writeJson } from './terminal.ts'
import { durationText } from './time.ts'

interface RebuildOptions {
  readonly json?: boolean
  readonly wait: boolean
}

const LOOK_EVERY_MS = 200

export function rebuildCommand(context: CommandContext) {
  return command('rebuild', 'make the inventory anew from the record, while a server runs or without one', [
    ['rebuild', 'and tell how far it is until it is done'],
    ['rebuild --no-wait', 'leave it to the running server'],
  ])
    .addHelpText(
      'after',
      '\nThe inventory is derived from the record, so nothing is lost by this. Exchanges are recorded meanwhile, and lists\ntell what has been read again so far.',
    )
    .option('--no-wait', 'begin it in the running server and end')
    .option('--json', 'as JSON: where it ended')
    .action(async (options: RebuildOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      const server = await connectServer(config)
      if (server === null && !options.wait) {
        throw new CliError(
          `--no-wait needs a running server, and none answers in ${config.data}`,
          'Without a server: acmetap rebuild',
        )
      }
      const meter = new Meter(terminal)
      if (server === null) {
        const { rebuild } = await context.application()
        await rebuild(config, (progress) => meter.tell(progress))
      } else {
        await server.rebuild(LOCAL)
        if (!options.wait) return terminal.warn('begun; acmetap rebuild shows how far it is')
        await follow(server, meter)
      }
      const { last } = meter
      if (options.json === true)
        return writeJson(terminal, { facts: last?.projected ?? 0, micros: meter.taken })
      terminal.write(
        `the inventory is made anew: ${last?.projected ?? 0} facts in ${durationText(meter.taken)}\n`,
      )
    })
}

/** Throws a {@link CliError} where it stands still. */
async function follow(server: Operations, meter: Meter): Promise<void> {
  for (;;) {
    const progress = await server.inventory.progress()
    if (progress.fault !== null) {
      throw new CliError(
        `the inventory stands still at fact ${progress.projected} of ${progress.recorded}: ${progress.fault}`,
        "See the server's log.",
      )
    }
    meter.tell(progress)
    if (!progress.rebuilding) return
    await sleep(LOOK_EVERY_MS)
  }
}

const TELL_EVERY = 1_000_000

/** Tells how far it is, how fast it goes and what is left, once a second at most. */
export class Meter {
  readonly #terminal: Terminal
  readonly #begun: number
  #first: number | null = null
  #told: number
  last: InventoryProgress | null = null

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#begun = terminal.now()
    this.#told = this.#begun
  }

  /** µs since it began. */
  get taken(): number {
    return this.#terminal.now() - this.#begun
  }

  tell(progress: InventoryProgress): void {
    this.last = progress
    const now = this.#terminal.now()
    this.#first ??= progress.projected
    if (now - this.#told < TELL_EVERY) return
    this.#told = now
    this.#terminal.warn(progressText(progress, progress.projected - this.#first, now - this.#begun))
  }
}

/** `fact 120000 of 480000 (25 %), 40000 a second, 9.0 s left`; `done` facts took `micros`. */
export function progressText(
  { projected, recorded }: InventoryProgress,
  done: number,
  micros: number,
): string {
  const share = recorded === 0 ? 100 : Math.floor((projected / recorded) * 100)
  const rate = micros <= 0 ? 0 : Math.round(done / (micros / 1e6))
  const pace =
    rate <= 0 ? '' : `, ${rate} a second, ${durationText(((recorded - projected) / rate) * 1e6)} left`
  return `fact ${projected} of ${recorded} (${share} %)${pace}`
}
