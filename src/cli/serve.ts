import type { Command } from 'commander'
import { formatProblem } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { Running } from './application.ts'
import { boundHeap } from './bound-heap.ts'
import { CliError } from './cli-error.ts'
import { type CommandContext, command, type GlobalOptions } from './command-context.ts'
import { keepCompiledCode } from './compile-cache.ts'
import { findConfig, judgedConfig } from './config-file.ts'
import { escapeText } from './escape.ts'
import type { Terminal } from './terminal.ts'

export function serveCommand(context: CommandContext) {
  return command('serve', 'run the proxy until SIGTERM or SIGINT', [
    ['serve', 'with ./acmetap.yaml or /etc/acmetap/acmetap.yaml'],
    ['serve --config other.yaml', 'with another configuration'],
  ])
    .addHelpText(
      'after',
      '\nSIGTERM and SIGINT let running exchanges end; a second one ends at once.\nSIGHUP reads the configuration again; a bad file changes nothing.',
    )
    .action(async (_options: unknown, self: Command) => {
      const { terminal } = context
      const loaded = await judgedConfig(
        findConfig(terminal, self.optsWithGlobals<GlobalOptions>().config),
        terminal,
      )
      for (const warning of loaded.warnings) terminal.warn(`warning: ${escapeText(warning)}`)
      const signals = new Signals(terminal)
      outliveReader()
      boundHeap()
      try {
        const loadedAll = keepCompiledCode(loaded.config.data)
        const { start } = await context.application()
        const running = await start(loaded).catch((error: unknown) => {
          throw listenAdvice(error, loaded.file)
        })
        loadedAll()
        for (const { name, address, port } of running.addresses) {
          terminal.warn(`listening: ${name} ${address.includes(':') ? `[${address}]` : address}:${port}`)
        }
        tellFirstToken(running, terminal)
        await signals.untilEnd(running)
      } finally {
        signals.release()
      }
    })
}

/** What goes to a log is no secret any more: only a terminal is told, anybody else where the file is. */
function tellFirstToken({ firstToken }: Running, terminal: Terminal): void {
  if (!firstToken) return
  if (terminal.columns === Number.POSITIVE_INFINITY) {
    terminal.warn(`admin token: in ${firstToken.file} until its first use; see acmetap token --help`)
    return
  }
  terminal.warn(`admin token, told this once: ${firstToken.text}`)
  firstToken.told()
}

/** Any other command ends when nobody reads its output any more; a server goes on, and its sinks say what they can't write. */
function outliveReader(): void {
  process.stdout.removeAllListeners('error').on('error', () => undefined)
}

/** What to do about an address that can't be listened on; any other error as it is. */
function listenAdvice(error: unknown, file: string): unknown {
  const { syscall, code, address, port } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
  }
  if (syscall !== 'listen') return error
  const where = `${address?.includes(':') ? `[${address}]` : address}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return new CliError(
        `another program listens on ${where}`,
        `End it (ss -ltnp "sport = :${port}" shows which), or change the port under listeners in ${file}.`,
      )
    case 'EACCES':
      return new CliError(
        `no right to listen on ${where}`,
        `Ports below 1024 need CAP_NET_BIND_SERVICE, which the systemd unit gives. Or change the port under listeners in ${file}.`,
      )
    case 'EADDRNOTAVAIL':
      return new CliError(
        `this machine has no address ${address}`,
        `Change the address under listeners in ${file}; 0.0.0.0 or :: is every interface.`,
      )
    default:
      return new CliError(`cannot listen on ${where}: ${code}`)
  }
}

/** Listens from before the start, so that a signal that comes early is not lost. */
class Signals {
  readonly #terminal: Terminal
  readonly #ending = Promise.withResolvers<void>()
  #running: Running | null = null
  #asked = false
  #reloading = false
  /** It came again while the file was being read: what was read may be old. */
  #again = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    process.on('SIGTERM', this.#end).on('SIGINT', this.#end).on('SIGHUP', this.#reload)
  }

  /** Resolves when the server has been asked to end and has ended. */
  async untilEnd(running: Running): Promise<void> {
    this.#running = running
    await this.#ending.promise
    await running.close()
    this.#terminal.warn('ended')
  }

  release(): void {
    process.off('SIGTERM', this.#end).off('SIGINT', this.#end).off('SIGHUP', this.#reload)
  }

  readonly #end = (signal: NodeJS.Signals): void => {
    if (this.#asked) {
      this.#terminal.warn(`${signal} again: ending at once`)
      process.exit(1)
    }
    this.#asked = true
    this.#terminal.warn(
      `${signal}: ending as soon as the running exchanges have ended; once more ends at once`,
    )
    this.#ending.resolve()
  }

  readonly #reload = (): void => {
    if (this.#running === null || this.#asked) return
    this.#again = this.#reloading
    if (this.#reloading) return
    this.#reloading = true
    void this.#reloadOnce(this.#running).finally(() => {
      this.#reloading = false
      if (this.#again) this.#reload()
    })
  }

  async #reloadOnce(running: Running): Promise<void> {
    try {
      const { ok, digest, problems } = await running.reload()
      if (ok) this.#terminal.warn(`configuration read again: ${digest}`)
      else this.#refuse(problems.map(formatProblem))
    } catch (error) {
      this.#refuse([messageOf(error)])
    }
  }

  #refuse(reasons: readonly string[]): void {
    for (const reason of reasons) this.#terminal.warn(escapeText(reason))
    this.#terminal.warn('the configuration was not changed')
  }
}
