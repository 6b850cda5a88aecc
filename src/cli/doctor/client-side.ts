/**
 * src/cli/doctor looks from a client's machine at the way to its CA, or from the server's at the server. Checks run
 * in order; one that makes the rest meaningless ends them.
 */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Findings } from '../../audit/diagnosis/finding.ts'
import type { Client } from '../enroll/client.ts'
import { type Certificate, hostOf } from '../enroll/client.ts'
import { parseCertificates } from '../enroll/surroundings.ts'
import { type Answer, askPage, connectThrough, getOver, proxyCertificateFault, secure } from './ask-proxy.ts'
import { bundleOf } from './client-bundle.ts'
import { excludedBy, parseProxyUrl, portOf, proxyVariable, type Variables } from './proxy-variable.ts'

export interface ClientSide {
  /** `--proxy`; else the variables are read. */
  readonly proxy: string | undefined
  readonly directories: readonly string[]
  /** What the root must be; any where it is null. */
  readonly roots: readonly Certificate[] | null
  readonly client: Client | null
  readonly variables: Variables
  /** ms since 1970. */
  readonly now: number
}

const CLOCK_TOLERANCE_MS = 300_000

/** Looks at the way from this machine through acmetap to the CAs. Never rejects for what it finds. */
export async function examineClientSide(side: ClientSide): Promise<Findings> {
  const findings = new Findings()
  const proxy = findProxy(side, findings)
  if (proxy === null) return findings
  const page = await reachProxy(proxy, findings)
  if (page === null) return findings
  await checkProxyTls(proxy, side, findings)
  const roots = checkRoot(page, side, findings)
  checkClock(page, side, findings)
  for (const directory of side.directories) await examineCa(directory, proxy, roots, side, findings)
  await refusedHosts(proxy, findings)
  return findings
}

function findProxy({ proxy, client, variables }: ClientSide, findings: Findings): URL | null {
  const set = proxyVariable(variables)
  if (client !== null && !client.proxyVariables && proxy === undefined) {
    findings.fail(
      'variable',
      `${client.title} reads no proxy variable`,
      `Name the proxy with --proxy. ${client.impossible.intercept ?? `acmetap enroll ${client.name} prints where it is set`}.`,
    )
    return null
  }
  const value = proxy ?? set?.value
  if (value === undefined) {
    findings.fail(
      'variable',
      'no proxy variable is set here',
      'Set HTTPS_PROXY=http://host:3128 for the client (acmetap enroll prints how), or name it with --proxy.',
    )
    return null
  }
  const url = parseProxyUrl(value)
  const source = proxy === undefined ? set!.name : '--proxy'
  if (url === null) {
    findings.fail('variable', `${source} is not a proxy URL`, 'Write it as http://host:port.')
    return null
  }
  if (url.protocol === 'https:' && client?.httpsProxy === 'no') {
    findings.fail(
      'variable',
      `${client.title} takes no https:// proxy URL`,
      `Write http://${url.host} instead.`,
    )
  } else findings.ok('variable', `${source} names ${url.protocol}//${url.host}`)
  if (
    proxy === undefined &&
    variables.https_proxy &&
    variables.HTTPS_PROXY &&
    variables.https_proxy !== variables.HTTPS_PROXY
  ) {
    findings.fail(
      'variable',
      'https_proxy and HTTPS_PROXY differ',
      'Give both the same value: some clients read the one, some the other.',
    )
  }
  return url
}

async function reachProxy(proxy: URL, findings: Findings): Promise<Answer | null> {
  const place = `${proxy.hostname}:${portOf(proxy)}`
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 0) {
    try {
      const { address } = await lookup(host)
      findings.ok('name', `${host} resolves to ${address}`)
    } catch {
      findings.fail(
        'name',
        `the proxy's name ${host} does not resolve`,
        'Correct the name in the proxy variable, or the DNS of this machine.',
      )
      return null
    }
  }
  let page: Answer
  try {
    page = await askPage(proxy, '/root.pem')
  } catch (error) {
    unreachable(error as NodeJS.ErrnoException, place, findings)
    return null
  }
  findings.ok('port', `${place} answers HTTP`)
  if (page.status === 200 && page.body.includes('BEGIN CERTIFICATE')) {
    findings.ok('acmetap', 'it is acmetap')
    return page
  }
  const via = [page.headers.server, page.headers.via].filter((one) => one !== undefined).join(', ')
  findings.fail(
    'acmetap',
    `what answers at ${place} is not acmetap${via === '' ? '' : ` (${via})`}`,
    "Another proxy is there: set host and port of acmetap's listener proxy.",
  )
  return null
}

function unreachable({ code = '', message }: NodeJS.ErrnoException, place: string, findings: Findings): void {
  if (code === 'ECONNREFUSED') {
    findings.fail(
      'port',
      `nobody listens at ${place}`,
      'Is acmetap running? Ask acmetap doctor on the server. Is the port right?',
    )
  } else if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    findings.fail(
      'port',
      `${place} cannot be reached (${code})`,
      'A firewall drops the packets, or the address is wrong.',
    )
  } else {
    findings.fail(
      'http',
      `what answers at ${place} is not HTTP (${code || message})`,
      "Set the port of acmetap's listener proxy (3128 by default).",
    )
  }
}

/** An `https://` proxy has a certificate of its own, under the listener root: another one than the CAs'. */
async function checkProxyTls(
  proxy: URL,
  { client, variables }: ClientSide,
  findings: Findings,
): Promise<void> {
  if (proxy.protocol !== 'https:') return
  const place = `${proxy.hostname}:${portOf(proxy)}`
  const bundle = client?.httpsProxy === 'store' ? bundleOf(client, {}) : bundleOf(client, variables)
  const source = bundle?.source ?? 'no store of roots'
  try {
    const fault = await proxyCertificateFault(proxy, bundle?.roots ?? [])
    if (fault === null) findings.ok('proxyTls', `the proxy's own certificate is trusted by ${source}`)
    else {
      findings.fail(
        'proxyTls',
        `the certificate of the proxy ${place} is not trusted by ${source} (${fault})`,
        `Add the listener root: acmetap enroll ${client?.name ?? 'CLIENT'} --proxy ${proxy.protocol}//${proxy.host} prints the lines; or use http://${proxy.host}: what goes through it is under TLS anyway.`,
      )
    }
  } catch (error) {
    findings.fail(
      'proxyTls',
      `${place} answers HTTP, but not TLS: ${(error as Error).message}`,
      `Write http://${proxy.host} into the proxy variable.`,
    )
  }
}

function checkRoot(page: Answer, { roots }: ClientSide, findings: Findings): readonly Certificate[] {
  const served = parseCertificates(page.body)
  const prints = served.map(({ sha256 }) => sha256).join(', ')
  const known = new Set(roots?.map(({ sha256 }) => sha256))
  if (roots === null || served.every(({ sha256 }) => known.has(sha256)))
    findings.ok('root', `its root has SHA-256 ${prints}`)
  else {
    findings.fail(
      'root',
      `its root has SHA-256 ${prints}, expected ${[...known].join(', ')}`,
      'Compare with acmetap root show on the server. After a rotation, enrol again; otherwise somebody else answers.',
    )
  }
  return served
}

function checkClock(page: Answer, { now }: ClientSide, findings: Findings): void {
  const theirs = Date.parse(String(page.headers.date))
  if (Number.isNaN(theirs)) return
  const apart = Math.round((now - theirs) / 1000)
  if (Math.abs(now - theirs) <= CLOCK_TOLERANCE_MS) findings.ok('clock', 'the clocks agree')
  else {
    findings.fail(
      'clock',
      `this clock is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} acmetap's`,
      'Set the clock (NTP): certificates of a few hours look expired or not yet valid.',
    )
  }
}

async function examineCa(
  directory: string,
  proxy: URL,
  roots: readonly Certificate[],
  side: ClientSide,
  findings: Findings,
): Promise<void> {
  const host = hostOf(directory).replace(/^\[|\]$/g, '')
  await checkBypass(host, side, findings)
  const root = roots.map(({ pem }) => pem)
  const inside = await enter(directory, host, proxy, root, findings)
  if (inside === null) return
  if (!checkLeaf(inside, host, findings)) {
    inside.destroy()
    return
  }
  await checkTrust(directory, host, proxy, side, findings)
  await checkDirectory(inside, directory, findings)
  inside.destroy()
}

/** What keeps this client from the proxy without a word. */
async function checkBypass(
  host: string,
  { client, variables }: ClientSide,
  findings: Findings,
): Promise<void> {
  const entry = excludedBy(host, variables)
  if (entry !== null) {
    findings.fail(
      'bypass',
      `NO_PROXY keeps ${host} from the proxy (${entry})`,
      `Take ${entry} out of NO_PROXY and no_proxy.`,
    )
  }
  const name = client?.name ?? ''
  const local = /^(localhost|127\.[\d.]+|::1)$/
  if (['lego', 'caddy', 'traefik'].includes(name) && local.test(host)) {
    findings.fail(
      'bypass',
      `${client!.title} never sends ${host} through a proxy`,
      'Give the CA a name that is not localhost.',
    )
  }
  if (name === 'ruby-acme-client') {
    const found = await lookup(host, { all: true }).catch(() => [])
    if (found.some(({ address }) => local.test(address))) {
      findings.fail(
        'bypass',
        `${host} resolves to this machine, so Ruby passes the proxy by`,
        "Take the name out of /etc/hosts, or let it resolve to the CA's address.",
      )
    }
  }
}

async function enter(
  directory: string,
  host: string,
  proxy: URL,
  roots: readonly string[],
  findings: Findings,
): Promise<TLSSocket | null> {
  const port = portOf(new URL(directory))
  const place = `${host}:${port}`
  try {
    const connected = await connectThrough(proxy, host, port)
    if (connected.kind === 'refused') {
      refusedConnect(connected.status, connected.detail, place, proxy, findings)
      return null
    }
    findings.ok('connect', `CONNECT ${place} is allowed`)
    return await secure(connected.socket, host, roots)
  } catch (error) {
    findings.fail(
      'tls',
      `no TLS with ${place} through the proxy: ${(error as Error).message}`,
      "See acmetap's log.",
    )
    return null
  }
}

function refusedConnect(status: number, detail: string, place: string, proxy: URL, findings: Findings): void {
  if (status === 407 && proxy.username === '') {
    findings.fail(
      'authentication',
      'the proxy asks for a user and password',
      `Write http://user:password@${proxy.host} into the proxy variable; listeners.proxy.users has the names.`,
    )
  } else if (status === 407) {
    findings.fail(
      'authentication',
      'the proxy user or its password is wrong',
      'Correct the credentials in the proxy variable; listeners.proxy.users has the names.',
    )
  } else if (status === 429) {
    findings.fail(
      'authentication',
      'too many wrong passwords came from this address',
      'Correct the credentials, then wait a minute.',
    )
  } else if (status === 403) {
    findings.fail(
      'connect',
      `acmetap refuses CONNECT to ${place}`,
      `Add this CA to intercept.cas in acmetap's configuration: intercept: { cas: [NAME] }.`,
    )
  } else {
    findings.fail(
      'connect',
      `CONNECT ${place} was answered ${status || 'something unreadable'}${detail === '' ? '' : `: ${detail.slice(0, 200)}`}`,
      "See acmetap's log.",
    )
  }
}

/** True when TLS is acmetap's, whoever trusts it. */
function checkLeaf(inside: TLSSocket, host: string, findings: Findings): boolean {
  const error = inside.authorized ? null : String(inside.authorizationError)
  if (error === null) {
    findings.ok('tls', `TLS for ${host} is signed by acmetap's root`)
    return true
  }
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|expired|not yet valid/i.test(error)) {
    const { valid_from: from, valid_to: to } = inside.getPeerCertificate()
    findings.fail(
      'leaf',
      `the certificate for ${host} is valid from ${from} to ${to}, not now`,
      'Set both clocks; if they are right, restart acmetap.',
    )
    return false
  }
  findings.fail(
    'tls',
    `TLS for ${host} is not signed by acmetap's root (${error})`,
    'Add this CA to intercept.cas: acmetap tunnels other hosts without looking in. If it is there, another proxy may take the connection over.',
  )
  return false
}

/** The same once more, with the roots this client reads. */
async function checkTrust(
  directory: string,
  host: string,
  proxy: URL,
  { client, variables }: ClientSide,
  findings: Findings,
): Promise<void> {
  const bundle = bundleOf(client, variables)
  const remedy = `Add the root: acmetap enroll ${client?.name ?? 'CLIENT'} prints the lines.`
  if (bundle === null || bundle.roots.length === 0) {
    findings.fail('trust', `${bundle?.source ?? 'no store of roots'} holds no certificate`, remedy)
    return
  }
  try {
    const connected = await connectThrough(proxy, host, portOf(new URL(directory)))
    if (connected.kind === 'refused') return
    const inside = await secure(connected.socket, host, bundle.roots)
    if (inside.authorized) findings.ok('trust', `this client trusts it by ${bundle.source}`)
    else {
      findings.fail(
        'trust',
        `${client?.title ?? 'the client'} does not trust acmetap's root: it is not in ${bundle.source}`,
        remedy,
      )
    }
    inside.destroy()
  } catch (error) {
    findings.fail('trust', `TLS with the client's own roots failed: ${(error as Error).message}`, remedy)
  }
}

async function checkDirectory(inside: TLSSocket, directory: string, findings: Findings): Promise<void> {
  const { host, pathname, search } = new URL(directory)
  let answer: Answer
  try {
    answer = await getOver(inside, host, pathname + search)
  } catch (error) {
    findings.fail(
      'directory',
      `${directory} brought no answer: ${(error as Error).message}`,
      "See acmetap's log.",
    )
    return
  }
  if (answer.status === 200 && isDirectory(answer.body))
    findings.ok('directory', `${directory} comes through`)
  else if (answer.status === 200) {
    findings.fail('directory', `${directory} is not an ACME directory`, "Correct the CA's URL in the client.")
  } else {
    findings.fail(
      'directory',
      `${directory} was answered ${answer.status}: ${detailOf(answer.body)}`,
      'acmetap got no good answer from the CA: acmetap ca probe on the server says more.',
    )
  }
}

function isDirectory(body: string): boolean {
  try {
    return typeof (JSON.parse(body) as { newNonce?: unknown }).newNonce === 'string'
  } catch {
    return false
  }
}

function detailOf(body: string): string {
  try {
    return String((JSON.parse(body) as { detail?: unknown }).detail).slice(0, 300)
  } catch {
    return body.slice(0, 100)
  }
}

async function refusedHosts(proxy: URL, findings: Findings): Promise<void> {
  const page = await askPage(proxy, '/refused-hosts').catch(() => null)
  if (page?.status !== 200) return
  for (const line of page.body.split('\n').filter((one) => one !== '')) {
    findings.note('otherHost', `${line} was refused to this machine`, lineToAdd(line))
  }
}

/** What an operator writes to let clients reach `host:port`. */
function lineToAdd(place: string): string {
  return `If the client needs it, add to intercept.other_hosts:  - ${JSON.stringify(place.replace(/:443$/, ''))}`
}
