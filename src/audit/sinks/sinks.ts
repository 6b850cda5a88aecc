/**
 * src/audit/sinks gives the record to others, line by line and at least once: each sink follows the record from its own
 * position and knows nothing of the exchanges under way. Start here; sink.ts is how one runs.
 */
import { hostname, networkInterfaces } from 'node:os'
import type { Writable } from 'node:stream'
import type { SinkConfig } from '../../config/schema.ts'
import type { Clock } from '../../exchange/clock.ts'
import { FORMATS } from '../formats/formats.ts'
import { FileOutput } from './file-output.ts'
import type { Output } from './output.ts'
import { Sink, type SinkEvent, type SinkPauses, type SinkReader, type SinkStatus } from './sink.ts'
import type { SinkPositions } from './sink-positions.ts'
import { StreamOutput } from './stream-output.ts'
import { syslogOutput, syslogServer } from './syslog-output.ts'

export interface Sinks {
  /** An outcome has become durable. Costs nothing. */
  wake(): void
  /** Files that were moved away are opened anew under their names. */
  reopen(): void
  status(): Promise<readonly SinkStatus[]>
  /** Sends what is left, as far as that is quick. Resolves always. To be called before the store is closed. */
  close(): Promise<void>
}

export interface SinksSurroundings {
  readonly stdout: Writable
  readonly clock: Clock
  readonly report: (event: SinkEvent) => void
  /** Of this program. */
  readonly version: string
  /** Host name of a configured CA; null for a name that is not configured. */
  readonly hostOfCa: (name: string) => string | null
  /** For tests. */
  readonly pauses?: SinkPauses
}

/** Resolves when every sink has its place in the record: no outcome from then on is missed. Rejects where the store can't say. */
export async function createSinks(
  configured: readonly SinkConfig[] | undefined,
  reader: SinkReader,
  positions: SinkPositions,
  { stdout, clock, report, version, hostOfCa, pauses }: SinksSurroundings,
): Promise<Sinks> {
  const program = { version, host: hostname(), ip: ownAddress(), hostOfCa }
  const sinks: Sink[] = []
  for (const config of configured ?? []) {
    sinks.push(
      await Sink.start({
        name: config.name,
        format: FORMATS[config.format],
        output: outputOf(config, stdout),
        reader,
        positions,
        from: config.from,
        program,
        now: () => clock.now().wall,
        report,
        ...(pauses ? { pauses } : {}),
      }),
    )
  }
  return {
    wake() {
      for (const sink of sinks) sink.wake()
    },
    reopen() {
      for (const sink of sinks) sink.reopen()
    },
    status: () => Promise.all(sinks.map((sink) => sink.status())),
    async close() {
      await Promise.all(sinks.map((sink) => sink.close()))
    },
  }
}

/** The configuration is checked to name exactly one. */
function outputOf({ file, syslog }: SinkConfig, stdout: Writable): Output {
  if (file) return new FileOutput(file)
  if (!syslog) return new StreamOutput(stdout)
  const origin = { facility: syslog.facility, host: hostname(), pid: process.pid }
  return syslogOutput(syslogServer(syslog.url, syslog.trust), origin)
}

/** The first address by which others reach this machine. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  const outside = addresses.filter(({ internal }) => !internal)
  return (outside.find(({ family }) => family === 'IPv4') ?? outside[0])?.address ?? '127.0.0.1'
}
