import { connect } from 'node:http2'
import { type ClientAnswer, readJson, type Transport } from '../../acme-client.ts'
import { type AccountKeyPair, makeAccountKey, signJws } from '../../sign-jws.ts'

/** What two servers can be compared by: no ids, times or words. */
export interface Seen {
  readonly status: number
  /** Of a problem document, without the prefix; null: it is none. */
  readonly problem: string | null
  /** Without parameters; null: none. */
  readonly type: string | null
  readonly location: boolean
  readonly nonce: boolean
  /** Relations, in their order of letters. */
  readonly link: string
  readonly retryAfter: 'seconds' | 'date' | null
  /** Names of the JSON members, with the value of `status`, and what challenges have. */
  readonly members: string
}

/** One who talks to one server; `seen` is by step. */
export class Conversation {
  readonly seen = new Map<string, Seen>()
  readonly directory: Readonly<Record<string, string>>
  readonly #transport: Transport
  readonly #nonces: string[] = []
  key: AccountKeyPair = makeAccountKey()
  account = ''

  private constructor(transport: Transport, directory: Readonly<Record<string, string>>) {
    this.#transport = transport
    this.directory = directory
  }

  static async begin(directory: string, transport: Transport): Promise<Conversation> {
    return new Conversation(transport, readJson(await transport.send('GET', directory)))
  }

  /** Another account at the same server, under the same steps. */
  async other(step: string): Promise<Conversation> {
    const other = new Conversation(this.#transport, this.directory)
    await other.register(step)
    for (const [each, seen] of other.seen) this.seen.set(each, seen)
    return other
  }

  async register(step: string): Promise<void> {
    const answer = await this.post(
      step,
      this.directory.newAccount!,
      { termsOfServiceAgreed: true },
      { jwk: this.key.jwk },
    )
    this.account = answer.fields.location ?? ''
  }

  /** `header` instead of `kid`, beside nonce and url; a member that is undefined is left out. `payload` undefined: POST-as-GET. */
  async post(
    step: string | null,
    url: string,
    payload?: unknown,
    header: Readonly<Record<string, unknown>> = {},
    key = this.key,
  ): Promise<ClientAnswer> {
    return this.send(step, 'POST', url, await this.signed(url, payload, header, key))
  }

  async signed(
    url: string,
    payload?: unknown,
    header: Readonly<Record<string, unknown>> = {},
    key = this.key,
  ): Promise<Buffer> {
    const by = 'jwk' in header || 'kid' in header ? {} : { kid: this.account }
    const nonce = 'nonce' in header ? header.nonce : await this.nonce()
    return signJws(key, { ...by, url, ...header, nonce }, payload)
  }

  async send(
    step: string | null,
    method: string,
    url: string,
    body?: Buffer,
    fields?: Readonly<Record<string, string>>,
  ): Promise<ClientAnswer> {
    const answer = await this.#transport.send(method, url, body, fields)
    const nonce = answer.fields['replay-nonce']
    if (nonce !== undefined && step !== null) this.#nonces.push(nonce)
    if (step !== null) this.seen.set(step, seenOf(answer))
    return answer
  }

  async nonce(): Promise<string> {
    const kept = this.#nonces.pop()
    if (kept !== undefined) return kept
    return (await this.#transport.send('HEAD', this.directory.newNonce!)).fields['replay-nonce']!
  }

  /** POST-as-GET until the object is none of these. */
  async settled(step: string, url: string, not: readonly string[]): Promise<ClientAnswer> {
    for (let attempt = 0; attempt < 300; attempt++) {
      const answer = await this.post(null, url)
      if (!not.includes(String(readJson<{ status?: string }>(answer).status))) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return this.post(step, url)
  }
}

function seenOf({ status, fields, body }: ClientAnswer): Seen {
  const type = fields['content-type']?.split(';')[0]?.trim() ?? null
  const json = type !== null && /\bjson$/.test(type) && body.length > 0 ? JSON.parse(body.toString()) : null
  const problem = type === 'application/problem+json' ? String(json.type).replace(/^.*:/, '') : null
  const rels = [...(fields.link ?? '').matchAll(/;\s*rel="([^"]+)"/g)].map(([, rel]) => rel!)
  const after = fields['retry-after']
  return {
    status,
    problem,
    type: body.length === 0 ? null : type,
    location: fields.location !== undefined,
    nonce: fields['replay-nonce'] !== undefined,
    link: [...new Set(rels)].sort().join(' '),
    retryAfter: after === undefined ? null : /^\d+$/.test(after) ? 'seconds' : 'date',
    members: problem === null && json !== null ? membersOf(json).join(' ') : '',
  }
}

function membersOf(json: Readonly<Record<string, unknown>>): readonly string[] {
  const challenges = Array.isArray(json.challenges) ? (json.challenges as readonly object[]) : []
  const inside = new Set(challenges.flatMap((each) => Object.keys(each)))
  return [
    ...Object.keys(json).map((name) => (name === 'status' ? `status:${json.status}` : name)),
    ...[...inside].map((name) => `challenges.${name}`),
  ].sort()
}

/** The same over one connection of HTTP/2. */
export function http2Transport(trust: string): Transport {
  const sessions = new Map<string, ReturnType<typeof connect>>()
  return {
    send(method, url, body, fields = {}) {
      const { origin, pathname, search } = new URL(url)
      const session = sessions.get(origin) ?? connect(origin, { ca: trust })
      sessions.set(origin, session)
      return new Promise((resolve, reject) => {
        session.once('error', reject)
        const stream = session.request({
          ':method': method,
          ':path': `${pathname}${search}`,
          'user-agent': 'acmetap-test-client/1',
          ...(body ? { 'content-type': 'application/jose+json' } : {}),
          ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value])),
        })
        const parts: Buffer[] = []
        let answered: Readonly<Record<string, unknown>> = {}
        stream.on('response', (headers) => {
          answered = headers
        })
        stream.on('data', (part: Buffer) => parts.push(part))
        stream.on('error', reject)
        stream.on('end', () => {
          session.off('error', reject)
          const texts = Object.entries(answered).map(([name, value]) => [name, String(value)])
          resolve({
            method,
            url,
            status: Number(answered[':status']),
            fields: Object.fromEntries(texts) as Record<string, string>,
            body: Buffer.concat(parts),
            digest: '',
            exchange: null,
            ms: 0,
          })
        })
        stream.end(body)
      })
    },
    close() {
      for (const session of sessions.values()) session.destroy()
    },
  }
}
