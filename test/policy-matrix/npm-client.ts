import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent } from 'node:https'
import acme from 'acme-client'
import { AUTHZ_CA } from './authz-ca.ts'
import { type ExternalAccount, TRUSTED_KEYS } from './external-accounts.ts'
import type { Place } from './place.ts'
import { type Label, rootsOf } from './world.ts'

/** acme-client from npm speaks through this: whom it trusts and by which proxy it goes, as its environment would say. */
type AxiosProxyConfig = Exclude<typeof acme.axios.defaults.proxy, false | undefined>

const way = new AsyncLocalStorage<{ readonly httpsAgent: Agent; readonly proxy: AxiosProxyConfig | false }>()
acme.axios.interceptors.request.use((request) => ({ ...request, ...way.getStore() }))
// By default it asks again for half a minute where it was told 429 or 5xx.
Object.assign(acme.axios.defaults, { acmeSettings: { retryMaxAttempts: 1, retryDefaultDelay: 0 } })

export interface NpmOptions {
  readonly label?: Label
  /** PEM; a new one where it is left out. */
  readonly accountKey?: Buffer
  readonly external?: ExternalAccount
  /** Past acmetap, to the CA itself. */
  readonly straight?: boolean
  /** At the CA that authorizes before there is an order. */
  readonly authz?: boolean
}

export type NpmClient = acme.Client & {
  /** Its own, which a program could use as well. */
  readonly http: {
    signedRequest(url: string, payload: unknown, more: object): Promise<Answer>
    getResourceUrl(name: string): Promise<string>
  }
}

interface Answer {
  readonly status: number
  readonly data: unknown
  readonly headers: Readonly<Record<string, string>>
}

/** Runs a program over the library acme-client. */
export async function withNpm(
  place: Place,
  options: NpmOptions,
  program: (client: NpmClient, key: Buffer) => Promise<void>,
): Promise<void> {
  const { mode, world } = place
  const roots = await rootsOf(world)
  const proxy = options.straight ? undefined : place.proxy(options.label)
  const httpsAgent = new Agent({ keepAlive: true, ca: roots[options.straight ? 'pebble' : mode] })
  const accountKey = options.accountKey ?? (await acme.crypto.createPrivateEcdsaKey())
  const { external } = options
  const client = new acme.Client({
    directoryUrl: directoryOf(place, options),
    accountKey,
    backoffMin: 100,
    backoffMax: 1000,
    backoffAttempts: 100,
    ...(external === undefined
      ? {}
      : { externalAccountBinding: { kid: external, hmacKey: TRUSTED_KEYS[external] } }),
  }) as NpmClient
  try {
    await way.run({ httpsAgent, proxy: proxyOf(proxy) }, () => program(client, accountKey))
  } finally {
    httpsAgent.destroy()
  }
}

function proxyOf(text: string | undefined): AxiosProxyConfig | false {
  if (text === undefined) return false
  const { protocol, hostname: host, port, username, password } = new URL(text)
  return { protocol, host, port: Number(port), auth: { username, password } }
}

function directoryOf(place: Place, { straight, authz, label }: NpmOptions): string {
  if (straight) return place.world.pebble.directory
  if (authz) return place.mode === 'relay' ? 'https://authz.acmetap.test:8443/dir' : `https://${AUTHZ_CA}/dir`
  return place.directory(label)
}

/** What an order asks for beside its names. */
export type OrderMore = Readonly<Record<string, unknown>>

export type IdentifierList = readonly { readonly type: string; readonly value: string }[]

export const dns = (...names: readonly string[]): IdentifierList =>
  names.map((value) => ({ type: 'dns', value }))

/** newOrder, and nothing else. */
export async function order(client: NpmClient, identifiers: IdentifierList, more: OrderMore = {}) {
  return client.createOrder({ identifiers, ...more } as unknown as Parameters<NpmClient['createOrder']>[0])
}

/** An order made ready for finalize. */
export async function readyOrder(client: NpmClient, identifiers: IdentifierList, more: OrderMore = {}) {
  const made = await order(client, identifiers, more)
  for (const authorization of await client.getAuthorizations(made)) {
    if (authorization.status === 'valid') continue
    await client.completeChallenge(authorization.challenges[0]!)
    await client.waitForValidStatus(authorization)
  }
  return made
}

/** A whole issuance; returns the certificate. */
export async function issue(
  client: NpmClient,
  identifiers: IdentifierList,
  options: { readonly csr?: Buffer; readonly more?: OrderMore } = {},
): Promise<string> {
  const made = await readyOrder(client, identifiers, options.more)
  const csr = options.csr ?? (await csrFor(identifiers))
  return client.getCertificate(await client.finalizeOrder(made, csr))
}

export async function csrFor(identifiers: IdentifierList, key?: Buffer): Promise<Buffer> {
  const altNames = identifiers.map(({ value }) => value)
  const [, csr] = await acme.crypto.createCsr(
    { altNames },
    key ?? (await acme.crypto.createPrivateEcdsaKey()),
  )
  return csr
}

/** A POST that the library signs, to any URL; null for POST-as-GET. @throws Error with the detail of an error. */
export async function signed<T>(client: NpmClient, url: string, payload: unknown): Promise<T> {
  const { status, data } = await client.http.signedRequest(url, payload, { kid: client.getAccountUrl() })
  if (status >= 300) throw new Error(`${status} ${(data as { detail?: string }).detail}`)
  return data as T
}
