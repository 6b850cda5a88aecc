import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import type { Finished } from '../../src/cli/demo/child.ts'
import { manage } from '../../src/cli/demo/pebble.ts'
import { type AcmeClient, baseName, type Surroundings, type Wish } from '../support/peers/client.ts'
import type { RecordView } from '../support/record-view.ts'
import { whatIsWrongInBroker } from './broker-check.ts'
import { keptCertificate, whatInventoryLacks } from './inventory-check.ts'
import { knownLimit, LACKING, remark } from './limits.ts'
import { type Case, type Operation, type Row, rowChallenge, rowOperation } from './row.ts'
import { slug, wishOf } from './wish.ts'
import { ACMETAP_NAME, PORTS, type World } from './world.ts'

let lastAddress = 0

/** An address in the namespace that no other case listens on. */
function ownAddress(): string {
  lastAddress += 1
  return `10.77.1.${lastAddress}`
}

async function surroundingsOf(
  world: World,
  client: AcmeClient,
  one: Case,
  wish: Wish,
  otherwise: Otherwise,
): Promise<Surroundings> {
  await mkdir(path.join(world.folder, 'clients'), { recursive: true })
  const folder = await mkdtemp(path.join(world.folder, 'clients', `${slug(client.name)}-`))
  const { httpPort, tlsPort, dnsManagement, dnsServer, webroot } = world.answers
  const listens = { address: ownAddress(), httpPort, tlsPort }
  if (client.ownHttpServer || wish.method === 'tls-alpn-01')
    await manage(dnsManagement, 'add-a', { host: `${wish.name}.`, addresses: [listens.address] })
  const overTls = one.variant === 'https:// proxy'
  return {
    folder,
    listens,
    dnsManagement,
    dnsServer,
    directory: world.directory(one.mode),
    trust: world.trust(one.mode, overTls),
    webroot,
    hosts: world.hosts(one.mode),
    ...(one.mode === 'intercept'
      ? { proxy: `${overTls ? 'https' : 'http'}://${ACMETAP_NAME}:${PORTS.proxy}` }
      : {}),
    ...(one.variant === 'DNS API by proxy' ? { dnsApi: world.dnsApi } : {}),
    ...otherwise,
  }
}

/** What differs from the mode's own surroundings: another way to acmetap, whom to trust on it, and what to show. */
export type Otherwise = Partial<Pick<Surroundings, 'proxy' | 'hosts' | 'trust' | 'directory' | 'eab'>>

/** Run the operations of a case one after the other; what comes after a failure is not tried. */
export async function* runCase(
  world: World,
  record: RecordView,
  client: AcmeClient,
  one: Case,
  otherwise: Otherwise = {},
): AsyncGenerator<Row> {
  const wish = wishOf(client, one)
  const around = await surroundingsOf(world, client, one, wish, otherwise)
  for (const operation of one.operations) {
    const row = (result: Row['result'], reason: string): Row => ({
      mode: one.mode,
      client: client.name,
      challenge: rowChallenge(one),
      operation: rowOperation(one, operation),
      result,
      reason,
    })
    const run = client[operation]
    if (run === undefined) {
      yield row('cannot', LACKING[client.name]?.[operation] ?? `${client.name} has no way to ${operation}`)
      continue
    }
    // uacme puts a certificate away that it has revoked.
    const before = await keptCertificate(client, around, wish)
    const from = await record.end()
    const done = await run(around, wish).catch(
      (error: Error): Finished => ({ code: -1, output: error.message }),
    )
    const exchanges = (await record.after(from)).filter((each) => isOf(each, client, one))
    const wrong =
      done.code === 0
        ? ((await whatIsWrong(client, one, operation, around, wish, exchanges, await record.after(from))) ??
          (operation === 'rollKey' || operation === 'deactivate'
            ? null
            : await whatInventoryLacks(
                world,
                client,
                one,
                operation,
                operation === 'revoke' ? before : await keptCertificate(client, around, wish),
              )))
        : `it ended with ${done.code} after ${exchanges.length} exchanges`
    if (wrong === null) {
      yield row('ok', [`${exchanges.length} exchanges recorded`, remark(client, one) ?? []].flat().join('; '))
      continue
    }
    const limit = knownLimit(client, one, operation)
    const said = `it said: ${lastWords(done.output)}`
    yield limit !== null && exchanges.length === 0
      ? row('cannot', `${limit}. Tried: acmetap saw no request of it; ${said}`)
      : row('failed', `${wrong}; ${said}`)
    return
  }
}

/** A client's requests carry its name; no client runs two cases of one mode at a time. */
function isOf({ intent }: RecordedExchange, client: AcmeClient, { mode }: Case): boolean {
  const recorded = intent.client.listener === 'sni' ? 'sni' : intent.mode
  return recorded === mode && client.userAgent.test(intent.client.userAgent ?? '')
}

async function whatIsWrong(
  client: AcmeClient,
  one: Case,
  operation: Operation,
  around: Surroundings,
  wish: Wish,
  exchanges: readonly RecordedExchange[],
  everything: readonly RecordedExchange[],
): Promise<string | null> {
  const wanted = (client.names?.(wish) ?? [wish.name]).toSorted()
  const unverified = exchanges.find(
    ({ intent }) => intent.request.method === 'POST' && intent.jws?.verdict !== 'verified',
  )
  if (unverified) return `${unverified.intent.operation} is recorded as ${unverified.intent.jws?.verdict}`
  const open = exchanges.find(({ outcome }) => outcome?.outcome !== 'response')
  if (open) return `${open.intent.operation} is recorded with the outcome ${open.outcome?.outcome ?? 'none'}`
  const good = (name: string) =>
    exchanges.filter((each) => each.intent.operation === name && (each.outcome?.status ?? 0) < 300)
  if (one.broker !== undefined) {
    const wrong = whatIsWrongInBroker(one.broker, operation, exchanges, everything)
    if (wrong !== null) return wrong
  }
  if (operation === 'revoke') return good('revokeCert').length === 1 ? null : 'no revocation is recorded'
  if (operation === 'rollKey') return good('keyChange').length === 1 ? null : 'no key change is recorded'
  if (operation === 'deactivate') return good('account').length > 0 ? null : 'no deactivation is recorded'
  const order = good('newOrder').at(-1)
  if (!order) return 'no newOrder is recorded'
  const ordered = [...new Set(order.intent.identifiers.map(({ value }) => value))].toSorted()
  if (ordered.join() !== wanted.join()) return `the record has the names ${ordered.join(', ')}`
  for (const step of ['finalize', 'certificate']) if (good(step).length === 0) return `no ${step} is recorded`
  const issued = namesIn(await readFile(client.certificate(around, wish), 'utf8'))
  if (issued.join() !== wanted.join()) return `the certificate has the names ${issued.join(', ')}`
  if (one.variant === 'DNS API by proxy') return tunnelled(everything, around, wish)
  return null
}

/** The requests to the DNS API went through the same proxy, as a blind tunnel. */
function tunnelled(everything: readonly RecordedExchange[], around: Surroundings, wish: Wish): string | null {
  const host = new URL(around.dnsApi?.url ?? 'https://nobody').hostname
  const opened = everything.filter(
    ({ intent }) =>
      intent.operation === 'tunnel' && `${intent.request.authority} ${intent.request.target}`.includes(host),
  )
  return opened.length > 0 ? null : `no tunnel to ${host} is recorded for ${baseName(wish)}`
}

function namesIn(pem: string): string[] {
  const certificate = new X509Certificate(pem)
  return [...(certificate.subjectAltName ?? '').matchAll(/DNS:([^,]+)/g)]
    .map(([, name = '']) => name)
    .toSorted()
}

/** The last of what a client said, in one line. */
function lastWords(output: string): string {
  const text = output.trim().replace(/\s+/g, ' ')
  return text.length > 400 ? `… ${text.slice(-400)}` : text || 'nothing'
}
