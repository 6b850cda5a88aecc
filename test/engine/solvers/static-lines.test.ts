import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createStateless } from '../../../src/engine/solvers/stateless.ts'
import { staticLines } from '../../../src/engine/solvers/static-lines.ts'
import { attemptFor, context, THUMBPRINT } from '../../contract/solver.contract.ts'

type Kind = keyof ReturnType<typeof staticLines>

/** Each server with a site that sends everything to https, as most do, and our lines in it. */
const SERVERS: Record<
  Kind,
  (folder: string, port: number, lines: string) => readonly [config: string, argv: string[]]
> = {
  nginx: (folder, port, lines) => [
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen 127.0.0.1:${port};
    ${lines}
    location / { return 301 https://$host$request_uri; }
  }
}`,
    ['/usr/sbin/nginx', '-c', `${folder}/config`, '-e', `${folder}/error.log`],
  ],
  apache: (folder, port, lines) => [
    `ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
ServerName www.example.test
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
User www-data
Group www-data
<Directory />
  Require all denied
</Directory>
<VirtualHost 127.0.0.1:${port}>
${lines}
Redirect permanent "/" "https://www.example.test/"
</VirtualHost>`,
    ['/usr/sbin/apache2', '-f', `${folder}/config`, '-DFOREGROUND'],
  ],
  caddy: (_folder, port, lines) => [
    `{
  admin off
  auto_https off
}
http://:${port} {
  bind 127.0.0.1
  ${lines}
  handle {
    redir https://{host}{uri}
  }
}`,
    ['/usr/bin/caddy', 'run', '--adapter', 'caddyfile', '--config', `${_folder}/config`],
  ],
  haproxy: (_folder, port, lines) => [
    `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:${port}
${lines.replace(/^/gm, '  ')}
  http-request redirect scheme https
`,
    ['/usr/sbin/haproxy', '-db', '-f', `${_folder}/config`],
  ],
}

let folder: string
let child: ChildProcess | null = null
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'acmetap-static-'))
})
afterEach(async () => {
  if (child !== null && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  child = null
  await rm(folder, { recursive: true, force: true })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function start(kind: Kind): Promise<number> {
  const port = await freePort()
  const [config, [program = '', ...args]] = SERVERS[kind](folder, port, staticLines(THUMBPRINT)[kind])
  await writeFile(path.join(folder, 'config'), config)
  const started = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '', HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child = started
  let said = ''
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', (part: Buffer) => {
      said += part.toString()
    })
  for (;;) {
    if (started.exitCode !== null) throw new Error(`${program} ended: ${said}`)
    const answer = await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' }).catch(() => null)
    if (answer !== null) return port
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe.each(Object.keys(SERVERS) as Kind[])('the lines for %s', (kind) => {
  it('make it answer every token for the account, and nothing else', async () => {
    const port = await start(kind)
    const ask = (at: string) => fetch(`http://127.0.0.1:${port}${at}`, { redirect: 'manual' })
    for (const token of ['a', 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0', '-_-', '0'.repeat(86)]) {
      const answer = await ask(`/.well-known/acme-challenge/${token}`)
      expect([answer.status, await answer.text()], token).toEqual([200, `${token}.${THUMBPRINT}`])
    }
    for (const at of [
      '/',
      '/.well-known/acme-challenge',
      '/.well-known/acme-challenge/',
      '/.well-known/acme-challenge/a.b',
      '/.well-known/acme-challenge/a%22b',
      '/.well-known/acme-challenge/a%0d%0ab',
      '/.well-known/acme-challenge/a/b',
      '/.well-knownXacme-challenge/a',
      '/x/.well-known/acme-challenge/a',
      '/.well-known/acme-challenge/%24%7Benv:PATH%7D',
    ]) {
      const answer = await ask(at)
      expect(answer.status, at).not.toBe(200)
      expect(await answer.text(), at).not.toContain(THUMBPRINT)
    }
    const solver = createStateless(
      'static',
      { probe: true },
      {
        wayOut: () => ({ resolve: async () => ['127.0.0.1'], own: new OwnAddresses(), proxy: null }),
        ports: { http: port, https: 443 },
      },
    )
    await solver.ready!(attemptFor('www.example.test'), context())
  })
})

it('takes nothing but a thumbprint into lines', () => {
  expect(() => staticLines('"; } evil { "')).toThrow(/thumbprint/)
})
