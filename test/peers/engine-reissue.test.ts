/** Clients obtain certificates through acmetap and are gone; acmetap obtains them again for the same keys. */
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { ShownPlan } from '../../src/api/engine-operations.ts'
import { cleanEnvironment, type Finished, runProgram } from '../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import { acmetapMain } from '../support/acmetap-process.ts'
import { freePort, listening, startProcess } from '../support/child-process.ts'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { reasonWithout } from '../support/missing.ts'
import { certbot } from '../support/peers/certbot.ts'
import type { Surroundings, WholeClient, Wish } from '../support/peers/client.ts'
import { lego } from '../support/peers/lego.ts'
import { unpackedProgram } from '../support/peers/unpacked.ts'
import { reasonWithoutServer } from '../support/peers/web-servers.ts'

const nginxProgram = (await unpackedProgram('nginx')) ?? 'nginx'
const missing =
  (await reasonWithoutServer('nginx')) ??
  (await reasonWithout('pebble', 'pebble-challtestsrv', 'certbot', 'lego', 'curl', 'openssl'))
const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
}, 60_000)

interface World {
  readonly folder: string
  readonly pebble: Pebble
  acmetap: InterceptingAcmetap
  /** Ends it, and starts it with this in its configuration. */
  again(sections: Readonly<Record<string, unknown>>): Promise<void>
  /** `acmetap WORDS --config FILE`. */
  command(...words: string[]): Promise<Finished>
}

async function world(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'reissue-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  const pebble = await startPebble({ folder: path.join(folder, 'pebble'), flags: ['-strict'] })
  open.push(() => pebble.stop())
  const options = {
    folder,
    directory: pebble.directory,
    trust: await readFile(pebble.trust, 'utf8'),
    ports: { acme: await freePort(), admin: await freePort() },
    proxy: { port: await freePort() },
    sni: { port: await freePort() },
  }
  const made: World = {
    folder,
    pebble,
    acmetap: await startIntercepting(options),
    async again(sections) {
      await made.acmetap.stop()
      made.acmetap = await startIntercepting({ ...options, sections })
    },
    command: (...words) =>
      runProgram(
        process.execPath,
        [acmetapMain()!, ...words, '--config', path.join(folder, 'acmetap.yaml')],
        { environment: cleanEnvironment(folder), folder },
      ),
  }
  open.push(() => made.acmetap.stop())
  return made
}

/** The client obtains them, and is gone: its keys and certificates are left. */
async function obtainAndDie(
  { folder }: World,
  client: WholeClient,
  wishes: readonly Wish[],
  at: Omit<Surroundings, 'folder'>,
): Promise<void> {
  const own = path.join(folder, client.name)
  await mkdir(own)
  const surroundings: Surroundings = { ...at, folder: own }
  for (const wish of wishes) {
    // Pebble refuses good nonces: certbot gives up after two.
    let done = await client.issue(surroundings, wish)
    for (let n = 0; n < 4 && done.code !== 0; n++) done = await client.issue(surroundings, wish)
    if (done.code !== 0) expect.fail(`${client.name} ended with ${done.code}:\n${done.output}`)
    const file = client.certificate(surroundings, wish)
    const key = client === certbot ? file.replace('cert.pem', 'privkey.pem') : file.replace(/crt$/, 'key')
    await writeFile(path.join(folder, `${wish.name}.crt`), await readFile(file))
    await writeFile(path.join(folder, `${wish.name}.key`), await readFile(key), { mode: 0o600 })
  }
  await rm(own, { recursive: true })
}

async function planOf(world: World, where: string): Promise<ShownPlan> {
  const { code, output } = await world.command('reissue', 'plan', '--where', where, '--json')
  if (code !== 0) expect.fail(`reissue plan ended with ${code}:\n${output}`)
  return JSON.parse(output) as ShownPlan
}

const issuedBy = ({ pebble }: World) => pebble.log().match(/Issued certificate serial /g)?.length ?? 0
const spki = (pem: string | Buffer) =>
  new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }).toString('hex')

/** nginx with this chain and key; what curl and openssl say of it. */
async function served(folder: string, name: string, chain: string, root: string): Promise<readonly string[]> {
  const port = await freePort()
  const conf = path.join(folder, 'nginx.conf')
  await writeFile(
    conf,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log notice;
events {} http { access_log off;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${folder};`).join(' ')}
server { listen 127.0.0.1:${port} ssl; server_name ${name};
ssl_certificate ${chain}; ssl_certificate_key ${folder}/${name}.key; return 200 served; } }`,
  )
  const nginx = startProcess(nginxProgram, ['-c', conf, '-e', path.join(folder, 'error.log')])
  try {
    await listening(port, nginx)
    const run = async (program: string, args: string[]) =>
      (await runProgram(program, args, { environment: cleanEnvironment(folder), folder })).output
    const at = `127.0.0.1:${port}`
    return [
      await run('curl', ['-sS', '--cacert', root, '--connect-to', `${name}:443:${at}`, `https://${name}/`]),
      await run('openssl', [
        ...['s_client', '-connect', at, '-servername', name, '-verify_hostname', name],
        ...['-CAfile', root, '-verify_return_error'],
      ]),
    ]
  } finally {
    await nginx.stop()
  }
}

test.skipIf(missing !== null)(
  'what certbot and lego left is obtained again for their keys, and nginx serves it',
  { timeout: 300_000 },
  async () => {
    const all = await world()
    const { folder, pebble } = all
    const webroot = path.join(folder, 'web')
    await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
    const web = await serveFolder(webroot, pebble.httpPort)
    const file = async (name: string, text: string) => {
      await writeFile(path.join(folder, name), text)
      return path.join(folder, name)
    }
    const { acmetap } = all
    const around = { webroot, dnsManagement: pebble.dnsManagement, dnsServer: pebble.dnsServer }
    const http = (name: string): Wish => ({ name, method: 'http-01' })
    await obtainAndDie(all, certbot, [http('certbot.example.test')], {
      ...around,
      directory: pebble.directory,
      trust: await file('interception.pem', acmetap.interceptionRoot),
      proxy: `http://127.0.0.1:${acmetap.proxyPort}`,
    })
    const wishes = ['lego.example.test', 'leaked.example.test', 'policed.example.test'].map(http)
    await obtainAndDie(all, lego, wishes, {
      ...around,
      directory: acmetap.directory,
      trust: await file('listener.pem', acmetap.trust),
    })
    web.close()
    web.closeAllConnections()

    const engine = {
      accounts: [{ ca: 'test', agree_terms: true }],
      solvers: [{ name: 'own', http: { address: '127.0.0.1', port: pebble.httpPort } }],
      certificates: [{ name: 'own', names: ['own.example.test'], ca: 'test' }],
      reissue: { pace: '0s', folder: path.join(folder, 'reissued') },
    }
    await file(
      'policy.yaml',
      `version: 1
mode: enforce
default: allow
rules:
  - name: not-these
    when: { mode: engine, names: policed.example.test }
    effect: deny
    message: leave {names} alone
`,
    )
    await all.again({ engine, policy: path.join(folder, 'policy.yaml') })

    const revoked = await all.command(
      ...['engine', 'revoke', path.join(folder, 'leaked.example.test.crt'), '--reason', 'keyCompromise'],
      ...['--key', path.join(folder, 'leaked.example.test.key'), '--ca', 'test', '--yes'],
    )
    expect(revoked.output).toContain('is revoked')

    // What is still on its way into the inventory is waited for.
    await expect
      .poll(async () => (await planOf(all, 'name~.example.test and (valid or revoked)')).lines.length, {
        timeout: 60_000,
        interval: 500,
      })
      .toBe(5)
    const plan = await planOf(all, 'name~.example.test and (valid or revoked) and not managed')
    const lines = new Map(plan.lines.map((line) => [line.names[0]!.value, line]))
    expect([...lines].map(([name, { way }]) => [name, way]).sort()).toEqual([
      ['certbot.example.test', 'repeat'],
      ['leaked.example.test', null],
      ['lego.example.test', 'repeat'],
      ['policed.example.test', null],
    ])
    expect(lines.get('leaked.example.test')!.cannot).toContain('keyCompromise')
    expect(lines.get('policed.example.test')!.cannot).toContain('leave policed.example.test alone')

    const before = issuedBy(all)
    const applied = await all.command('reissue', 'apply', plan.id)
    expect(applied.code, applied.output).toBe(0)
    expect(issuedBy(all)).toBe(before + 2)
    expect((await all.command('reissue', 'apply', plan.id)).code).toBe(0)
    expect(issuedBy(all), 'a line that is done is never done again').toBe(before + 2)

    const root = await file('issuer.pem', await pebble.issuingRoot())
    for (const name of ['certbot.example.test', 'lego.example.test']) {
      const chain = path.join(folder, `${name}.new.pem`)
      const line = lines.get(name)!
      const picked = await all.command('reissue', 'pickup', plan.id, String(line.line), '--out', chain)
      expect(picked.code, picked.output).toBe(0)
      const [old, fresh] = [await readFile(path.join(folder, `${name}.crt`)), await readFile(chain)]
      expect(spki(fresh)).toBe(spki(old))
      expect(new X509Certificate(fresh).serialNumber).not.toBe(new X509Certificate(old).serialNumber)
      const inFolder = path.join(folder, 'reissued', line.certificate!, 'fullchain.pem')
      expect(await readFile(inFolder)).toEqual(fresh)
      const [page, handshake] = await served(folder, name, inFolder, root)
      expect(page).toBe('served')
      expect(handshake).toContain('Verify return code: 0 (ok)')
    }

    const token = (await readFile(path.join(acmetap.dataFolder, 'first-admin-token'), 'utf8')).trim()
    const ask = (at: string) =>
      fetch(`${acmetap.adminUrl}/api/v1/reissue/plans/${plan.id}${at}`, {
        headers: { Authorization: `Bearer ${token}` },
      })
    const { state, lines: told } = (await (await ask('')).json()) as ShownPlan
    expect([state, told.filter((line) => line.state === 'done').length]).toEqual(['done', 2])
    const { line } = lines.get('lego.example.test')!
    expect(await (await ask(`/lines/${line}/pem`)).text()).toBe(
      await readFile(path.join(folder, 'lego.example.test.new.pem'), 'utf8'),
    )

    const managed = await planOf(all, 'managed')
    expect(managed.lines.map(({ way, certificate }) => [way, certificate])).toEqual([['renew', 'own']])
    const renewed = await all.command('reissue', 'apply', managed.id)
    expect(renewed.code, renewed.output).toBe(0)
    expect(issuedBy(all)).toBe(before + 3)
    // What replaced it is another one: the plan is over and asks for nothing.
    expect((await all.command('reissue', 'apply', managed.id)).code).toBe(0)
    expect(issuedBy(all)).toBe(before + 3)
  },
)
