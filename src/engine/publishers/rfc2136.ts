/** DNS updates (RFC 2136), signed with TSIG (RFC 8945): BIND, Knot, PowerDNS and whoever else takes them. */
import { randomInt } from 'node:crypto'
import { askServer, type DnsPlace } from '../../ca/dns/ask.ts'
import { climb, isWithin } from '../../ca/dns/authorities.ts'
import { plainName } from '../../ca/dns/reply.ts'
import type { Resolve } from '../../ca/resolve.ts'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Clock } from '../../exchange/clock.ts'
import { stopped } from '../abortable.ts'
import { EngineError } from '../engine-error.ts'
import type { Publisher, TxtRecord } from '../publisher.ts'
import { converse } from './rfc2136/transport.ts'
import { type Signed, signMessage, type TsigKey, type Verified, verifyAnswer } from './rfc2136/tsig.ts'
import { encodeUpdate, readUpdateAnswer, type UpdateAnswer } from './rfc2136/wire.ts'

/** `secret`: as it is, base64; a file was read before. */
export type Rfc2136Settings = Omit<NonNullable<SolverConfig['rfc2136']>, 'secret_file'>

export interface Rfc2136Deps {
  readonly clock: Clock
  /** Addresses of the server's name. */
  readonly resolve: Resolve
}

/** Throws EngineError (`input`) where the key is half a key. */
export function createRfc2136(settings: Rfc2136Settings, { clock, resolve }: Rfc2136Deps): Publisher {
  const key = keyOf(settings)
  const server = serverOf(settings.server)
  const zones = new Map<string, string>()
  /** Seconds that the server's clock is ahead, once it has said so. */
  let ahead = 0
  const seconds = () => Math.floor(clock.now().wall / 1_000_000) + ahead

  const change = async (what: 'add' | 'remove', record: TxtRecord, signal: AbortSignal): Promise<void> => {
    const until = performance.now() + settings.timeout
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(settings.timeout)])
    let last: Error | null = null
    for (const address of await addresses(deadline, signal)) {
      const place = { address, port: server.port }
      try {
        const zone = await zoneAt(place, record.name, deadline)
        return await update(place, zone, { what, ...record }, { until, signal, again: true })
      } catch (error) {
        if (signal.aborted) throw stopped()
        if (error instanceof EngineError) throw error
        last = error as Error
      }
    }
    throw failed(
      `gives no answer (${last?.message ?? 'it has no address'}): let UDP and TCP port ${server.port} to it, and look whether it runs`,
    )
  }

  async function addresses(deadline: AbortSignal, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return await resolve(server.host, deadline)
    } catch (error) {
      if (signal.aborted) throw stopped()
      throw failed(
        `has no address (${error instanceof Error ? error.message : 'time is over'}): correct its name`,
      )
    }
  }

  /** The server itself knows which of its zones holds the name. */
  async function zoneAt(place: DnsPlace, name: string, signal: AbortSignal): Promise<string> {
    if (settings.zone !== undefined) {
      if (isWithin(name, settings.zone)) return settings.zone
      throw failed(
        `is to update the zone ${settings.zone}, and ${name} does not lie in it: correct zone, or leave it out`,
      )
    }
    const known = zones.get(name)
    if (known !== undefined) return known
    for (const candidate of climb(name)) {
      const question = { name: candidate, type: 'SOA', recursion: false } as const
      const reply = await askServer(place, question, Math.min(3_000, settings.timeout), signal)
      const found = reply.authoritative
        ? [...reply.answers, ...reply.authorities].find(
            (one) => one.type === 'SOA' && isWithin(name, one.name),
          )
        : undefined
      if (found === undefined) continue
      if (zones.size > 1000) zones.clear()
      zones.set(name, plainName(found.name))
      return plainName(found.name)
    }
    throw failed(
      `has no zone for ${name}: name the primary server of its zone, or write zone where views hide it`,
    )
  }

  async function update(
    place: DnsPlace,
    zone: string,
    record: TxtRecord & { readonly what: 'add' | 'remove' },
    {
      until,
      signal,
      again,
    }: { readonly until: number; readonly signal: AbortSignal; readonly again: boolean },
  ): Promise<void> {
    const time = seconds()
    const message = encodeUpdate(randomInt(65536), zone, record)
    const request: Signed = key === null ? { message, mac: Buffer.alloc(0) } : signMessage(message, key, time)
    const reply = await converse(place, request.message, answers(message), {
      timeout: Math.max(1, until - performance.now()),
      signal,
    })
    const judged: Verified =
      key === null
        ? { kind: 'unsigned', answer: readUpdateAnswer(reply), error: null }
        : verifyAnswer(reply, request, key, time)
    if (judged.kind === 'signed' && judged.error === 'BADTIME' && judged.serverTime !== null && again) {
      ahead += judged.serverTime - seconds()
      return update(place, zone, record, { until, signal, again: false })
    }
    judge(judged, zone, record.name)
  }

  function judge(judged: Verified, zone: string, name: string): void {
    if (judged.kind === 'forged')
      throw failed(
        `answered, but ${judged.says}: the answer is not used. Is somebody on the way, or is the key another one?`,
      )
    const { answer, error } = judged
    if (error !== null && error !== 'NOERROR') throw failed(tsigRemedy(error, settings.key_name ?? ''))
    if (answer.rcode !== 'NOERROR') throw failed(rcodeRemedy(answer, zone, name, settings.key_name ?? null))
    if (judged.kind === 'unsigned' && key !== null)
      throw failed('answered without a signature, though the request had one: the answer is not used')
  }

  function failed(what: string): EngineError {
    return new EngineError('solver', `DNS server ${settings.server} ${what}`)
  }

  return {
    add: (record, signal) => change('add', record, signal),
    remove: (record, signal) => change('remove', record, signal),
  }
}

function answers(request: Buffer) {
  return (message: Buffer): boolean => {
    try {
      return readUpdateAnswer(message).id === request.readUInt16BE(0)
    } catch {
      return false
    }
  }
}

function keyOf({ server, key_name, key_algorithm, secret }: Rfc2136Settings): TsigKey | null {
  const wrong = (what: string) => new EngineError('input', `solver for DNS server ${server}: ${what}`)
  if (key_name === undefined && secret === undefined) return null
  if (key_name === undefined) throw wrong('there is a secret, and no key_name')
  if (secret === undefined) throw wrong(`there is a key_name (${key_name}), and no secret`)
  const bytes = Buffer.from(secret, 'base64')
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== secret.trim().replace(/=+$/, ''))
    throw wrong('secret is not base64, as tsig-keygen writes it')
  return { name: plainName(key_name), algorithm: key_algorithm, secret: bytes }
}

function serverOf(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain = '', port = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? []
  return { host: bracketed ?? plain, port: Number(port) }
}

function tsigRemedy(error: string, key: string): string {
  switch (error) {
    case 'BADKEY':
      return `does not know the key ${key} (BADKEY): check key_name and key_algorithm against its configuration`
    case 'BADSIG':
      return `does not accept the signature of the key ${key} (BADSIG): check its secret and key_algorithm`
    case 'BADTIME':
      return 'has another time (BADTIME), also after the time it told was used: set the clocks of both machines'
    case 'BADTRUNC':
      return 'wants longer signatures (BADTRUNC): choose a stronger key_algorithm'
    default:
      return `refuses the signature (${error})`
  }
}

function rcodeRemedy({ rcode }: UpdateAnswer, zone: string, name: string, key: string | null): string {
  const who = key === null ? "this machine's address" : `the key ${key}`
  switch (rcode) {
    case 'REFUSED':
      return `refuses to change ${name} in ${zone} (REFUSED): allow it to ${who}, in BIND with update-policy { grant ${key ?? 'KEY'} name ${name} TXT; }`
    case 'NOTAUTH':
      return `may not change ${zone} (NOTAUTH): name the primary server of the zone, and check key_name`
    case 'NOTZONE':
      return `says that ${name} is not in ${zone} (NOTZONE): correct zone, or leave it out`
    case 'NOTIMP':
      return 'takes no updates (NOTIMP): name a server that does, or publish in another way'
    case 'SERVFAIL':
      return `could not change ${zone} (SERVFAIL): its log says why, often that it cannot write the zone's journal`
    default:
      return `answers ${rcode} to the change of ${name} in ${zone}`
  }
}
