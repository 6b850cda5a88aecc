/** What clients show when a policy denies, and that docs/policy-clients.md says what they show. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CaptureWorld,
  SITUATIONS,
  type Situation,
  startCaptureWorld,
  tellingLines,
} from '../policy-matrix/captures.ts'
import { PROGRAMS, type ProgramName } from '../policy-matrix/programs.ts'
import { reasonWithout } from '../support/missing.ts'

const PAGE = path.join(import.meta.dirname, '..', '..', 'docs', 'policy-clients.md')
/** Every client in every situation, where time does not matter; else each in one. */
const ALL = process.env.ACMETAP_ALL_CLIENTS === '1'

const USUAL: Readonly<Record<ProgramName, Situation>> = {
  certbot: 'newOrder, one name of three',
  lego: 'finalize',
  dehydrated: 'newAccount',
  uacme: 'newOrder, one name of three',
  'acme-tiny': 'newOrder, one name of three',
  'python3-acme': 'newOrder, one name of three',
  caddy: 'newOrder, one name',
}
const CLIENTS = Object.keys(USUAL) as ProgramName[]

const reason = await reasonWithout('pebble', 'pebble-challtestsrv')
let page: string
let world: CaptureWorld

beforeAll(async () => {
  if (reason !== null) return
  page = await readFile(PAGE, 'utf8')
  world = await startCaptureWorld()
})

afterAll(() => world?.close())

/** Caddy orders each name by itself. */
function situationsOf(client: ProgramName): Situation[] {
  if (!ALL) return [USUAL[client]]
  const all = Object.keys(SITUATIONS) as Situation[]
  return client === 'caddy' ? all.filter((one) => one !== 'newOrder, one name of three') : all
}

describe.concurrent('the reason of a denial can be read', () => {
  test.each(
    CLIENTS.flatMap((client) => situationsOf(client).map((situation) => [client, situation] as const)),
  )(
    '%s, %s',
    async (client, situation) => {
      const why = reason ?? (await PROGRAMS[client].peer.missing())
      if (why !== null) return console.warn(why)
      const { printed, logged } = await world.capture(client, situation)
      const lines = tellingLines(logged ?? printed)
      const text = lines.join('\n')
      for (const readable of SITUATIONS[situation].readable) expect(text, printed).toContain(readable)
      expect(
        lines.filter((line) => page.includes(line)),
        text,
      ).not.toEqual([])
      if (client === 'certbot') {
        expect(printed).toContain('See the logfile /var/log/letsencrypt/letsencrypt.log')
        // Where this fails, certbot's own bug is gone, and the page may say so.
        if (situation !== 'newAccount') expect(printed).toContain("AttributeError: can't set attribute")
      }
    },
    180_000,
  )
})
