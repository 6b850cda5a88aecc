import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type Answer, decode, encode, type Packet, type Question } from 'dns-packet'

export const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const

export interface ZoneAnswer {
  readonly rcode?: keyof typeof RCODES
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  readonly authoritative?: boolean
  readonly validated?: boolean
  /** Over UDP nothing but that there is more. */
  readonly truncated?: boolean
  /** RFC 8914. */
  readonly extended?: readonly [code: number, text: string]
  /** Instead of a message. */
  readonly raw?: Buffer
}

export interface AskedQuestion {
  readonly name: string
  readonly type: string
  readonly recursion: boolean
  readonly unvalidated: boolean
  readonly edns: boolean
  readonly overTcp: boolean
}

/** Null is silence. */
export type Respond = (question: AskedQuestion) => ZoneAnswer | null

export interface ZoneServer {
  readonly address: string
  readonly port: number
  readonly questions: readonly AskedQuestion[]
  close(): Promise<void>
}

/** A DNS server over UDP and TCP that answers any type of record; `tcp: false` has it over UDP alone. */
export async function startZoneServer(
  respond: Respond,
  { address = '127.0.0.1', port = 0, tcp = true }: { address?: string; port?: number; tcp?: boolean } = {},
): Promise<ZoneServer> {
  const questions: AskedQuestion[] = []
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    let bytes = Buffer.alloc(0)
    socket.on('data', (part) => {
      bytes = Buffer.concat([bytes, part])
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return
      const reply = answer(bytes.subarray(2), true)
      if (reply === null) return
      const length = Buffer.alloc(2)
      length.writeUInt16BE(reply.length)
      socket.end(Buffer.concat([length, reply]))
    })
  })
  const socket = createSocket('udp4')
  const answer = (message: Buffer, overTcp: boolean): Buffer | null => {
    const query = decode(message)
    const [question] = query.questions ?? []
    if (question === undefined) return null
    const asked = {
      name: question.name.toLowerCase(),
      type: question.type,
      recursion: query.flag_rd,
      unvalidated: query.flag_cd,
      edns: (query.additionals ?? []).some((one) => one.type === 'OPT' && one.flag_do),
      overTcp,
    }
    questions.push(asked)
    const told = respond(asked)
    if (told === null) return null
    return told.raw ?? write(query.id ?? 0, question, told, overTcp)
  }
  socket.on('message', (message, peer) => {
    const reply = answer(message, false)
    if (reply !== null) socket.send(reply, peer.port, peer.address)
  })
  if (tcp) {
    server.listen(port, address)
    await once(server, 'listening')
  }
  socket.bind(tcp ? (server.address() as AddressInfo).port : port, address)
  await once(socket, 'listening')
  return {
    address,
    port: socket.address().port,
    questions,
    async close() {
      socket.close()
      if (!tcp) return
      server.close()
      await once(server, 'close')
    },
  }
}

function write(id: number, question: Question, told: ZoneAnswer, overTcp: boolean): Buffer {
  const cut = told.truncated === true && !overTcp
  const flags =
    0x0180 |
    RCODES[told.rcode ?? 'NOERROR'] |
    (told.authoritative ? 0x0400 : 0) |
    (told.validated ? 0x0020 : 0) |
    (cut ? 0x0200 : 0)
  const packet: Packet = {
    type: 'response',
    id,
    flags,
    questions: [question],
    answers: cut ? [] : [...(told.answers ?? [])],
    authorities: cut ? [] : [...(told.authorities ?? [])],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0x8000,
        flag_do: true,
        options: told.extended
          ? [
              {
                code: 15 as never,
                data: Buffer.concat([Buffer.from([0, told.extended[0]]), Buffer.from(told.extended[1])]),
              },
            ]
          : [],
      },
    ],
  }
  return encode(packet)
}

/** Records of a name, by type. TXT and CAA are lists; an alias excludes the others. */
export interface NameRecords {
  readonly A?: readonly string[]
  readonly AAAA?: readonly string[]
  readonly CNAME?: string
  readonly TXT?: readonly string[]
  readonly CAA?: readonly (readonly [flags: number, tag: string, value: string])[]
  readonly NS?: readonly string[]
  readonly DS?: boolean
  /** The apex of a zone. */
  readonly SOA?: boolean
}

export type Zones = Readonly<Record<string, NameRecords>>

/** Answers from these names as a resolver does (aliases followed), or as the servers of the zones. */
export function answerFrom(zones: Zones, { authoritative = false } = {}): Respond {
  return ({ name, type }) => {
    const answers: Answer[] = []
    let owner = name
    for (let hops = 0; hops < 20; hops++) {
      const alias: string | undefined = zones[owner]?.CNAME
      if (alias === undefined || type === 'CNAME') break
      answers.push({ type: 'CNAME', name: owner, ttl: 0, data: alias })
      owner = alias
      if (owner === name) break
    }
    const records = recordsOf(owner, type, zones[owner] ?? {})
    const apex = apexOf(owner, zones)
    const exists = owner in zones || Object.keys(zones).some((one) => one.endsWith(`.${owner}`))
    return {
      rcode: exists ? 'NOERROR' : 'NXDOMAIN',
      authoritative,
      answers: [...answers, ...records],
      authorities: records.length === 0 && apex !== null ? [soa(apex)] : [],
    }
  }
}

function apexOf(name: string, zones: Zones): string | null {
  const labels = name.split('.')
  for (let from = 0; from < labels.length; from++) {
    const candidate = labels.slice(from).join('.')
    if (zones[candidate]?.SOA) return candidate
  }
  return null
}

function soa(name: string): Answer {
  return {
    type: 'SOA',
    name,
    ttl: 0,
    data: {
      mname: `ns1.${name}`,
      rname: `hostmaster.${name}`,
      serial: 1,
      refresh: 60,
      retry: 60,
      expire: 60,
      minimum: 0,
    },
  }
}

function recordsOf(name: string, type: string, records: NameRecords): Answer[] {
  const common = { name, ttl: 0 }
  switch (type) {
    case 'A':
      return (records.A ?? []).map((data) => ({ ...common, type, data }))
    case 'AAAA':
      return (records.AAAA ?? []).map((data) => ({ ...common, type, data }))
    case 'CNAME':
      return records.CNAME === undefined ? [] : [{ ...common, type, data: records.CNAME }]
    case 'TXT':
      return (records.TXT ?? []).map((data) => ({ ...common, type, data }))
    case 'CAA':
      return (records.CAA ?? []).map(([flags, tag, value]) => ({
        ...common,
        type,
        data: { flags, tag: tag as 'issue', value },
      }))
    case 'NS':
      return (records.NS ?? []).map((data) => ({ ...common, type, data }))
    case 'SOA':
      return records.SOA ? [soa(name)] : []
    case 'DS':
      return records.DS
        ? [
            {
              ...common,
              type,
              data: { keyTag: 1, algorithm: 13, digestType: 2, digest: Buffer.alloc(32, 7) },
            },
          ]
        : []
    default:
      return []
  }
}
