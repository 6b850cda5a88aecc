/** The lines of `acmetap enroll`, run as they are printed, an issuance with what they set, and the way back. */
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Finished, findProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { type Machine, reasonWithoutMachine, startMachine } from '../cli/enroll/machine.ts'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { runMain } from '../support/run-main.ts'

const PEERS = resolve(import.meta.dirname, '..', 'support', 'peers')
const reason =
  (await reasonWithoutMachine()) ??
  ((await findProgram('pebble')) === null ? 'pebble is not installed' : null)

let folder: string
let pebble: Pebble
let acmetap: InterceptingAcmetap
let directory: string
let machine: Machine

beforeAll(async () => {
  if (reason !== null) return
  folder = await mkdtemp(join(tmpdir(), 'acmetap-enrolled-'))
  // Challenges are not the question here.
  pebble = await startPebble({ folder: join(folder, 'pebble'), nonceReject: 0, alwaysValid: true })
  // A name that is not this machine's: Go and Ruby pass such a CA by the proxy.
  directory = `https://pebble:${pebble.port}/dir`
  await mkdir(join(folder, 'acmetap'))
  acmetap = await startIntercepting({
    folder: join(folder, 'acmetap'),
    directory,
    trust: await readFile(pebble.trust, 'utf8'),
    sections: { ca: { addresses: ['127.0.0.1'] } },
  })
})

afterAll(async () => {
  await acmetap?.stop()
  await pebble?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  if (reason !== null) return
  machine = await startMachine()
  await chmod(machine.folder, 0o755)
  await sh("echo '192.0.2.1 pebble' >>/etc/hosts")
})
afterEach(() => machine?.close())

function sh(script: string, environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return machine.run(['sh', '-euc', `cd "$HOME"\n${script}`], environment, 100_000)
}

async function printed(client: string, ...more: string[]): Promise<string> {
  const { code, out, err } = await runMain(
    [
      ...['enroll', client, '--config', join(folder, 'acmetap', 'acmetap.yaml')],
      ...['--proxy', `http://127.0.0.1:${acmetap.proxyPort}`],
      ...more,
    ],
    folder,
  )
  expect(code, err).toBe(0)
  return out
}

/** How a person or a timer runs a client that is enrolled: `$D` is the CA's own directory, `$N` the name. */
interface Run {
  readonly client: string
  readonly programs: readonly string[]
  /** Files it needs before it is enrolled. */
  readonly before?: string
  readonly issue: string
}

const LIBRARY = 'ACME_DIRECTORY=$D ACME_FOLDER=$HOME ACME_BASE_NAME=$N HOOK=/bin/true HOOK_WEBROOT=$HOME'
const WEB = 'mkdir -p .well-known/acme-challenge'
const KEYS =
  'openssl genrsa -out account.key 2048; openssl genrsa -out domain.key 2048; openssl req -new -key domain.key -subj "/CN=$N" -addext "subjectAltName=DNS:$N" -out csr.pem'

const RUNS: readonly Run[] = [
  {
    client: 'certbot',
    programs: ['certbot'],
    issue:
      '/etc/acmetap/clients/certbot/run certbot certonly -n --server $D --webroot -w . -d $N --agree-tos --register-unsafely-without-email --config-dir c --work-dir w --logs-dir l && cp c/live/$N/cert.pem certificate.pem',
  },
  {
    client: 'lego',
    programs: ['lego'],
    issue:
      '/etc/acmetap/clients/lego/run lego --server $D --path lego --accept-tos --email a@example.test --http --http.webroot . -d $N run && cp lego/certificates/$N.crt certificate.pem',
  },
  {
    client: 'dehydrated',
    programs: ['dehydrated', 'curl'],
    before:
      'printf "CONFIG_D=/etc/dehydrated/conf.d\\nCA=$D\\nBASEDIR=$HOME/d\\nWELLKNOWN=$HOME/.well-known/acme-challenge\\n" >/etc/dehydrated/config; mkdir -p d; rm -f /etc/dehydrated/conf.d/*',
    issue:
      'dehydrated --register --accept-terms; dehydrated -c -d $N; cp d/certs/$N/cert.pem certificate.pem',
  },
  {
    client: 'uacme',
    programs: ['uacme'],
    issue:
      'r=/etc/acmetap/clients/uacme/run; $r uacme -y -a $D -c u new; $r uacme -y -a $D -c u -h /bin/true issue $N && cp u/$N/cert.pem certificate.pem',
  },
  {
    client: 'acme-tiny',
    programs: ['acme-tiny'],
    issue: `${KEYS}; /etc/acmetap/clients/acme-tiny/run acme-tiny --directory-url $D --account-key account.key --csr csr.pem --acme-dir .well-known/acme-challenge --disable-check >certificate.pem`,
  },
  {
    client: 'caddy',
    programs: ['caddy'],
    issue: `printf '{"admin":{"disabled":true},"storage":{"module":"file_system","root":"%s/s"},"apps":{"tls":{"certificates":{"automate":["%s"]},"automation":{"policies":[{"subjects":["%s"],"issuers":[{"module":"acme","ca":"%s","email":"a@example.test","challenges":{"tls-alpn":{"disabled":true},"http":{"alternate_port":%s}}}]}]}}}}' "$HOME" $N $N $D $P >caddy.json
/etc/acmetap/clients/caddy/run caddy run --config caddy.json & pid=$!
for i in $(seq 100); do found=$(find s -name "$N.crt" 2>/dev/null || :); [ -z "$found" ] || break; sleep 0.3; done
kill $pid; cp "$found" certificate.pem`,
  },
  {
    client: 'mod_md',
    programs: ['apache2'],
    issue: `mkdir -p md && chown www-data md
for m in mpm_event authz_core ssl md; do echo "LoadModule \${m}_module /usr/lib/apache2/modules/mod_$m.so"; done >a.conf
printf '%s\\n' "ServerRoot $HOME" "ServerName $N" 'User www-data' 'Group www-data' "PidFile $HOME/pid" "DefaultRuntimeDir $HOME" "Mutex file:$HOME/md" "ErrorLog $HOME/error.log" 'LogLevel warn md:info' "Listen 127.0.0.1:$P" "MDStoreDir $HOME/md/store" "MDCertificateAuthority $D" 'MDCertificateAgreement accepted' 'MDContactEmail a@example.test' 'MDCAChallenges http-01' "MDPortMap 80:$P" 'MDRenewMode always' "MDomain $N" "<VirtualHost 127.0.0.1:$P>" "ServerName $N" '</VirtualHost>' 'IncludeOptional /etc/apache2/conf-enabled/acmetap.conf' >>a.conf
/usr/sbin/apache2 -f $HOME/a.conf -D FOREGROUND & pid=$!
for i in $(seq 150); do found=$(find md/store/staging -name 'pubcert.pem' 2>/dev/null || :); [ -z "$found" ] || break; sleep 0.3; done
kill $pid; cat error.log; cp "$found" certificate.pem`,
  },
  {
    client: 'python3-acme',
    programs: ['/usr/bin/python3'],
    issue: `${LIBRARY} /etc/acmetap/clients/python3-acme/run /usr/bin/python3 ${PEERS}/python-acme.py issue http-01 $N`,
  },
  {
    client: 'ruby-acme-client',
    programs: ['ruby'],
    issue: `${LIBRARY} /etc/acmetap/clients/ruby-acme-client/run ruby ${PEERS}/ruby-acme-client.rb issue http-01 $N`,
  },
]

describe.skipIf(reason !== null)(
  `enrolled by the lines that are printed${reason ? ` (${reason})` : ''}`,
  () => {
    test.each(RUNS.map((run) => [run.client, run] as const))(
      '%s issues through acmetap, and is as before after the undo',
      async (client, { programs, before = ':', issue }) => {
        for (const program of programs) {
          const installed = program.startsWith('/') || (await findProgram(program)) !== null
          if (!installed) return console.warn(`${program} is not installed`)
        }
        const name = `${client.replace(/[._]/g, '-')}.enrolled.test`
        const variables = { D: directory, N: name, P: String(20_000 + Math.floor(process.pid % 10_000)) }
        await sh(`${WEB}; ${before}`, variables)
        const tree = await machine.tree()

        const enrolled = await machine.pipe(await printed(client))
        expect(enrolled.code, enrolled.output).toBe(0)
        const issued = await sh(issue, variables)
        const certificate = await readFile(join(machine.folder, 'certificate.pem'), 'utf8').catch(() => '')
        expect(certificate, issued.output).toContain('BEGIN CERTIFICATE')

        const recorded = await runMain(
          ['exchanges', '--name', name, '--json', '--config', join(folder, 'acmetap', 'acmetap.yaml')],
          folder,
        )
        const modes = (JSON.parse(recorded.out) as { intent: { mode: string; operation: string } }[]).map(
          ({ intent }) => `${intent.mode} ${intent.operation}`,
        )
        expect(modes).toContain('intercept newOrder')

        const undone = await machine.pipe(await printed(client, '--undo'))
        expect(undone.code, undone.output).toBe(0)
        expect(await machine.tree()).toBe(tree)
      },
      180_000,
    )
  },
)
