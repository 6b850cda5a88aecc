/** The lines of `acmetap enroll --mode broker`, run as they are printed, an issuance with what they set, and the way back. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Finished, findProgram } from '../../src/cli/demo/child.ts'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'
import { type Machine, reasonWithoutMachine, startMachine } from '../cli/enroll/machine.ts'
import { type Acmetap, startAcmetap } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import { runMain } from '../support/run-main.ts'

const reason = await reasonWithoutMachine()
/** Every client, where time does not matter; else one that runs and ends, and one that is a server. */
const ALL = process.env.ACMETAP_ALL_CLIENTS === '1'

let folder: string
let acmetap: Acmetap
let directory: string
let machine: Machine

beforeAll(async () => {
  if (reason !== null) return
  folder = await mkdtemp(join(tmpdir(), 'acmetap-enrolled-broker-'))
  const ports = { acme: await freePort(), admin: await freePort() }
  acmetap = await startAcmetap({
    folder,
    ports,
    // Nobody asks it: the local CA issues.
    directory: `https://localhost:${await freePort()}/dir`,
    trust: (await makeServerCertificate(['localhost'], [])).root,
    sections: {
      relay: [],
      local_cas: { home: { names: ['.enrolled.test'] } },
      broker: [{ name: 'fleet', cas: ['home'], proof: 'policy' }],
    },
  })
  directory = `https://localhost:${ports.acme}/fleet/directory`
  await ran('local-ca', 'create', 'home')
}, 120_000)

afterAll(async () => {
  await acmetap?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  if (reason !== null) return
  machine = await startMachine()
  await chmod(machine.folder, 0o755)
})
afterEach(() => machine?.close())

/** A command of acmetap's, with the configuration of the server. */
async function ran(...words: string[]): Promise<string> {
  const { code, out, err } = await runMain([...words, '--config', join(folder, 'acmetap.yaml')], folder)
  expect(code, err).toBe(0)
  return out
}

function sh(script: string, environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return machine.run(['sh', '-euc', `cd "$HOME"\n${script}`], environment, 100_000)
}

/** The lines that register, as `enroll` prints them for people, with the MAC key in its place. */
function registration(printed: string, mac: string): string {
  const lines = printed.split('\n')
  const at = lines.findIndex((line) => line.includes('Register with the EAB key'))
  expect(at).toBeGreaterThan(0)
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('#   '))
  return lines
    .slice(at + 1, end)
    .map((line) => line.slice('#   '.length))
    .join('\n')
    .replaceAll(/(?<!H)MAC_KEY/g, mac)
}

interface Run {
  readonly client: string
  readonly programs: readonly string[]
  /** False for those that only a run of all clients includes. */
  readonly always: boolean
  /** Files it needs before it is enrolled; `lines` register. */
  readonly before?: (lines: string) => string
  /** `$N` is the name, `$D` the directory, `$RUN` the wrapper that the lines made. Writes certificate.pem. */
  readonly issue: (lines: string) => string
}

const RUNS: readonly Run[] = [
  {
    client: 'certbot',
    always: true,
    programs: ['certbot'],
    before: () =>
      'printf "%s\\n" "config-dir = $HOME/c" "work-dir = $HOME/w" "logs-dir = $HOME/l" "non-interactive = true" "register-unsafely-without-email = true" >/etc/letsencrypt/cli.ini',
    // The server and the terms are in cli.ini now.
    issue: (lines) =>
      `$RUN ${lines}; $RUN certbot certonly --webroot -w . -d $N; cp c/live/$N/cert.pem certificate.pem`,
  },
  {
    client: 'lego',
    always: false,
    programs: ['lego'],
    issue: (lines) =>
      `$RUN ${lines.replace('…', '--path lego --accept-tos --email a@example.test --http --http.webroot . -d $N')}; cp lego/certificates/$N.crt certificate.pem`,
  },
  {
    client: 'dehydrated',
    always: false,
    programs: ['dehydrated', 'curl'],
    before: (
      lines,
    ) => `mkdir -p d; rm -f /etc/dehydrated/conf.d/*; printf '%s\\n' CONFIG_D=/etc/dehydrated/conf.d "BASEDIR=$HOME/d" "WELLKNOWN=$HOME/.well-known/acme-challenge" >/etc/dehydrated/config
cat >>/etc/dehydrated/config <<'END'
${lines}
END`,
    issue: () =>
      'dehydrated --register --accept-terms; dehydrated -c -d $N; cp d/certs/$N/cert.pem certificate.pem',
  },
  {
    client: 'uacme',
    always: false,
    programs: ['uacme'],
    // Its own folder would be one of the machine's that are compared.
    issue: (lines) =>
      `${lines.replace('uacme ', 'uacme -c u ')}; uacme -y -a $D -c u -h /bin/true issue $N; cp u/$N/cert.pem certificate.pem`,
  },
  {
    client: 'caddy',
    always: true,
    programs: ['caddy'],
    // What of the printed options the enrolment sets itself stays out: an option comes once.
    before: (lines) => `mkdir -p /etc/caddy; cat >/etc/caddy/Caddyfile <<END
{
	admin off
	auto_https disable_redirects
	storage file_system $HOME/s
${lines.split('\n').slice(2, -1).join('\n')}
}
$N:$P {
	bind 127.0.0.1
	respond ok
}
END`,
    issue: () => `$RUN caddy run --config /etc/caddy/Caddyfile & pid=$!
for i in $(seq 100); do found=$(find s -name "$N.crt" 2>/dev/null || :); [ -z "$found" ] || break; sleep 0.3; done
kill $pid; cp "$found" certificate.pem`,
  },
]

describe.skipIf(reason !== null)(
  `enrolled to an endpoint by the lines that are printed${reason ? ` (${reason})` : ''}`,
  () => {
    test.each(RUNS.filter(({ always }) => always || ALL).map((run) => [run.client, run] as const))(
      '%s registers with an EAB key, issues through the broker, and is as before after the undo',
      async (client, { programs, before = () => ':', issue }) => {
        for (const program of programs)
          if ((await findProgram(program)) === null) return console.warn(`${program} is not installed`)
        const name = `${client}.enrolled.test`
        const key = JSON.parse(await ran('eab', 'create', '--label', client, '--names', name, '--json'))
        const words = ['enroll', client, '--mode', 'broker', '--endpoint', 'fleet']
        const printed = await ran(...words, '--eab', key.id)
        const lines = registration(printed, key.mac)
        const variables = {
          D: directory,
          N: name,
          P: String(await freePort()),
          RUN: `/etc/acmetap/clients/${client}/run`,
        }
        const prepared = await sh(`mkdir -p .well-known/acme-challenge; ${before(lines)}`, variables)
        expect(prepared.code, prepared.output).toBe(0)
        const tree = await machine.tree()

        const enrolled = await machine.pipe(printed)
        expect(enrolled.code, enrolled.output).toBe(0)
        const issued = await sh(issue(lines), variables)
        const certificate = await readFile(join(machine.folder, 'certificate.pem'), 'utf8').catch(() => '')
        expect(certificate, issued.output).toContain('BEGIN CERTIFICATE')

        const recorded = JSON.parse(await ran('exchanges', '--name', name, '--json')) as {
          intent: { mode: string; operation: string; client: { label: string | null } }
        }[]
        const seen = recorded.map(({ intent }) => `${intent.mode} ${intent.operation} ${intent.client.label}`)
        expect(seen).toContain(`broker newOrder ${client}`)

        const undone = await machine.pipe(await ran(...words, '--undo'))
        expect(undone.code, undone.output).toBe(0)
        expect(await machine.tree()).toBe(tree)
      },
      180_000,
    )
  },
)
