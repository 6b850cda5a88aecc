import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment, type Daemon, startDaemon } from '../../../src/cli/demo/child.ts'
import { freePorts } from '../../../src/cli/demo/free-ports.ts'
import { overlaid } from './overlay.ts'
import { unpackedProgram } from './unpacked.ts'

const PROGRAM = 'prometheus-alertmanager'

export async function reasonWithoutAlertmanager(): Promise<string | null> {
  const program = await unpackedProgram(PROGRAM)
  if (program === null) return `${PROGRAM} is not installed`
  const needsRoot = !existsSync(path.join('/usr/share', TEMPLATE)) && process.getuid?.() !== 0
  return needsRoot ? 'an unpacked Alertmanager finds its templates only with root (unshare --mount)' : null
}

/** Debian's build reads it from /usr/share and nowhere else. */
const TEMPLATE = 'prometheus/alertmanager/default.tmpl'

/** Where it is unpacked rather than installed, its own /usr/share is laid over the machine's, for it alone. */
function shareOf(program: string) {
  const file = path.join(program, '..', '..', 'share')
  return existsSync(path.join('/usr/share', TEMPLATE)) ? [] : [{ file, over: '/usr/share' }]
}

/** An alert as Alertmanager has it. */
export interface HeldAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
  readonly endsAt: string
  readonly generatorURL: string
  readonly status: { readonly state: 'active' | 'suppressed' | 'unprocessed' }
}

export interface Alertmanager {
  readonly url: string
  /** What fires there. */
  firing(): Promise<readonly HeldAlert[]>
  /** Ends it and starts it again: alerts are kept in memory alone. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Debian's Alertmanager, which tells one webhook of what fires and what is over. */
export async function startAlertmanager(webhook: string): Promise<Alertmanager> {
  const program = await unpackedProgram(PROGRAM)
  if (program === null) throw new Error(`${PROGRAM} is not installed`)
  const folder = await mkdtemp(path.join(tmpdir(), 'alertmanager-'))
  const [port] = (await freePorts(1)) as [number]
  const config = path.join(folder, 'alertmanager.yml')
  await writeFile(
    config,
    `route: { receiver: hook, group_by: [alert], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: "${webhook}", send_resolved: true }] }]
`,
  )
  const url = `http://127.0.0.1:${port}`
  const start = async (): Promise<Daemon> => {
    const command = overlaid(shareOf(program), program, [
      `--config.file=${config}`,
      `--storage.path=${path.join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ])
    const daemon = startDaemon(command.program, command.args, {
      environment: cleanEnvironment(folder),
      folder,
    })
    for (let tries = 0; !(await isReady(url)); tries += 1) {
      if (tries === 1000) throw new Error(`Alertmanager does not start: ${daemon.log()}`)
      await sleep(50)
    }
    return daemon
  }
  let daemon = await start()
  return {
    url,
    firing: async () =>
      (await (await fetch(`${url}/api/v2/alerts?active=true`)).json()) as readonly HeldAlert[],
    async restart() {
      await daemon.stop()
      daemon = await start()
    },
    async stop() {
      await daemon.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  )
}
