/**
 * `node test/soak/inventory-scale/record-transcripts-process.ts`: records real issuances, and one that fails, of four clients
 * through acmetap against Pebble into `transcripts.json`.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Database from 'better-sqlite3'
import type { RecordedExchange, StoredIntent, StoredOutcome } from '../../../src/audit/record-store.ts'
import { startPebble } from '../../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../../src/cli/demo/web-server.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { openSqliteReader } from '../../../src/store/sqlite/open.ts'
import type { SqliteReader } from '../../../src/store/sqlite/sqlite-record-reader.ts'
import type { AcmeClient, Method } from '../../support/peers/client.ts'
import { CLIENTS } from '../../support/peers/clients.ts'
import { serve } from '../../support/serve.ts'
import type { TranscribedExchange, TranscribedFact, Transcript } from './transcript.ts'

const ENVELOPE = [
  'version',
  'stream',
  'sequence',
  'boot',
  'kind',
  'exchange',
  'at',
  'monotonic',
  'personal',
  'previous',
]

async function record(client: AcmeClient, method: Method, issued: boolean): Promise<Transcript> {
  const folder = await mkdtemp(path.join(tmpdir(), 'transcript-'))
  const pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
  const webroot = path.join(folder, 'web')
  const elsewhere = path.join(folder, 'elsewhere')
  for (const each of [webroot, elsewhere])
    await mkdir(path.join(each, '.well-known', 'acme-challenge'), { recursive: true })
  const web = await serveFolder(webroot, pebble.httpPort)
  const acmetap = await serve(folder, {
    letsencrypt: { directory: pebble.directory, trust: pebble.trust, host: 'localhost' },
  })
  const bare = 'h00000.g000.scale.test'
  const name = method === 'dns-01' ? `*.${bare}` : bare
  try {
    const own = path.join(folder, client.name)
    await mkdir(own)
    const done = await client.issue(
      {
        folder: own,
        directory: acmetap.directory('letsencrypt'),
        trust: await acmetap.trust(),
        webroot: issued ? webroot : elsewhere,
        dnsManagement: pebble.dnsManagement,
        dnsServer: pebble.dnsServer,
      },
      { name, method },
    )
    if ((done.code === 0) !== issued)
      throw new Error(`${client.name} ended with ${done.code}:\n${done.output}`)
  } finally {
    await acmetap.stop()
    web.close()
    await pebble.stop()
  }
  const data = path.join(folder, 'data')
  const reader = openSqliteReader(data)
  const database = new Database(databaseFile(data), { readonly: true })
  const kinds = new Map(
    (database.prepare('select digest, kind from personal').all() as { digest: Buffer; kind: string }[]).map(
      ({ digest, kind }) => [digest.toString('hex'), kind],
    ),
  )
  database.close()
  const recorded = (await reader.exchanges({ after: 0 }, 1000)).filter(
    ({ intent, outcome }) => intent.mode === 'relay' && outcome !== null,
  )
  const began = recorded[0]!.intent.at
  const exchanges: TranscribedExchange[] = []
  for (const { id, intent, outcome } of recorded)
    exchanges.push({
      id,
      intent: await transcribed(reader, kinds, id, intent, began),
      outcome: await transcribed(reader, kinds, id, outcome!, began),
    })
  await reader.close()
  await rm(folder, { recursive: true, force: true })
  return { client: client.name, method, issued, name, exchanges }
}

async function transcribed(
  reader: SqliteReader,
  kinds: ReadonlyMap<string, string>,
  id: RecordedExchange['id'],
  fact: StoredIntent | StoredOutcome,
  began: number,
): Promise<TranscribedFact> {
  const content = Object.fromEntries(Object.entries(fact).filter(([member]) => !ENVELOPE.includes(member)))
  const bodyOf = async (digest: string) => (await reader.body(id, digest))!
  const digests: string[] = []
  if ('jws' in fact && fact.jws)
    digests.push(...[fact.jws.protected, fact.jws.payload, fact.jws.signature].filter((one) => one !== null))
  if ('body' in fact && fact.body?.stored) digests.push(fact.body.stored)
  const blobs: { bytes: string; repeats: boolean }[] = []
  for (const digest of new Set(digests)) {
    const bytes = await reader.body(id, digest)
    if (bytes !== null) blobs.push({ bytes: bytes.toString('base64'), repeats: repeatsIn(fact, bytes) })
  }
  const personal: { name: string; kind: string; value: string }[] = []
  for (const [name, digest] of Object.entries(fact.personal)) {
    const kind = kinds.get(digest)!
    personal.push({ name, kind, value: (await bodyOf(digest)).toString('base64') })
  }
  return { after: fact.at - began, content: content as never, blobs, personal }
}

/** As the recorder decides: answers that come again and again, and certificates. */
function repeatsIn(fact: StoredIntent | StoredOutcome, bytes: Buffer): boolean {
  if (!('outcome' in fact)) return false
  return (
    bytes.includes('BEGIN CERTIFICATE') ||
    (fact.order === null && fact.authorization === null && fact.account === null)
  )
}

const transcripts: Transcript[] = []
for (const client of CLIENTS) {
  transcripts.push(await record(client, client.name === 'lego' ? 'dns-01' : 'http-01', true))
  console.error(client.name, transcripts.at(-1)!.exchanges.length)
}
transcripts.push(await record(CLIENTS.find(({ name }) => name === 'certbot')!, 'http-01', false))
transcripts.push(await record(CLIENTS.find(({ name }) => name === 'dehydrated')!, 'http-01', false))
await writeFile(
  path.join(import.meta.dirname, 'transcripts.json'),
  `${JSON.stringify(transcripts, null, 1)}\n`,
)
