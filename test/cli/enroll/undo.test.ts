import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EnrolMode } from '../../../src/cli/enroll/client.ts'
import { CLIENTS, clientNamed } from '../../../src/cli/enroll/clients.ts'
import { render } from '../../../src/cli/enroll/formats.ts'
import { DIRECTORY, enrolment, modesOf, RELAYED, testRoot } from './enrolments.ts'
import { type Machine, reasonWithoutMachine, startMachine } from './machine.ts'

const reason = await reasonWithoutMachine()
/** Every client in every mode, where time does not matter. */
const ALL = process.env.ACMETAP_ALL_CLIENTS === '1'
/** Else each kind of step, starter, store and mode once; clients that are left out print the lines of another. */
const COVERING = [
  'certbot relay',
  'certbot-pip intercept',
  'lego sni',
  'acme.sh relay',
  'dehydrated intercept',
  'uacme sni',
  'lacme relay',
  'caddy relay',
  'mod_md intercept',
  'haproxy relay',
  'node-acme-client intercept',
]

/** What stands in for acmetap's page of its root. */
let pages: Server
let proxy: string
let root: string
let machine: Machine

/** Files of clients that are not all installed here, with what an enrolment meets in them. */
const FILES: Readonly<Record<string, string>> = {
  '/etc/cron.d/certbot': 'SHELL=/bin/sh\nPATH=/usr/bin:/bin\n0 */12 * * * root certbot -q renew\n',
  '/etc/cron.d/lego': '15 3 * * * root lego renew\n',
  '/etc/cron.d/uacme': 'SHELL=/bin/bash\n15 3 * * * root uacme issue a.test',
  '/etc/cron.d/acme-tiny': '15 3 * * * root acme-tiny\n',
  '/etc/crontab': '# mine\n0 0,12 * * * root sleep 1 && sudo certbot renew -q\n',
  '/etc/letsencrypt/cli.ini': 'max-log-backups = 0',
  '/etc/letsencrypt/renewal/a.test.conf': `version = 2.1.0\n[renewalparams]\naccount = 0123abcd\nserver = ${DIRECTORY}\nkey_type = ecdsa\n`,
  '/etc/letsencrypt/renewal/b.test.conf':
    'version = 2.1.0\n[renewalparams]\nserver = https://other.test/directory\n',
  '/etc/dehydrated/conf.d/mine.sh': 'KEYSIZE=4096\n',
  '/etc/lacme/lacme.conf':
    '[client]\n#server = https://example.test/\nserver = https://example.test/directory\n\n[webserver]\n',
  '/etc/caddy/Caddyfile': '# a site\na.test {\n\trespond "hello"\n}\n',
  '/etc/apache2/conf-enabled/mine.conf': 'ServerTokens Prod\n',
  '/etc/haproxy/haproxy.cfg': `global\n    log stdout\n\nacme CA\n    directory ${DIRECTORY}\n    contact a@b.test\n`,
}

beforeAll(async () => {
  if (reason !== null) return
  root = await testRoot()
  pages = createServer((request, response) => {
    response.writeHead(request.url === '/root.pem' ? 200 : 404).end(request.url === '/root.pem' ? root : '')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => pages.once('listening', resolve))
  proxy = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  machine = await startMachine()
  for (const [path, text] of Object.entries(FILES)) {
    const file = `${machine.folder}/over${path}`
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text, { mode: 0o640 })
  }
  mkdirSync(`${machine.folder}/.acme.sh/c.test_ecc`, { recursive: true })
  writeFileSync(`${machine.folder}/.acme.sh/account.conf`, "AUTO_UPGRADE='0'\n")
  writeFileSync(
    `${machine.folder}/.acme.sh/c.test_ecc/c.test.conf`,
    `Le_Domain='c.test'\nLe_API='${DIRECTORY}'\n`,
  )
})

afterAll(async () => {
  await machine?.close()
  pages?.close()
})

async function lines(name: string, mode: EnrolMode, undo = false): Promise<string> {
  return render(clientNamed(name)!, await enrolment(mode, proxy, root), 'shell', undo)
}

async function read(path: string): Promise<string> {
  return (await machine.run(['cat', path])).output
}

describe.skipIf(reason !== null)(`lines run on a machine of their own${reason ? ` (${reason})` : ''}`, () => {
  const every = CLIENTS.filter(({ platform }) => platform === 'posix').flatMap((client) =>
    modesOf(client).map((mode) => [client.name, mode] as const),
  )
  const cases = ALL ? every : every.filter((one) => COVERING.includes(one.join(' ')))

  test('the choice names what there is', () => {
    expect(every.map((one) => one.join(' '))).toEqual(expect.arrayContaining(COVERING))
  })

  test.each(cases)(
    '%s, mode %s: enrols, again without a change, and back to the very bytes',
    async (name, mode) => {
      const home = `${machine.folder}/.acme.sh`
      const tree = async () =>
        (await machine.tree()) +
        (await machine.run(['sh', '-c', `sha256sum $(find ${home} -type f | sort)`])).output
      const before = await tree()
      const first = await machine.pipe(await lines(name, mode))
      expect(first, first.output).toMatchObject({ code: 0 })
      const enrolled = await tree()
      expect(enrolled).not.toBe(before)
      const second = await machine.pipe(await lines(name, mode))
      expect(second).toEqual({ code: 0, output: 'acmetap: nothing to change\n' })
      expect(await tree()).toBe(enrolled)
      const back = await machine.pipe(await lines(name, mode, true))
      expect(back, back.output).toMatchObject({ code: 0 })
      expect(await tree()).toBe(before)
    },
  )

  test('the undo that was left on the machine does it too, and twice is harmless', async () => {
    const before = await machine.tree()
    await machine.pipe(await lines('certbot', 'intercept'))
    expect((await machine.run(['sh', '/etc/acmetap/clients/certbot/undo'])).code).toBe(0)
    expect(await machine.tree()).toBe(before)
    expect((await machine.pipe(await lines('certbot', 'intercept', true))).output).toContain(
      'nothing to undo',
    )
  })

  test('two clients on one machine do not disturb one another', async () => {
    const before = await machine.tree()
    await machine.pipe(await lines('uacme', 'intercept'))
    await machine.pipe(await lines('lego', 'intercept'))
    expect((await machine.pipe(await lines('uacme', 'intercept', true))).code).toBe(0)
    expect(await read('/etc/acmetap/clients/lego/bundle.pem')).toContain(root.trim().split('\n')[3])
    expect((await machine.pipe(await lines('lego', 'intercept', true))).code).toBe(0)
    expect(await machine.tree()).toBe(before)
  })

  test('a wrong fingerprint changes nothing', async () => {
    const before = await machine.tree()
    const other = await enrolment('intercept', proxy, await testRoot())
    const refused = await machine.pipe(render(clientNamed('certbot')!, other, 'shell', false))
    expect(refused.code).not.toBe(0)
    expect(refused.output).toContain('nothing was changed')
    expect(await machine.tree()).toBe(before)
  })

  test('without acmetap nothing changes', async () => {
    const before = await machine.tree()
    const away = await enrolment('intercept', 'http://127.0.0.1:1', root)
    const refused = await machine.pipe(render(clientNamed('lego')!, away, 'shell', false))
    expect(refused.code).not.toBe(0)
    expect(refused.output).toContain('does not answer')
    expect(await machine.tree()).toBe(before)
  })

  test("existing lineages follow in relay, others' stay, and a lineage renewed since goes back with its news", async () => {
    await machine.pipe(await lines('certbot', 'relay'))
    const lineage = '/etc/letsencrypt/renewal/a.test.conf'
    expect(await read(lineage)).toContain(`server = ${RELAYED}\n`)
    expect(await read(lineage)).not.toMatch(/^account/m)
    expect(await read('/etc/letsencrypt/renewal/b.test.conf')).toBe(
      FILES['/etc/letsencrypt/renewal/b.test.conf'],
    )
    await machine.run([
      'sh',
      '-c',
      `sed -i 's/^key_type.*/&\\naccount = fedc\\nrenew_before_expiry = 20 days/' ${lineage}`,
    ])
    expect((await machine.pipe(await lines('certbot', 'relay', true))).code).toBe(0)
    expect(await read(lineage)).toBe(`${FILES[lineage]}renew_before_expiry = 20 days\n`)
    await machine.run(['sh', '-c', `cat >${lineage} <<'END'\n${FILES[lineage]}END`])
  })

  test('Le_API of acme.sh follows in relay', async () => {
    await machine.pipe(await lines('acme.sh', 'relay'))
    const conf = `${machine.folder}/.acme.sh/c.test_ecc/c.test.conf`
    expect(await read(conf)).toContain(`Le_API='${RELAYED}'`)
    await machine.pipe(await lines('acme.sh', 'relay', true))
    expect(await read(conf)).toContain(`Le_API='${DIRECTORY}'`)
  })

  test("the bundle follows the system's roots through the hook", async () => {
    await machine.pipe(await lines('certbot', 'intercept'))
    const another = await testRoot()
    const local = '/usr/local/share/ca-certificates/another.crt'
    await machine.run(['sh', '-c', `cat >${local} <<'END'\n${another}END`])
    expect((await machine.run(['update-ca-certificates'])).code).toBe(0)
    const bundle = await read('/etc/acmetap/clients/certbot/bundle.pem')
    expect(bundle).toContain(another.trim())
    expect(bundle).toContain(root.trim())
    await machine.run(['sh', '-c', `rm ${local} && update-ca-certificates`])
    expect((await machine.pipe(await lines('certbot', 'intercept', true))).code).toBe(0)
  })

  test('a password with odd characters reaches the client percent-encoded, in a file of its owner alone', async () => {
    const made = await enrolment('intercept', proxy.replace('http://', 'http://team@'), root)
    const text = render(clientNamed('lego')!, made, 'shell', false)
    expect((await machine.pipe(text)).code).not.toBe(0)
    const password = `p"a$'s:@/%\\w rd`
    expect((await machine.pipe(text, { ACMETAP_PROXY_PASSWORD: password })).code).toBe(0)
    const env = '/etc/acmetap/clients/lego/env'
    expect((await machine.run(['stat', '-c', '%a', env])).output).toBe('600\n')
    const shown = await machine.run(['/etc/acmetap/clients/lego/run', 'sh', '-c', 'echo "$HTTPS_PROXY"'])
    expect(decodeURIComponent(new URL(shown.output.trim()).password)).toBe(password)
    await machine.pipe(render(clientNamed('lego')!, made, 'shell', true))
  })

  test("cron's lines see the variables", async () => {
    await machine.pipe(await lines('certbot', 'intercept'))
    const text = await read('/etc/cron.d/certbot')
    const shell = /^SHELL=(\S+)$/m.exec(text)![1]!
    expect(text.match(/^SHELL=/gm)).toHaveLength(1)
    const { output } = await machine.run([shell, '-c', 'echo "$HTTPS_PROXY $REQUESTS_CA_BUNDLE"'])
    expect(output).toBe(`${proxy} /etc/acmetap/clients/certbot/bundle.pem\n`)
    await machine.pipe(await lines('certbot', 'intercept', true))
  })
})
