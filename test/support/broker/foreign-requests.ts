import type { ClientAnswer } from '../acme-client.ts'
import { makeAccountKey, signJws } from '../sign-jws.ts'
import { certificateRequest, type Tenant, type TenantObjects } from './tenant-world.ts'

/** One way to ask for what is another's, or nobody's: both must be answered alike. */
export interface ForeignRequest {
  readonly kind: string
  readonly verb: string

  ask(asking: Tenant, about: TenantObjects): Promise<ClientAnswer>
}

const CSR = certificateRequest(['x.test']).csr.toString('base64url')
/** RFC 8555 §7.3.5 with a key that who asks does not have. */
function stolenKey(asking: Tenant, { key }: TenantObjects, account: string): unknown {
  const url = `${asking.fleet.base}/key-change`
  const forged = { ...asking.fleet.key, jwk: key.jwk }
  const inner = signJws(forged, { jwk: key.jwk, url }, { account, oldKey: asking.fleet.key.jwk })
  return JSON.parse(inner.toString())
}

/** A new key of its own, for the account of somebody else. */
function stolenAccount(asking: Tenant, { account, key }: TenantObjects): unknown {
  const url = `${asking.fleet.base}/key-change`
  const own = makeAccountKey()
  return JSON.parse(signJws(own, { jwk: own.jwk, url }, { account, oldKey: key.jwk }).toString())
}

const last = (url: string) => url.slice(url.lastIndexOf('/') + 1)

type Asked = (asking: Tenant, about: TenantObjects) => Promise<ClientAnswer>

/** By kind of object, by what is asked of it. */
// biome-ignore format: one row a verb
const TABLE: Readonly<Record<string, Readonly<Record<string, Asked>>>> = {
  account: {
    get: ({ fleet }, { account }) => fleet.post(account),
    update: ({ fleet }, { account }) => fleet.post(account, { contact: ['mailto:thief@example.net'] }),
    deactivate: ({ fleet }, { account }) => fleet.post(account, { status: 'deactivated' }),
  },
  orders: {
    get: ({ fleet }, { account }) => fleet.post(`${account}/orders`),
    page: ({ fleet }, { account, order }) => fleet.post(`${account}/orders/${last(order)}`),
  },
  order: {
    get: ({ fleet }, { order }) => fleet.post(order),
    post: ({ fleet }, { order }) => fleet.post(order, {}),
    'get pending': ({ prove }, { pending }) => prove.post(pending.order),
  },
  finalize: {
    get: ({ fleet }, { order }) => fleet.post(`${order}/finalize`),
    post: ({ fleet }, { order }) => fleet.post(`${order}/finalize`, { csr: CSR }),
    'post pending': ({ prove }, { pending }) => prove.post(`${pending.order}/finalize`, { csr: CSR }),
  },
  authorization: {
    get: ({ fleet }, { authorization }) => fleet.post(authorization),
    deactivate: ({ fleet }, { authorization }) => fleet.post(authorization, { status: 'deactivated' }),
    'get pending': ({ prove }, { pending }) => prove.post(pending.authorization),
    'deactivate pending': ({ prove }, { pending }) => prove.post(pending.authorization, { status: 'deactivated' }),
  },
  challenge: {
    get: ({ fleet }, { challenge }) => fleet.post(challenge),
    'get pending': ({ prove }, { pending }) => prove.post(pending.challenge),
    answer: ({ prove }, { pending }) => prove.post(pending.challenge, {}),
    'under an authorization of one\'s own': ({ prove, objects }, { pending }) =>
      prove.post(`${objects.pending.authorization.replace('/authorization/', '/challenge/')}/${last(pending.challenge)}`, {}),
  },
  certificate: {
    get: ({ fleet }, { certificate }) => fleet.post(certificate),
    post: ({ fleet }, { certificate }) => fleet.post(certificate, {}),
  },
  alternate: {
    get: ({ fleet }, { certificate }) => fleet.post(`${certificate}/1`),
    'get what is none': ({ fleet }, { certificate }) => fleet.post(`${certificate}/7`),
  },
  revokeCert: {
    'by account': ({ fleet }, { der }) => fleet.post(`${fleet.base}/revoke-cert`, { certificate: der }),
    'by account, for a reason': ({ fleet }, { der }) => fleet.post(`${fleet.base}/revoke-cert`, { certificate: der, reason: 1 }),
    'by another key': ({ fleet }, { der }) => fleet.post(`${fleet.base}/revoke-cert`, { certificate: der }, { kid: null }),
  },
  renewalInfo: {
    'of another endpoint': ({ prove }, { ariId }) => prove.get(`${prove.base}/renewal-info/${ariId}`),
    'of another endpoint, head': ({ prove }, { ariId }) => prove.get(`${prove.base}/renewal-info/${ariId}`, 'HEAD'),
  },
  keyChange: {
    'to a key of theirs': (asking, about) => asking.fleet.post(`${asking.fleet.base}/key-change`, stolenKey(asking, about, asking.fleet.account)),
    'of their account': (asking, about) => asking.fleet.post(`${asking.fleet.base}/key-change`, stolenAccount(asking, about)),
    'of their account to their key': (asking, about) => asking.fleet.post(`${asking.fleet.base}/key-change`, stolenKey(asking, about, about.account)),
  },
  eab: {
    'guessed MAC': ({ fleet }, { eab }) => stranger(fleet, eab, 'HS256'),
    'guessed MAC, HS512': ({ fleet }, { eab }) => stranger(fleet, eab, 'HS512'),
  },
  'other endpoint': {
    order: ({ prove }, { order }) => prove.post(order.replace('/fleet/', '/prove/')),
    authorization: ({ prove }, { authorization }) => prove.post(authorization.replace('/fleet/', '/prove/')),
    certificate: ({ prove }, { certificate }) => prove.post(certificate.replace('/fleet/', '/prove/')),
    'revokeCert': ({ prove }, { der }) => prove.post(`${prove.base}/revoke-cert`, { certificate: der }),
  },
}

/** The account of whoever asks, with a binding by a key that he does not have: it would be a new one's. */
function stranger(client: Tenant['fleet'], eab: string, alg: string): Promise<ClientAnswer> {
  const key = makeAccountKey()
  const mac = Buffer.alloc(32, 1)
  const one = client.anew(key)
  return one.post(
    `${one.base}/new-account`,
    { externalAccountBinding: one.binding(eab, mac, alg) },
    { kid: null },
  )
}

export const FOREIGN_REQUESTS: readonly ForeignRequest[] = Object.entries(TABLE).flatMap(([kind, verbs]) =>
  Object.entries(verbs).map(([verb, ask]) => ({ kind, verb, ask })),
)

/** What of an answer a client can learn from: all but what is another one each time, whatever was asked for. */
export function learnable({ status, fields, body }: ClientAnswer): string {
  const { 'replay-nonce': nonce, 'acmetap-exchange': exchange = '-', date, ...others } = fields
  const text = `${status} ${JSON.stringify(others)} nonce:${nonce !== undefined} ${body}`
  return text.replaceAll(exchange, '<record>')
}
