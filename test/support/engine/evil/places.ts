/** URLs that lead elsewhere, wherever a CA names one. */
import {
  changed,
  type EvilBehaviour,
  type EvilHost,
  type EvilStep,
  edited,
  errandOf,
  type Json,
  withField,
} from './evil-behaviour.ts'

/** `HOST` is the CA's own with its port, `TRAP` a port where somebody listens. */
const SPELLINGS = [
  'https://127.0.0.1:TRAP/x',
  'http://127.0.0.1:TRAP/x',
  'http://HOST/x',
  'https://localhost:TRAP/x',
  'https://HOST@127.0.0.1:TRAP/x',
  'https://user:password@HOST/x',
  'https://[::1]:TRAP/x',
  'https://[::ffff:127.0.0.1]:TRAP/x',
  'https://[0:0:0:0:0:ffff:7f00:1]:TRAP/x',
  'https://2130706433:TRAP/x',
  'https://0x7f.1:TRAP/x',
  'https://0177.0.0.1:TRAP/x',
  'https://localhost.:TRAP/x',
  'https://HOST.evil.test/x',
  'https://evil.test/x',
  'https://evil.test:443#@HOST/x',
  'https://evil.test\\@HOST/x',
  'https://169.254.169.254/latest/meta-data/',
  'HTTPS://evil.test/x',
  'https:evil.test/x',
  'https:///evil.test/x',
  '//127.0.0.1:TRAP/x',
  'file:///etc/passwd',
  'data:application/json,{}',
  'javascript:alert(1)',
  'ftp://127.0.0.1:TRAP/x',
  'gopher://127.0.0.1:TRAP/_x',
  'ldap://127.0.0.1:TRAP/x',
  'unix:/var/run/docker.sock',
  'https://HOST/x y',
  'https://HOST/x\r\nHost: evil.test',
  'https://HOST/\u0000',
  'https://HOST/é',
  'https://HOST',
  'https://HOST:443/x',
  `https://HOST/${'x'.repeat(3000)}`,
  '../../etc/passwd',
  '\u001b]8;;https://evil.test\u0007click',
] as const

type Place = readonly [step: EvilStep, put: (body: Json, url: string) => void]

const MEMBERS: readonly Place[] = [
  [
    'directory',
    (body, url) => {
      body.newNonce = url
    },
  ],
  [
    'directory',
    (body, url) => {
      body.newAccount = url
    },
  ],
  [
    'directory',
    (body, url) => {
      body.newOrder = url
    },
  ],
  [
    'newOrder',
    (body, url) => {
      body.authorizations = [url]
    },
  ],
  [
    'authorization',
    (body, url) =>
      body.challenges.forEach((each: Json) => {
        each.url = url
      }),
  ],
  [
    'order',
    (body, url) => {
      body.finalize = url
    },
  ],
  [
    'finalize',
    (body, url) => {
      body.certificate = url
    },
  ],
]

const FIELDS: readonly EvilStep[] = ['newAccount', 'newOrder']

function spelled(spelling: string, { ca, trap }: EvilHost): string {
  return spelling.replaceAll('HOST', ca.authority).replaceAll('TRAP', String(trap))
}

const SAYS =
  /that does not lead to https:\/\/localhost:\d+\/, so it is not followed|has no new|is no |without finalize|no certificate|refused order: Not found/

const inMembers = SPELLINGS.flatMap((spelling, at) =>
  [0, 2, 5].map((by): EvilBehaviour => {
    const [step, put] = MEMBERS[(at + by) % MEMBERS.length]!
    return {
      family: 'places',
      name: `${step} names ${JSON.stringify(spelling.slice(0, 60))} (${(at + by) % MEMBERS.length})`,
      errand: errandOf(step),
      wicked: changed(step, (answer, host) => edited(answer, (body) => put(body, spelled(spelling, host)))),
      // A URL that is dropped for its length leaves an order that says less.
      ends: spelling.length > 2048 ? 'either' : 'fails',
      says: SAYS,
    }
  }),
)

/** Fields can't hold what no field may hold. */
const inFields = SPELLINGS.filter(
  (spelling) => /^[\x21-\x7e]+$/.test(spelling) && !spelling.startsWith('..'),
).flatMap((spelling, at): EvilBehaviour[] => {
  const step = FIELDS[at % FIELDS.length]!
  return [
    {
      family: 'places',
      name: `${step}: Location: ${spelling.slice(0, 60)}`,
      errand: errandOf(step),
      wicked: changed(step, (answer, host) => withField(answer, 'Location', spelled(spelling, host))),
      ends: 'fails',
      says: SAYS,
      // Where the order is, nobody knows any more.
      ...(step === 'newOrder' ? { orders: 2 } : {}),
    },
  ]
})

const beside = SPELLINGS.filter((_, at) => at % 3 === 0).flatMap((spelling, at): EvilBehaviour[] => {
  const cases: EvilBehaviour[] = [
    {
      family: 'places',
      name: `renewalInfo at ${JSON.stringify(spelling.slice(0, 60))}`,
      errand: 'renewalInfo',
      wicked: (host) => {
        const url = spelled(spelling, host)
        changed('directory', (answer) =>
          edited(answer, (body) => {
            body.renewalInfo = url
          }),
        )(host)
        changed('renewalInfo', (answer) =>
          edited(answer, (body) => {
            body.explanationURL = url
          }),
        )(host)
      },
      ends: 'either',
    },
    {
      family: 'places',
      name: `orders list with ${JSON.stringify(spelling.slice(0, 60))}`,
      errand: 'unanswered',
      wicked: changed('orders', (answer, host) =>
        edited(answer, () => ({ orders: [spelled(spelling, host)] })),
      ),
      ends: 'done',
      orders: 2,
    },
  ]
  return [cases[at % 2]!]
})

export const PLACES: readonly EvilBehaviour[] = [...inMembers, ...inFields, ...beside]
