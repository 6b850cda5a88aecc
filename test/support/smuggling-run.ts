import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { OK, type RawCa, type RawRequest } from './raw-ca.ts'
import { SMUGGLED_REQUESTS, type SmuggledRequest } from './smuggled-requests.ts'

export interface SmugglingReport {
  readonly cases: number
  /** Cases whose request arrived at the CA. */
  readonly passedOn: number
  readonly refused: number
  /** Requests that the CA got, without acmetap's own. */
  readonly arrived: number
  /** Answers of the CA that clients got. */
  readonly answered: number
  readonly violations: readonly string[]
}

/** How long nothing must come before a connection is taken to be waiting for more, where what arrived was answered. */
const QUIET_MS = 2_000
const LONGEST_MS = 60_000
const PATH = '/smuggling/'

/**
 * Sends every case on a connection of its own, each followed by an honest request, and reads what the CA got byte by
 * byte. `open` gives a connection on which requests for `authority` are taken.
 */
export async function runSmuggling(
  ca: RawCa,
  authority: string,
  open: () => Promise<Socket>,
): Promise<SmugglingReport> {
  const queue = SMUGGLED_REQUESTS.entries()
  const answers = new Map<number, number>()
  const work = async () => {
    for (const [index, request] of queue)
      answers.set(index, await runOne(ca, index, request, authority, open))
  }
  await Promise.all(Array.from({ length: 16 }, work))

  const requests = ca.requests.filter((request) => !isOwn(request))
  const violations = requests.flatMap((request) => {
    const why = notOneRequest(request, authority)
    return why === null ? [] : [`${why}: ${JSON.stringify(request.head.slice(0, 300))}`]
  })
  if (ca.unread() > 0) violations.push(`${ca.unread()} bytes at the CA belong to no request`)
  let passedOn = 0
  for (const [index, { name, expected }] of SMUGGLED_REQUESTS.entries()) {
    const of = (kind: string) => arrivedAt(requests, kind, index)
    const first = of('first')
    if (first > 0) passedOn++
    if (first > 1) violations.push(`${name}: arrived ${first} times`)
    if (of('after') > 1) violations.push(`${name}: the honest request arrived ${of('after')} times`)
    if (expected === 'refused' && first > 0) violations.push(`${name}: was passed on`)
    if (of('smuggled') > 0 && expected === 'refused') violations.push(`${name}: smuggled a request`)
    const arrived = first + of('after') + of('smuggled')
    if (answers.get(index) !== arrived) {
      violations.push(`${name}: ${arrived} requests arrived, ${answers.get(index)} answers came back`)
    }
  }
  return {
    cases: SMUGGLED_REQUESTS.length,
    passedOn,
    refused: SMUGGLED_REQUESTS.length - passedOn,
    arrived: requests.length,
    answered: [...answers.values()].reduce((sum, count) => sum + count, 0),
    violations,
  }
}

/** How many answers of the CA's came back. */
async function runOne(
  ca: RawCa,
  index: number,
  request: SmuggledRequest,
  authority: string,
  open: () => Promise<Socket>,
): Promise<number> {
  const socket = await open()
  let text = ''
  let last = performance.now()
  let closed = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    last = performance.now()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
  })
  const target = (kind: string) => `${PATH}${kind}-${index}`
  const bytes = request.make({ authority, first: target('first'), smuggled: target('smuggled') })
  const honest = `GET ${target('after')} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`
  socket.write(bytes + honest, 'latin1')
  const began = performance.now()
  const over = () => {
    const silent = performance.now() - last
    if (text.split(/^HTTP\/1\.1 [2-5]/m).length > 2 && silent > 20) return true
    const arrived = arrivedAt(ca.requests, 'first', index) + arrivedAt(ca.requests, 'after', index)
    return silent > QUIET_MS && (answersIn(text) >= arrived || performance.now() - began > LONGEST_MS)
  }
  while (!closed && !over()) await sleep(10)
  socket.destroy()
  return answersIn(text)
}

function answersIn(text: string): number {
  return text.split(/HTTP\/1\.1 200 /).length - 1
}

function arrivedAt(requests: readonly RawRequest[], kind: string, index: number): number {
  const line = new RegExp(`^[A-Z]+ \\S*${PATH}${kind}-${index}(?!\\d)`)
  return requests.filter(({ head }) => line.test(head)).length
}

/** acmetap reads directories itself. */
function isOwn({ head }: Pick<RawRequest, 'head'>): boolean {
  return /^GET \/dir HTTP\/1\.1\r\n/.test(head)
}

const REQUEST_LINE = /^[A-Z]+ \/[!-~]* HTTP\/1\.1$/
const FIELD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[\t\x20-\x7e\x80-\xff]*$/
/** What belongs to one connection only (RFC 9110 §7.6.1) or announces what isn't there. */
const HOP_BY_HOP = /^(te|trailer|transfer-encoding|upgrade|keep-alive|expect|http2-settings|proxy-.*)$/i

/** Why these bytes are not exactly one request for the CA; null when they are. */
function notOneRequest({ head }: RawRequest, authority: string): string | null {
  const [start = '', ...fields] = head.split('\r\n')
  if (!REQUEST_LINE.test(start)) return 'a request line that is none'
  if (/[\r\n\0]/.test(fields.join(''))) return 'a bare line end or NUL in a field'
  if (!fields.every((field) => FIELD.test(field))) return 'a field that is none'
  const named = fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase())
  const values = (name: string) =>
    fields.filter((_, at) => named[at] === name).map((field) => field.slice(field.indexOf(':') + 1).trim())
  if (named.some((name) => HOP_BY_HOP.test(name))) return 'a hop-by-hop field'
  if (values('connection').some((value) => !/^(close|keep-alive)$/i.test(value)))
    return 'Connection with options'
  const hosts = values('host')
  if (hosts.length !== 1) return `${hosts.length} Host fields`
  if (hosts[0]?.toLowerCase() !== authority.toLowerCase()) return 'another Host'
  const lengths = values('content-length')
  if (lengths.length > 1 || lengths.some((length) => !/^\d+$/.test(length))) return 'a length that is none'
  return null
}

/** An answer for a raw CA: a directory under `/dir` that names the host it was asked for, `ok` under everything else. */
export function directoryOrOk({ head, socket }: RawRequest): void {
  if (!isOwn({ head })) {
    socket.write(head.startsWith('HEAD ') ? OK.replace(/ok$/, '') : OK)
    return
  }
  const host = /^host: *(\S+)/im.exec(head)?.[1] ?? ''
  const names = ['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange']
  const directory = JSON.stringify(Object.fromEntries(names.map((name) => [name, `https://${host}/${name}`])))
  const fields = `Content-Type: application/json\r\nContent-Length: ${directory.length}`
  socket.write(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${directory}`)
}
