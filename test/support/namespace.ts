import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { findProgram } from '../../src/cli/demo/child.ts'
import { HOSTS_FILE } from './peers/overlay.ts'

/** Every address of this network is the machine's own inside the namespace, and unknown outside. */
const OWN_NETWORK = '10.77.0.1/16'

const SETTLE = `ip link set lo up && ip address add ${OWN_NETWORK} dev lo && exec "$@"`

/** Why no namespace of our own can be made here, or null. */
export async function reasonWithoutNamespace(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s own'
  for (const program of ['unshare', 'ip', 'mount']) {
    if ((await findProgram(program)) === null) return `${program} is not installed`
  }
  if (process.getuid?.() !== 0) return 'a network and hosts file of its own need root (unshare --net --mount)'
  const [program = '', ...args] = insideNamespace(['true'])
  const tried = spawnSync(program, args, { encoding: 'utf8' })
  return tried.status === 0 ? null : `unshare --net --mount: ${tried.stderr.trim()}`
}

/**
 * The command in a network and mount namespace of its own: ports and addresses collide with nobody's, nothing gets
 * out, and files can be laid over the machine's.
 */
export function insideNamespace(command: readonly string[]): string[] {
  return ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', SETTLE, 'inside', ...command]
}

/** Give the namespace another address. Only inside. */
export function addAddress(address: string): void {
  execFileSync('ip', ['address', 'add', `${address}/32`, 'dev', 'lo'])
}

/** Writes `file` and lays it over the hosts file of everything inside. */
export function layHosts(file: string, hosts: Readonly<Record<string, string>>): void {
  writeHosts(file, hosts)
  execFileSync('mount', ['--bind', file, HOSTS_FILE])
}

/** A hosts file: addresses by name. */
export function writeHosts(file: string, hosts: Readonly<Record<string, string>>): void {
  const lines = Object.entries({ localhost: '127.0.0.1', ...hosts }).map(([name, at]) => `${at} ${name}\n`)
  writeFileSync(file, lines.join(''))
}
