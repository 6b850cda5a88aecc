import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort, listening, type StartedProcess, startProcess } from '../child-process.ts'
import { named } from '../peers/bind.ts'

export interface DelegatingBind {
  /** Asks and answers on this port, everywhere: what it delegates to must listen on it as well. */
  readonly port: number
  /** Address it sends questions about the delegated zone to. */
  readonly delegate: string
  /** Names below the zone, and what they are aliases of. Replaces those of before. */
  alias(names: Readonly<Record<string, string>>): Promise<void>
  readonly process: StartedProcess
  stop(): Promise<void>
}

/**
 * BIND, the authority for `zone` and a resolver for whoever asks. `child.zone` is delegated to another server on
 * loopback, which it asks as every resolver does: step by step, with cookies, and over TCP where it is told to.
 */
export async function startDelegatingBind(
  folder: string,
  zone: string,
  child: string,
): Promise<DelegatingBind> {
  const port = await freePort()
  const delegate = '127.0.0.2'
  let serial = 0
  const write = (names: Readonly<Record<string, string>>) => {
    serial += 1
    const aliases = Object.entries(names).map(([name, target]) => `${name} CNAME ${target}.`)
    const lines = [
      '$TTL 1',
      `@ SOA ns hostmaster ${serial} 3600 600 86400 1`,
      '@ NS ns',
      'ns A 127.0.0.1',
      `${child} NS ns.${child}`,
      `ns.${child} A ${delegate}`,
      ...aliases,
    ]
    return writeFile(path.join(folder, 'zone'), `${lines.join('\n')}\n`)
  }
  await write({})
  const configuration = `
options {
  directory "${folder}"; pid-file none; session-keyfile "session.key"; port ${port};
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion yes; allow-recursion { any; }; dnssec-validation no; qname-minimization strict; empty-zones-enable no;
};
controls {};
zone "${zone}" { type primary; file "zone"; };
`
  const file = path.join(folder, 'named.conf')
  await writeFile(file, configuration)
  const process = startProcess(await named(), ['-g', '-c', file, '-n', '1'], {
    cwd: folder,
  })
  await listening(port, process)
  return {
    port,
    delegate,
    process,
    async alias(names) {
      await write(names)
      const loaded = `loaded serial ${serial}`
      process.child.kill('SIGHUP')
      for (;;) {
        if (process.output().includes(loaded)) return
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    stop: () => process.stop(),
  }
}
