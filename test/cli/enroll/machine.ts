import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cleanEnvironment, type Finished, findProgram, runProgram } from '../../../src/cli/demo/child.ts'

/**
 * A machine to enrol: this one, with copies laid over `/etc` and the local roots in a mount namespace, so that the
 * real ones stay untouched. Needs root.
 */
export interface Machine {
  readonly folder: string
  run(
    command: readonly string[],
    environment?: Readonly<Record<string, string>>,
    timeout?: number,
  ): Promise<Finished>
  /** Lines that were printed. */
  pipe(script: string, environment?: Readonly<Record<string, string>>): Promise<Finished>
  /** Every file, folder and link of the copies: mode, owner, and a digest of the bytes. */
  tree(): Promise<string>
  close(): Promise<void>
}

const COPIED = ['/etc', '/usr/local/share/ca-certificates']

const BOOT = `
folder=$1; shift
for one in "$@"; do
  copy="$folder/over$one"
  mkdir -p "$copy"
  cp -a "$one/." "$copy/"
  mount --bind "$copy" "$one"
done
# What belongs to other packages is not looked at: its entries carry the time of the change.
rm -f /etc/ca-certificates/update.d/jks-keystore
update-ca-certificates >/dev/null 2>&1
echo ready
exec sleep infinity
`

export async function reasonWithoutMachine(): Promise<string | null> {
  for (const program of ['unshare', 'nsenter', 'mount', 'update-ca-certificates', 'curl']) {
    if ((await findProgram(program)) === null) return `${program} is not installed`
  }
  if (process.getuid?.() !== 0) return 'a machine of its own needs root (unshare --mount)'
  const tried = spawnSync('unshare', ['--mount', '--propagation', 'private', 'true'], { encoding: 'utf8' })
  return tried.status === 0 ? null : `unshare --mount: ${tried.stderr.trim()}`
}

export async function startMachine(): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-machine-'))
  const holder = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-euc', BOOT, 'machine', folder, ...COPIED],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await ready(holder)
  const inside = (command: readonly string[]) => [`--mount=/proc/${holder.pid}/ns/mnt`, '--', ...command]
  const environmentOf = (extra: Readonly<Record<string, string>> = {}) => cleanEnvironment(folder, extra)
  const machine: Machine = {
    folder,
    run: (command, environment, timeout = 60_000) =>
      runProgram('nsenter', inside(command), { environment: environmentOf(environment), folder, timeout }),
    async pipe(script, environment) {
      const file = join(folder, 'lines.sh')
      await writeFile(file, script)
      return machine.run(['sh', file], environment)
    },
    async tree() {
      const list = `find ${COPIED.join(' ')} -printf '%p %y %m %U:%G %l\\n' | sort; find ${COPIED.join(' ')} -type f -exec sha256sum {} + | sort`
      const { code, output } = await machine.run(['sh', '-c', list])
      if (code !== 0) throw new Error(output)
      return output
    },
    async close() {
      holder.kill('SIGKILL')
      await new Promise((resolve) =>
        holder.exitCode !== null || holder.signalCode !== null ? resolve(null) : holder.once('exit', resolve),
      )
      await rm(folder, { recursive: true, force: true })
    },
  }
  return machine
}

function ready(holder: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    holder.stdout!.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('ready')) resolve()
    })
    holder.on('error', reject)
    holder.on('exit', (code) => reject(new Error(`the machine ended with ${code}`)))
  })
}
