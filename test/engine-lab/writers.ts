/** Those who write DNS records for acmetap: a program, a service and a script of an acme.sh. All of them by nsupdate. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { LabDns } from './dns.ts'
import { AT } from './places.ts'

/** Shell: `change add|delete NAME VALUE`. */
const change = ({ keyFile }: LabDns) => `
change() {
  if [ "$1" = add ]; then line="update add $2 60 TXT \\"$3\\""; else line="update delete $2 TXT \\"$3\\""; fi
  printf 'server ${AT.dns}\\n%s\\nsend\\n' "$line" | nsupdate -k ${keyFile}
}`

/** Called as lego calls it, in both modes. */
export async function writeExec(folder: string, dns: LabDns): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = path.join(folder, 'dns-update')
  const script = `#!/bin/sh
set -e
${change(dns)}
[ -n "$TOKEN" ] || exit 3
case $1 in present) verb=add ;; cleanup) verb=delete ;; *) exit 2 ;; esac
if [ "$2" = -- ]; then
  value=$(printf %s "$5" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d '=\\n')
  change $verb "_acme-challenge.$3." "$value"
else
  change $verb "$2" "$3"
fi
`
  await writeFile(file, script, { mode: 0o755 })
  return file
}

/** A folder in the shape of an installed acme.sh. */
export async function writeAcmeSh(folder: string, dns: LabDns): Promise<string> {
  await mkdir(path.join(folder, 'dnsapi'), { recursive: true })
  const program = String.raw`#!/usr/bin/env sh
_info() { printf '%s\n' "$1"; }
_err() { printf '%s\n' "$1" >&2; return 1; }
_saveaccountconf_mutable() { printf "SAVED_%s='%s'\n" "$1" "$2" >> "$ACCOUNT_CONF_PATH"; }
_process() { _err "Unknown parameter: $1"; exit 1; }
_startswith() { case $1 in "$2"*) return 0 ;; *) return 1 ;; esac; }
main() {
  [ -z "$1" ] && _err "Usage: acme.sh <command> ... [parameters ...]" && return
  if _startswith "$1" '-'; then _process "$@"; else "$@"; fi
}
main "$@"
`
  const script = `#!/usr/bin/env sh
${change(dns)}
dns_lab_add() {
  [ -n "$LAB_Token" ] || { _err "no LAB_Token"; return 1; }
  _saveaccountconf_mutable LAB_Token "$LAB_Token"
  change add "$1." "$2"
}
dns_lab_rm() {
  change delete "$1." "$2"
}
`
  await writeFile(path.join(folder, 'acme.sh'), program)
  await writeFile(path.join(folder, 'dnsapi', 'dns_lab.sh'), script)
  return folder
}

export interface HttpreqService {
  readonly url: string
  readonly password: string
  close(): Promise<void>
}

interface Asked {
  readonly fqdn?: string
  readonly value?: string
  readonly domain?: string
  readonly keyAuth?: string
}

/** What lego's httpreq expects at the other side. */
export async function startHttpreqService(
  dns: LabDns,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<HttpreqService> {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const verb = { '/present': 'add', '/cleanup': 'delete' }[request.url ?? '']
    if (request.headers.authorization !== wanted || verb === undefined) {
      response.writeHead(verb === undefined ? 404 : 401).end()
      return
    }
    const { fqdn, value, domain, keyAuth } = JSON.parse(Buffer.concat(chunks).toString()) as Asked
    const name = fqdn ?? `_acme-challenge.${domain}.`
    const text =
      value ??
      createHash('sha256')
        .update(keyAuth ?? '')
        .digest('base64url')
    const child = spawn('nsupdate', ['-k', dns.keyFile], { stdio: ['pipe', 'ignore', 'ignore'] })
    child.stdin.end(
      `server ${AT.dns}\nupdate ${verb} ${name} ${verb === 'add' ? '60 ' : ''}TXT "${text}"\nsend\n`,
    )
    child.on('close', (code) => response.writeHead(code === 0 ? 200 : 500).end())
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    password,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
