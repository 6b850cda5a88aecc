import { serveBroker } from '../support/broker/served-broker.ts'
import {
  ErrorLane,
  type Seen,
  STEPS,
  TELLERS,
  type ToldError,
  toldErrors,
} from '../support/broker/told-errors.ts'
import { makeRoot } from '../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import type { Soak, SoakOptions } from './soak.ts'

const LANES = 3

export const brokerErrors: Soak = {
  proves:
    "each of Boulder's problem texts reaches certbot's and lego's terminal through the broker: type, detail, subproblems; Retry-After and Link the wire",
  unit: 'texts',
  size: 1000,
  async run(options) {
    const cas: TestCa[] = []
    const root = makeRoot('Test CA TLS Root')
    try {
      for (let lane = 0; lane < LANES; lane++) cas.push(await startTestCa({ root }))
      return await soak(cas, options)
    } finally {
      for (const ca of cas) await ca.close()
    }
  },
}

async function soak(cas: readonly TestCa[], { size, progress }: SoakOptions) {
  const errors = toldErrors(size)
  const lanes = cas.map((ca, lane) => ({
    ca,
    endpoint: `lane${lane}`,
    errors: errors.filter((_, place) => place % LANES === lane),
  }))
  const alone = (all: readonly ToldError[]) =>
    all.flatMap(({ ca, name }) => (ca === null ? [] : [{ ca, name }]))
  const server = await serveBroker({
    ca: cas[0]!,
    cas: Object.fromEntries(
      lanes.flatMap(({ ca, endpoint, errors: its }) => [
        [`${endpoint}-ca`, { directory: ca.directory }],
        ...alone(its).map((one) => [one.ca, { directory: ca.directory }]),
      ]),
    ),
    endpoints: lanes.map(({ endpoint, errors: its }) => ({
      name: endpoint,
      cas: [`${endpoint}-ca`],
      proof: 'policy',
      routes: alone(its).map(({ ca, name }) => ({ names: [name, `.${name}`], cas: [ca] })),
    })),
  })
  const rows: { readonly error: ToldError; readonly seen: Seen }[] = []
  try {
    const eab = await server.eab({ label: 'team-a', names: ['.test'] })
    await Promise.all(
      lanes.map(async ({ ca, endpoint, errors: its }) => {
        const lane = new ErrorLane(server, ca, endpoint, eab)
        for (const error of its) {
          rows.push({ error, seen: await lane.tell(error) })
          if (rows.length % 20 === 0) progress(`${rows.length} of ${errors.length}`)
        }
      }),
    )
  } finally {
    await server.close()
  }
  return { figures: tableOf(rows), failures: rows.flatMap(faultsOf).slice(0, 60), late: [] }
}

function tableOf(rows: readonly { readonly error: ToldError; readonly seen: Seen }[]) {
  const table: Record<string, string> = {}
  for (const teller of TELLERS)
    for (const step of STEPS) {
      const of = rows
        .filter(({ error }) => error.teller === teller && error.step === step)
        .map(({ seen }) => seen)
      if (of.length === 0) continue
      const share = (what: string, where: (seen: Seen) => boolean | null) => {
        const asked = of.map(where).filter((value) => value !== null)
        return asked.length === 0 ? [] : [`${what} ${asked.filter(Boolean).length} of ${asked.length}`]
      }
      table[`${teller}, ${step}`] = [
        ...share('detail', ({ detail }) => detail === 'terminal'),
        ...share('in its log alone', ({ detail }) => (detail === 'log' ? true : null)),
        ...share('type', ({ type }) => type),
        ...share('subproblems', ({ subproblems }) => subproblems),
        ...share('fields', ({ fields }) => fields),
      ].join(', ')
    }
  return table
}

function faultsOf({ error, seen }: { readonly error: ToldError; readonly seen: Seen }): readonly string[] {
  const missing = [
    ...(seen.detail === 'no' ? ['detail'] : []),
    ...(seen.type ? [] : ['type']),
    ...(seen.subproblems === false ? ['subproblems'] : []),
    ...(seen.fields === false ? ['Retry-After or Link'] : []),
  ]
  if (missing.length === 0) return []
  const { teller, step, text } = error
  const got = seen.output.replaceAll(/\s+/g, ' ').slice(-900)
  return [
    `${teller}, ${step}, ${text.type} ${JSON.stringify(text.detail)}: no ${missing.join(', no ')}: ${got}`,
  ]
}
