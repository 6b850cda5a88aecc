/**
 * Looks for secrets in every byte that acmetap writes: it does what it can do, and fails as it can fail, with every kind
 * of secret in its hands. Inside a network namespace of its own; prints one line of JSON.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { controlSocketPath } from '../../src/api/control-socket.ts'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { openEngineStore } from '../../src/store/sqlite/engine/open-engine-store.ts'
import { startReceiver } from '../support/alerts/receiver.ts'
import { filesBelow, strawsOf } from './hay.ts'
import { type Lab, startLab } from './lab.ts'
import { findNeedles, type Needle, needlesOfKey, needlesOfText, type Straw } from './needles.ts'

export interface CanaryReport {
  readonly faults: readonly string[]
  /** Private keys that were made, spellings that were looked for, and where. */
  readonly keys: number
  readonly needles: number
  readonly straws: number
  readonly bytes: number
  /** What the search finds where secrets do belong: proof that it can find them. */
  readonly foundWhereTheyBelong: number
}

const P12_PASSWORD = 'p12-5Vb1qLzT9wXe'
const HOOK_SECRET = 'hook-7Gk2mRsY4uQa'
const HOOK_TOKEN = 'hooktoken-9Jd3nPcW6z'
const BAD_TSIG = Buffer.from('a TSIG secret that BIND does not know!').toString('base64')
const BAD_TOKEN = 'failing-exec-4Hf8kBvM2'
const BAD_PASSWORD = 'wrong-httpreq-password-6Tn0'

const receiver = await startReceiver()
const folder = await mkdir(path.join('/tmp', `acmetap-canary-${process.pid}`), { recursive: true }).then(
  (made) => made ?? '/tmp',
)
const [hook, failing] = [path.join(folder, 'hook'), path.join(folder, 'failing')]
// What they say is told further; their command lines are seen by everybody on the machine.
await writeFile(
  hook,
  '#!/bin/sh\necho "args: $*"; tr "\\0" " " < /proc/$PPID/cmdline; echo "token $TOKEN"\n',
  { mode: 0o755 },
)
await writeFile(failing, '#!/bin/sh\necho "args: $*; token $TOKEN"; env; exit 7\n', { mode: 0o755 })

const lab = await startLab({
  nonceReject: 5,
  authorizationReuse: 0,
  ca: 'pebble',
  otherChains: 0,
  managed: (ca) => ({
    pkcs12: { file: `./managed-${ca}.p12`, password: P12_PASSWORD },
    reuse_key: false,
    key_type: 'rsa2048',
    hooks: [
      { exec: [hook, 'deployed'], environment: { TOKEN: HOOK_TOKEN } },
      { webhook: receiver.url, secret: HOOK_SECRET },
    ],
  }),
  solvers: [
    {
      name: 'bad-tsig',
      rfc2136: { server: '10.77.0.1', key_name: 'acmetap.lab.test', secret: BAD_TSIG },
      propagation: { check: 'none' },
    },
    { name: 'bad-exec', exec: { command: failing, environment: { TOKEN: BAD_TOKEN } } },
    { name: 'bad-httpreq', httpreq: { endpoint: receiver.url, username: 'u', password: BAD_PASSWORD } },
  ],
  sections: {
    sinks: [{ name: 'events', file: { path: './sink.jsonl' } }],
    alerts: { channels: [{ name: 'ops', webhook: { url: receiver.url } }] },
  },
})
try {
  process.stdout.write(`${JSON.stringify(await canary(lab))}\n`)
} finally {
  await lab.close()
  await receiver.close()
}

async function canary({ acmetap, ...rest }: Lab): Promise<CanaryReport> {
  const faults: string[] = []
  const given = new Map(filesBelow(rest.folder).map((file) => [file, statSync(file).mtimeMs]))
  const keys = new Map<string, string>()
  const run = async (wanted: 0 | 1, ...words: readonly string[]) => {
    const ran = await acmetap(...words)
    if (ran.code !== wanted) faults.push(`${words.join(' ')} ended with ${ran.code}: ${ran.err.slice(-300)}`)
    return ran
  }
  /** Keys as they are now; a server must not hold the folder. */
  const harvest = async () => {
    const text = await readFile(path.join(rest.folder, 'engine.key'), 'utf8')
    const sealing = createSealing(Buffer.from(text, 'base64'))
    const store = await openEngineStore({ folder: rest.data, where: 'here' })
    for (const { place, sealed } of await store.sealed()) {
      const pem = sealing.open(sealed, place)
      if (pem.includes('PRIVATE KEY')) keys.set(pem, `key of ${place.table} ${place.id}`)
    }
    await store.close()
  }
  const issue = (...words: readonly string[]) => ['engine', 'issue', ...words, '--ca', 'pebble']

  await run(1, 'engine', 'accounts', 'register', 'pebble')
  await run(0, 'engine', 'accounts', 'register', 'pebble', '--agree-terms')
  await harvest()
  await run(0, 'engine', 'accounts', 'roll-over', 'pebble')
  await run(0, 'engine', 'issue', 'managed-pebble')
  await harvest()
  await run(0, ...issue('a.http.lab.test', '--json'))
  for (const solver of ['bind', 'exec', 'httpreq', 'acme-sh'])
    await run(0, ...issue(`${solver}.zone.lab.test`, '--solver', solver))
  receiver.reply = ({ headers, body }) => ({ status: 500, body: `${JSON.stringify(headers)} ${body}` })
  for (const solver of ['bad-tsig', 'bad-exec', 'bad-httpreq'])
    await run(1, ...issue(`${solver}.zone.lab.test`, '--solver', solver))
  // The webhook says 500, and all it was sent.
  await run(1, 'engine', 'renew', 'managed-pebble', '--force')
  receiver.reply = () => ({ status: 200 })
  await harvest()

  const live = (name: string, file: string) => path.join(rest.data, 'certificates', 'live', name, file)
  await rest.serve()
  const registered = await run(0, 'engine', 'dns', 'register', '--json')
  rest.written.splice(rest.written.indexOf(registered.out), 1)
  const { password } = JSON.parse(registered.out) as { password: string }
  await run(0, 'engine', 'renew', 'managed-pebble', '--force', '--json')
  const cert = live('a.http.lab.test', 'cert.pem')
  await run(1, 'engine', 'revoke', cert, '--yes', '--key', live('managed-pebble', 'privkey.pem'))
  await run(0, 'engine', 'revoke', cert, '--yes', '--key', live('a.http.lab.test', 'privkey.pem'))
  await run(1, 'engine', 'issue', 'blocked.lab.test', '--ca', 'pebble')
  await run(0, 'backup', path.join(rest.folder, 'backup.db'))
  const straws: Straw[] = []
  const socket = controlSocketPath(rest.data)
  // Of the events, which have no end, those that are kept.
  const ask = (words: readonly string[]) =>
    spawnSync('curl', ['-s', '-H', 'Last-Event-ID: 0', '--max-time', '2', ...words]).stdout
  const openApi = ask([`${rest.adminUrl}/api/v1/openapi.json`])
  const { paths } = JSON.parse(openApi.toString()) as { paths: Record<string, { get?: object }> }
  const asked = Object.entries(paths).filter(([at, { get }]) => get !== undefined && !at.includes('{'))
  for (const [at] of asked) {
    const url = at.startsWith('/api/') ? at : `/api/v1${at}`
    straws.push({ where: `GET ${url}`, bytes: ask(['--unix-socket', socket, `http://control${url}`]) })
  }
  straws.push({ where: 'GET /metrics', bytes: ask([`${rest.adminUrl}/metrics`]) })
  for (const words of [['engine', 'jobs'], ['engine', 'certificates'], ['engine', 'accounts'], ['failures']])
    await run(0, ...words, '--json')
  await rest.stopServing()
  await run(0, 'exchanges', '--all', '--json')
  await run(0, 'config', 'show')
  await harvest()
  // Another key than the one of that time.
  const [key, other] = [path.join(rest.folder, 'engine.key'), Buffer.alloc(32, 7).toString('base64')]
  const before = await readFile(key)
  await writeFile(key, `${other}\n`)
  await run(1, ...issue('late.http.lab.test'))
  await writeFile(key, before)

  const needles: Needle[] = [
    ...[...keys].flatMap(([pem, what]) => needlesOfKey(what, pem)),
    ...[...rest.secrets].flatMap(([what, text]) => needlesOfText(what, text)),
    ...needlesOfText('another secret of the engine', other),
    ...needlesOfText('password of a DNS registration', password),
    ...Object.entries({ P12_PASSWORD, HOOK_SECRET, HOOK_TOKEN, BAD_TSIG, BAD_TOKEN, BAD_PASSWORD }).flatMap(
      ([what, text]) => needlesOfText(what, text),
    ),
  ]
  const written = filesBelow(rest.folder).filter((file) => given.get(file) !== statSync(file).mtimeMs)
  const isKey = (file: string) => /\/privkey\d*\.pem$/.test(file)
  straws.push(...written.filter((file) => !isKey(file) && file !== key).flatMap(strawsOf))
  straws.push({ where: 'the outputs', bytes: Buffer.from(rest.written.join('\n')) })
  // The service itself is given its password.
  const told = receiver.received.map(({ headers: { authorization: _given, ...headers }, ...one }) =>
    JSON.stringify({ ...one, headers }),
  )
  straws.push({ where: 'webhooks', bytes: Buffer.from(told.join('\n')) })
  faults.push(...findNeedles(needles, straws))

  const keyFiles = written.filter(isKey)
  for (const file of [
    ...keyFiles,
    path.join(rest.folder, 'managed-pebble.p12'),
    path.join(rest.folder, 'backup.db'),
  ]) {
    const mode = statSync(file).mode & 0o777
    if (mode !== 0o600) faults.push(`${file} has mode ${mode.toString(8)}`)
  }
  const found = findNeedles(needles, keyFiles.flatMap(strawsOf))
  if (told.length < 3) faults.push(`${told.length} messages to the webhook`)
  if (asked.length < 10) faults.push(`${asked.length} routes`)
  return {
    faults,
    keys: keys.size,
    needles: needles.length,
    straws: straws.length,
    bytes: straws.reduce((sum, { bytes }) => sum + bytes.length, 0),
    foundWhereTheyBelong: new Set(found.map((one) => one.slice(one.indexOf(' is in ')))).size,
  }
}
