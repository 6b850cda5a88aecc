/** Real web servers in the foreground, each with one site on loopback that sends everything else to https. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StartedProcess, startProcess } from '../child-process.ts'
import { unpackedProgram } from './unpacked.ts'

export const WEB_SERVERS = ['nginx', 'apache', 'caddy', 'haproxy'] as const
export type WebServer = (typeof WEB_SERVERS)[number]

const PROGRAMS: Readonly<Record<WebServer, string>> = {
  nginx: 'nginx',
  apache: 'apache2',
  caddy: 'caddy',
  haproxy: 'haproxy',
}

/** Why this one can't be started here; null where it can. */
export async function reasonWithoutServer(kind: WebServer): Promise<string | null> {
  return (await unpackedProgram(PROGRAMS[kind])) === null ? `${PROGRAMS[kind]} is not installed` : null
}

const CONFIGURATIONS: Record<
  WebServer,
  (folder: string, at: string, lines: string) => readonly [config: string, args: string[]]
> = {
  nginx: (folder, at, lines) => [
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen ${at};
    ${lines}
    location / { return 301 https://$host$request_uri; }
  }
}`,
    ['-c', `${folder}/config`, '-e', `${folder}/error.log`],
  ],
  apache: (folder, at, lines) => [
    `ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen ${at}
ServerName www.example.test
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
User www-data
Group www-data
<Directory />
  Require all denied
</Directory>
<VirtualHost ${at}>
${lines}
Redirect permanent "/" "https://www.example.test/"
</VirtualHost>`,
    ['-f', `${folder}/config`, '-DFOREGROUND'],
  ],
  caddy: (folder, at, lines) => [
    `{
  admin off
  auto_https off
}
http://:${at.split(':')[1]} {
  bind ${at.split(':')[0]}
  ${lines}
  handle {
    redir https://{host}{uri}
  }
}`,
    ['run', '--adapter', 'caddyfile', '--config', `${folder}/config`],
  ],
  haproxy: (folder, at, lines) => [
    `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind ${at}
${lines.replace(/^/gm, '  ')}
  http-request redirect scheme https
`,
    ['-db', '-f', `${folder}/config`],
  ],
}

export interface StartedWebServer {
  readonly port: number
  stop(): Promise<void>
}

/** With these lines in the site's part of the configuration. Resolves once it answers; rejects with what it said. */
export async function startWebServer(
  kind: WebServer,
  port: number,
  lines: string,
  address = '127.0.0.1',
): Promise<StartedWebServer> {
  const folder = await mkdtemp(path.join(tmpdir(), `acmetap-${kind}-`))
  const program = (await unpackedProgram(PROGRAMS[kind])) ?? PROGRAMS[kind]
  const at = `${address}:${port}`
  const [config, args] = CONFIGURATIONS[kind](folder, at, lines)
  await writeFile(path.join(folder, 'config'), config)
  const started = startProcess(program, args, { cwd: folder })
  const stop = async () => {
    await started.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await answers(started, program, at)
    return { port, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function answers({ ended, output }: StartedProcess, program: string, at: string): Promise<void> {
  let over = false
  const end = () => {
    over = true
  }
  ended.then(end, end)
  for (;;) {
    if (over) throw new Error(`${program} ended: ${output()}`)
    const answer = await fetch(`http://${at}/`, { redirect: 'manual' }).catch(() => null)
    if (answer !== null) return
    await sleep(50)
  }
}
