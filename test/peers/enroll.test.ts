/** The lines of `acmetap enroll`, run as they are printed, an issuance with what they set, and the way back. */
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Finished, findProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { clientNamed } from '../../src/cli/enroll/clients.ts'
import { type Machine, reasonWithoutMachine, startMachine } from '../cli/enroll/machine.ts'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { runMain } from '../support/run-main.ts'

const PEERS = resolve(import.meta.dirname, '..', 'support', 'peers')
const reason =
  (await reasonWithoutMachine()) ??
  ((await findProgram('pebble')) === null ? 'pebble is not installed' : null)

const HERE = '127.0.0.2'
/** Every client, where time does not matter; else one for each way in, each door of trust and each way to be started. */
const ALL = process.env.ACMETAP_ALL_CLIENTS === '1'

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
    // An address of its own, so that listener sni can have the CA's port.
    proxy: { address: HERE, names: [HERE] },
    sni: { address: HERE, port: pebble.port },
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
})
afterEach(() => machine?.close())

function sh(script: string, environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return machine.run(['sh', '-euc', `cd "$HOME"\n${script}`], environment, 100_000)
}

async function printed(client: string, ...more: string[]): Promise<string> {
  const { code, out, err } = await runMain(
    [
      ...['enroll', client, '--config', join(folder, 'acmetap', 'acmetap.yaml')],
      ...['--proxy', `http://${HERE}:${acmetap.proxyPort}`],
      ...more,
    ],
    folder,
  )
  expect(code, err).toBe(0)
  return out
}

function schemesOf(client: string, mode: string): ('http' | 'https')[] {
  return mode === 'intercept' && clientNamed(client)!.httpsProxy !== 'no' ? ['http', 'https'] : ['http']
}

/** Both doctors, with the variables of a client that is enrolled over `https://`; and without the listener root. */
async function expectDoctors(client: string, variables: Readonly<Record<string, string>>): Promise<void> {
  const run = `/etc/acmetap/clients/${client}/run`
  const main = resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const doctors = [
    `curl -fsS http://${HERE}:${acmetap.proxyPort}/doctor.sh >doctor.sh; ${run} sh doctor.sh`,
    `${run} ${process.execPath} ${main} doctor --ca $D --client ${client}`,
  ]
  for (const doctor of doctors) {
    const well = await sh(doctor, variables)
    expect(well.code, well.output).toBe(0)
    expect(well.output).toMatch(/proxy's own certificate is trusted/)
    expect(well.output).toContain(directory)
    const bundle =
      'printf "%s" "$ROOT" >only.pem; REQUESTS_CA_BUNDLE=$HOME/only.pem; export REQUESTS_CA_BUNDLE'
    const proxy = `HTTPS_PROXY=https://${HERE}:${acmetap.proxyPort}; export HTTPS_PROXY`
    const bare = doctor.replace(`${run} `, '')
    const without = await sh(`${bundle}; ${proxy}; ${bare}`, { ...variables, ROOT: acmetap.interceptionRoot })
    expect(without.code, without.output).toBe(1)
    expect(without.output).toMatch(/^FAIL {2}the certificate of the proxy .* is not trusted/m)
  }
}

/** How a person or a timer runs a client that is enrolled: `$D` is the CA's own directory, `$N` the name. */
interface Run {
  readonly client: string
  readonly programs: readonly string[]
  readonly mode?: 'sni'
  /** Of the proxy URL; http where it is left out. A run of all takes every scheme that the client can. */
  readonly scheme?: 'https'
  /** False for those that only a run of all clients includes. */
  readonly always: boolean
  /** Files it needs before it is enrolled. */
  readonly before?: string
  readonly issue: string
}

const LIBRARY = 'ACME_DIRECTORY=$D ACME_FOLDER=$HOME ACME_BASE_NAME=$N HOOK=/bin/true HOOK_WEBROOT=$HOME'
const WEB = 'mkdir -p .well-known/acme-challenge'
const KEYS =
  'openssl genrsa -out account.key 2048; openssl genrsa -out domain.key 2048; openssl req -new -key domain.key -subj "/CN=$N" -addext "subjectAltName=DNS:$N" -out csr.pem'

const CERTBOT =
  '/etc/acmetap/clients/certbot/run certbot certonly -n --server $D --webroot -w . -d $N --agree-tos --register-unsafely-without-email --config-dir c --work-dir w --logs-dir l && cp c/live/$N/cert.pem certificate.pem'

const RUNS: readonly Run[] = [
  { client: 'certbot', programs: ['certbot'], scheme: 'https', issue: CERTBOT, always: true },
  {
    client: 'lego',
    always: true,
    programs: ['lego'],
    issue:
      '/etc/acmetap/clients/lego/run lego --server $D --path lego --accept-tos --email a@example.test --http --http.webroot . -d $N run && cp lego/certificates/$N.crt certificate.pem',
  },
  {
    client: 'dehydrated',
    always: false,
    programs: ['dehydrated', 'curl'],
    before:
      'printf "CONFIG_D=/etc/dehydrated/conf.d\\nCA=$D\\nBASEDIR=$HOME/d\\nWELLKNOWN=$HOME/.well-known/acme-challenge\\n" >/etc/dehydrated/config; mkdir -p d; rm -f /etc/dehydrated/conf.d/*',
    issue:
      'dehydrated --register --accept-terms; dehydrated -c -d $N; cp d/certs/$N/cert.pem certificate.pem',
  },
  {
    client: 'uacme',
    always: false,
    programs: ['uacme'],
    issue:
      'r=/etc/acmetap/clients/uacme/run; $r uacme -y -a $D -c u new; $r uacme -y -a $D -c u -h /bin/true issue $N && cp u/$N/cert.pem certificate.pem',
  },
  {
    client: 'acme-tiny',
    always: false,
    programs: ['acme-tiny'],
    issue: `${KEYS}; /etc/acmetap/clients/acme-tiny/run acme-tiny --directory-url $D --account-key account.key --csr csr.pem --acme-dir .well-known/acme-challenge --disable-check >certificate.pem`,
  },
  {
    client: 'caddy',
    always: false,
    programs: ['caddy'],
    issue: `printf '{"admin":{"disabled":true},"storage":{"module":"file_system","root":"%s/s"},"apps":{"tls":{"certificates":{"automate":["%s"]},"automation":{"policies":[{"subjects":["%s"],"issuers":[{"module":"acme","ca":"%s","email":"a@example.test","challenges":{"tls-alpn":{"disabled":true},"http":{"alternate_port":%s}}}]}]}}}}' "$HOME" $N $N $D $P >caddy.json
/etc/acmetap/clients/caddy/run caddy run --config caddy.json & pid=$!
for i in $(seq 100); do found=$(find s -name "$N.crt" 2>/dev/null || :); [ -z "$found" ] || break; sleep 0.3; done
kill $pid; cp "$found" certificate.pem`,
  },
  {
    client: 'mod_md',
    always: true,
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
    always: false,
    programs: ['/usr/bin/python3'],
    issue: `${LIBRARY} /etc/acmetap/clients/python3-acme/run /usr/bin/python3 ${PEERS}/python-acme.py issue http-01 $N`,
  },
  {
    client: 'ruby-acme-client',
    always: false,
    programs: ['ruby'],
    issue: `${LIBRARY} /etc/acmetap/clients/ruby-acme-client/run ruby ${PEERS}/ruby-acme-client.rb issue http-01 $N`,
  },
  {
    client: 'node-acme-client',
    always: true,
    programs: [process.execPath],
    issue: `${LIBRARY} /etc/acmetap/clients/node-acme-client/run ${process.execPath} ${PEERS}/node-acme-client.mjs issue http-01 $N`,
  },
  {
    client: 'lacme',
    always: true,
    programs: ['lacme', 'openssl'],
    mode: 'sni',
    before: `openssl genrsa -out account.key 2048; openssl genrsa -out domain.key 2048; chmod 600 *.key
printf '%s\\n' "privkey = file:$HOME/account.key" >accountd.conf; chmod 600 accountd.conf
printf '%s\\n' "config-certs = $HOME/certs.conf" '[client]' 'user =' 'group =' "server = $D" '[webserver]' "listen = 127.0.0.1:$P" 'user =' 'group =' '[accountd]' "config = $HOME/accountd.conf" >lacme.conf
printf '%s\\n' "[$N]" "certificate-key = $HOME/domain.key" "certificate-chain = $HOME/certificate.pem" 'CAfile =' "subject = /CN=$N" "subjectAltName = DNS:$N" >certs.conf`,
    issue:
      'lacme --config lacme.conf account --register --tos-agreed mailto:a@example.test && lacme --config lacme.conf newOrder --force',
  },
]

describe.skipIf(reason !== null)(
  `enrolled by the lines that are printed${reason ? ` (${reason})` : ''}`,
  () => {
    test.each(
      RUNS.filter(({ always }) => always || ALL).flatMap(
        ({ client, mode = 'intercept' as const, scheme = 'http' as const, ...run }) =>
          (ALL ? schemesOf(client, mode) : [scheme]).map((each) => [client, mode, each, run] as const),
      ),
    )(
      '%s, mode %s, over %s, issues through acmetap, and is as before after the undo',
      async (client, mode, scheme, { programs, before = ':', issue }) => {
        for (const program of programs) {
          const installed = program.startsWith('/') || (await findProgram(program)) !== null
          if (!installed) return console.warn(`${program} is not installed`)
        }
        const name = `${client.replace(/[._]/g, '-')}.${scheme}.enrolled.test`
        const words = ['--mode', mode, '--proxy', `${scheme}://${HERE}:${acmetap.proxyPort}`]
        const variables = { D: directory, N: name, P: String(20_000 + Math.floor(process.pid % 10_000)) }
        // By DNS, the CA's own address leads nowhere; in sni the lines themselves say where it is.
        if (mode === 'intercept') await sh("echo '192.0.2.1 pebble' >>/etc/hosts")
        const prepared = await sh(`${WEB}; ${before}`, variables)
        expect(prepared.code, prepared.output).toBe(0)
        const tree = await machine.tree()

        const enrolled = await machine.pipe(await printed(client, ...words))
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
        if (client === 'certbot' && scheme === 'https') await expectDoctors(client, variables)

        const undone = await machine.pipe(await printed(client, ...words, '--undo'))
        expect(undone.code, undone.output).toBe(0)
        expect(await machine.tree()).toBe(tree)
      },
      180_000,
    )
  },
)
