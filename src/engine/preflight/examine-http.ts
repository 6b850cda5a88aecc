import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { contentNetwork } from './content-network.ts'
import { type Examination, list, quote } from './examination.ts'
import { type Walk, walk } from './http-chain.ts'
import type { HttpAnswer, HttpFailure } from './http-fetch.ts'
import type { Stopped } from './redirect.ts'

/** http-01 (RFC 8555 §8.3): what each address answers where a challenge would lie, each asked by itself. */
export async function examineHttp(examination: Examination, addresses: readonly string[]): Promise<void> {
  const token = randomBytes(32).toString('base64url')
  const path = `/.well-known/acme-challenge/${token}`
  const walks = await Promise.all(addresses.map((address) => walk(examination, address, path)))
  const judged = walks.map((one) => ({ walk: one, judgement: judge(examination, one, token) }))
  const sound = judged.filter(({ judgement }) => judgement.state !== 'fail')
  for (const { walk: one, judgement } of judged) {
    const wrongAaaa =
      judgement.state === 'fail' &&
      isIP(one.address) === 6 &&
      sound.some(({ walk: other }) => isIP(other.address) === 4)
    report(examination, one, wrongAaaa ? asWrongAaaa(judgement) : judgement)
  }
  compare(
    examination,
    sound.map(({ walk: one }) => one),
  )
}

interface Judgement {
  readonly state: 'ok' | 'note' | 'fail'
  readonly check: DiagnosisClass | 'http'
  readonly says: string
  readonly remedy: string
}

function judge(examination: Examination, { address, end }: Walk, token: string): Judgement {
  if (end.kind === 'failure') return judgeFailure(end, address, examination)
  if (end.kind === 'stopped') return judgeStopped(end)
  return judgeAnswer(end, token)
}

const fail = (check: DiagnosisClass, says: string, remedy: string): Judgement => ({
  state: 'fail',
  check,
  says,
  remedy,
})

function judgeFailure({ reason, says }: HttpFailure, address: string, { probe }: Examination): Judgement {
  const port = probe.ports.http
  switch (reason) {
    case 'refused':
      return fail(
        'connection-refused',
        says,
        `Start the web server (or the client's own on port ${port}), let it listen on this address, or correct the record.`,
      )
    case 'connect-timeout':
      return fail(
        'firewall',
        says,
        `Let the whole Internet reach port ${port} at this address (firewall, security group, port forwarding), or correct the record.`,
      )
    case 'unreachable':
      return isIP(address) === 6 && !hasIpv6()
        ? {
            state: 'note',
            check: 'network-unreachable',
            says: 'not looked at: this machine has no IPv6',
            remedy: 'Run this from a machine with IPv6: CAs prefer it to IPv4.',
          }
        : fail('network-unreachable', says, 'Correct the record, or the route to this address.')
    case 'reset':
      return fail(
        'connection-reset',
        says,
        'Something before the web server (firewall, load balancer, an allow-list) cuts it off: let requests for /.well-known/acme-challenge/ through.',
      )
    case 'answer-timeout':
      return fail(
        'slow-server',
        says,
        'The server accepts, but is overloaded or waits for something behind it: CAs give up after 10 s.',
      )
    case 'tls-there':
      return fail(
        'tls-on-http-port',
        says,
        `Serve plain HTTP on port ${port}: a challenge over HTTP never begins with TLS.`,
      )
    case 'no-tls':
      return fail(
        'bad-redirect',
        says,
        'The redirect to https leads to a server that does not complete TLS: mend it, or except /.well-known/acme-challenge/ from the redirect.',
      )
    case 'not-http':
      return fail('other-server', says, `Another service has port ${port}: let the web server listen there.`)
  }
}

function judgeStopped({ reason, says }: Stopped): Judgement {
  const remedy = {
    loop: 'Correct the rewrite rules, or except /.well-known/acme-challenge/ from them.',
    'too-many': 'Shorten the chain, or except /.well-known/acme-challenge/ from it.',
    port: 'Redirect to port 80 or 443, or except /.well-known/acme-challenge/ from the redirect.',
    scheme: 'Redirect to http:// or https:// only.',
    host: 'Correct the target of the redirect: a full domain name, and a / after it (nginx: return 301 https://$host$request_uri).',
    address: 'Redirect to a name that the Internet can reach.',
    status: 'Answer the path itself, or redirect with 301, 302, 307 or 308.',
    location: 'Send a Location with a URL, or answer the path itself.',
    unresolved: 'Correct the target of the redirect, or make an A or AAAA record for it.',
  }[reason]
  return fail(reason === 'loop' || reason === 'too-many' ? 'redirect-loop' : 'bad-redirect', says, remedy)
}

function judgeAnswer(answer: HttpAnswer, token: string): Judgement {
  const { status, body } = answer
  const network = contentNetwork(answer)
  if (status === 200 && body.startsWith(`${token}.`))
    return ok(
      `answers every token itself, for the account key ${quote(body.slice(token.length + 1).trim(), 50)}`,
    )
  if (status === 404 || status === 410) {
    return network === null
      ? ok(`${status}: the path is reachable`)
      : note(
          'other-server',
          `${status} from ${network}, which stands before the server`,
          `${network} must pass /.well-known/acme-challenge/ on to the server that has the file, uncached, without redirects or bot checks.`,
        )
  }
  if (status >= 200 && status < 300) {
    const title = /<title[^>]*>([^<]{1,200})/i.exec(body)?.[1]?.trim()
    return note(
      'other-server',
      `${status} with ${title ? `the page ${quote(title)}` : 'a page'} for a token nobody made: ${network ?? 'another site or a catch-all'} answers`,
      'If this page is not of your server, the record leads elsewhere (parking, a CDN, the default site): correct it. Else make sure that files in /.well-known/acme-challenge/ win over the catch-all.',
    )
  }
  if (status === 400 && /plain HTTP request was sent to HTTPS port|speaking plain HTTP to an SSL/i.test(body))
    return fail(
      'tls-on-http-port',
      `${status}: it expects TLS on the HTTP port`,
      'Serve plain HTTP on port 80.',
    )
  if (status === 421)
    return fail(
      'other-server',
      '421: this server does not serve the name',
      'Add the name to its configuration, or correct the record.',
    )
  if (status >= 500)
    return fail(
      'http-status',
      `${status}${network === null ? '' : ` from ${network}`}: the server behind it fails`,
      'See the log of the web server or proxy: let it serve /.well-known/acme-challenge/ itself, or route that to a server that is up.',
    )
  return fail(
    'http-status',
    `${status}${network === null ? '' : ` from ${network}`}: the path is closed`,
    'Open /.well-known/acme-challenge/ to everybody: no login, no allow-list, no bot check.',
  )
}

const ok = (says: string): Judgement => ({ state: 'ok', check: 'http', says, remedy: '' })
const note = (check: DiagnosisClass, says: string, remedy: string): Judgement => ({
  state: 'note',
  check,
  says,
  remedy,
})

/** Let's Encrypt goes back to IPv4 where IPv6 does not connect; others do not, and nobody does after an answer. */
function asWrongAaaa({ check, says }: Judgement): Judgement {
  return fail(
    'wrong-aaaa',
    `${says} (${check}), while IPv4 works`,
    'Correct or remove the AAAA record, or let the server answer over IPv6 too: CAs try IPv6 first.',
  )
}

function report(
  { probe, findings }: Examination,
  one: Walk,
  { state, check, says, remedy }: Judgement,
): void {
  const place = isIP(one.address) === 6 ? `[${one.address}]` : one.address
  const server =
    one.end.kind === 'answer' && one.end.server !== null ? ` (Server: ${quote(one.end.server, 60)})` : ''
  const way = one.urls.length > 1 ? `, after ${list(one.urls.slice(1).map((url) => quote(url)))}` : ''
  const whole = `http-01 at ${place}:${probe.ports.http}: ${says}${server}${way}`
  if (state === 'ok') findings.ok(check, whole)
  else findings[state](check, whole, remedy)
}

/** A CA may choose any address: all have to be doors to the same house. */
function compare({ findings }: Examination, walks: readonly Walk[]): void {
  const kinds = new Map<string, string[]>()
  for (const { address, end, urls } of walks) {
    if (end.kind !== 'answer') continue
    const kind = `${end.status} ${end.server ?? ''} ${urls.length > 1 ? new URL(urls.at(-1) ?? '').host : ''}`
    kinds.set(kind, [...(kinds.get(kind) ?? []), address])
  }
  if (kinds.size < 2) return
  const groups = [...kinds].map(([kind, addresses]) => `${list(addresses)}: ${quote(kind.trim(), 60)}`)
  const families = new Set([...kinds.values()].map((addresses) => addresses.map((one) => isIP(one)).join()))
  const byFamily = [...families].every((one) => /^(?:4(,4)*|6(,6)*)$/.test(one)) && families.size > 1
  findings.note(
    (byFamily ? 'wrong-aaaa' : 'some-backends') satisfies DiagnosisClass,
    `the addresses answer differently: ${groups.join('; ')}`,
    byFamily
      ? 'If IPv6 leads to another server than IPv4, correct the AAAA record: CAs try IPv6 first.'
      : 'If these are several servers, each must have the file: share the folder, or send /.well-known/acme-challenge/ to the one that runs the client.',
  )
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((one) => one?.family === 'IPv6' && !one.internal && !one.address.startsWith('fe80:'))
}
