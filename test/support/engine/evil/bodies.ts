/** What stands in a body, and statuses: whatever the step. */
import type { Answer } from '../../test-ca/answer.ts'
import {
  changed,
  EVERY_STEP,
  type EvilBehaviour,
  type EvilHost,
  type EvilStep,
  edited,
  errandOf,
  type Json,
  withBody,
  withField,
} from './evil-behaviour.ts'

type Change = (answer: Answer, host: EvilHost) => Answer

interface Content {
  readonly name: string
  readonly change: Change
  readonly ends?: EvilBehaviour['ends']
}

const text =
  (of: (honest: string) => string | Buffer): Change =>
  (answer) =>
    withBody(answer, of(answer.body.toString()))
const types =
  (value: unknown): Change =>
  (answer) =>
    edited(answer, (body: Json) => {
      for (const name of Object.keys(body)) body[name] = value
    })

const CONTENTS: readonly Content[] = [
  { name: 'nothing', change: text(() => '') },
  { name: 'half of it', change: text((honest) => honest.slice(0, honest.length / 2)) },
  { name: 'the word null', change: text(() => 'null') },
  { name: 'an empty list', change: text(() => '[]') },
  { name: 'an empty object', change: text(() => '{}') },
  { name: 'a string', change: text(() => '"ok"') },
  { name: 'a number beyond all bounds', change: text(() => '1e99999') },
  { name: 'NaN', change: text(() => '{"status":NaN}') },
  { name: 'an object 10,000 deep', change: text(() => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`) },
  { name: 'a list 100,000 deep', change: text(() => '['.repeat(100_000)) },
  { name: 'a byte order mark', ends: 'either', change: text((honest) => `\ufeff${honest}`) },
  { name: 'UTF-16', change: text((honest) => Buffer.from(honest, 'utf16le')) },
  { name: 'two texts', change: text((honest) => `${honest}${honest}`) },
  { name: 'a comment', change: text((honest) => `/* */${honest}`) },
  { name: 'bytes that are no UTF-8', change: text(() => Buffer.from('{"status":"\xff\xfe"}', 'latin1')) },
  {
    name: 'HTML',
    change: (answer) =>
      withField(withBody(answer, '<html><script>alert(1)</script>'), 'Content-Type', 'text/html'),
  },
  { name: 'HTML that is called JSON', change: text(() => '<html>\x1b[31m</html>') },
  { name: 'numbers for everything', change: types(1) },
  { name: 'null for everything', change: types(null) },
  { name: 'objects for everything', change: types({ toString: 1, length: -1 }) },
  { name: 'lists of lists for everything', change: types([[[]]]) },
  { name: 'lone surrogates for everything', change: types('\ud800') },
  { name: 'escapes for everything', change: types('\u001b[31m\r\nHTTP/1.1 200 OK\u202e\u0000') },
  { name: 'texts of 100 kB for everything', change: types('x'.repeat(100_000)) },
  {
    name: 'a prototype',
    ends: 'either',
    change: text((honest) =>
      honest.replace(
        '{',
        '{"__proto__":{"status":"valid","certificate":"x"},"constructor":{"prototype":{"status":"valid"}},',
      ),
    ),
  },
  {
    name: 'every member twice, the other one first',
    ends: 'either',
    change: text((honest) => {
      const names = Object.keys(JSON.parse(honest) as object)
      return honest.replace(
        '{',
        `{${names.map((name) => `${JSON.stringify(name)}:"https://127.0.0.1/","x":0,`).join('')}`,
      )
    }),
  },
  {
    name: '50,000 members more',
    change: text((honest) =>
      honest.replace('{', `{${Array.from({ length: 50_000 }, (_, n) => `"m${n}":0,`).join('')}`),
    ),
  },
  {
    name: '900 kB of blanks before',
    ends: 'either',
    change: text((honest) => `${' '.repeat(900_000)}${honest}`),
  },
]

/** Those that look at what a body says. */
const READ: readonly EvilStep[] = [
  'directory',
  'newOrder',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'renewalInfo',
]

const contents = CONTENTS.flatMap(({ name, change, ends = 'fails' }, at) =>
  [0, 2, 4, 5].map((by): EvilBehaviour => {
    const step = READ[(at + by) % READ.length]!
    return {
      family: 'bodies',
      name: `${step}: ${name}`,
      errand: errandOf(step),
      wicked: changed(step, change),
      // What finalize or a challenge answers may be read or not: the order says the same.
      ends: (step === 'challenge' || step === 'finalize') && ends === 'fails' ? 'either' : ends,
      ...(ends === 'fails'
        ? { says: /the CA "test-ca" (?:answer|names)|is no ACME directory|no answer of the CA/ }
        : {}),
    }
  }),
)

const STATUSES: readonly { readonly status: number; readonly ends?: EvilBehaviour['ends'] }[] = [
  { status: 204 },
  { status: 205 },
  { status: 206 },
  { status: 299 },
  { status: 304 },
  { status: 399 },
  { status: 401 },
  { status: 407 },
  { status: 418 },
  { status: 451 },
  { status: 500 },
  { status: 503 },
  { status: 511 },
  { status: 599 },
  { status: 999 },
]

const statuses = STATUSES.flatMap(({ status }, at) =>
  [0, 3, 6, 9].map((by): EvilBehaviour => {
    const steps = EVERY_STEP.filter((step) => step !== 'orders')
    const step = steps[(at + by) % steps.length]!
    const isSuccess = status < 300
    return {
      family: 'statuses',
      name: `${step}: ${status}, and a page`,
      errand: errandOf(step),
      wicked: changed(step, (answer) => ({
        ...withField(
          withBody(answer, status === 204 || status === 304 ? '' : '<h1>Hello</h1>'),
          'Content-Type',
          'text/html',
        ),
        status,
      })),
      // RFC 8555 §7.6: what was revoked all the same is alreadyRevoked when it is asked for again.
      ends: isSuccess || (step === 'revokeCert' && status >= 500) ? 'either' : 'fails',
      // What the CA says did not happen is ordered again.
      ...(step === 'newOrder' ? { orders: 2 } : {}),
    }
  }),
)

/** RFC 9110 §15.4: none is followed, wherever it leads. */
const redirects = [301, 302, 303, 307, 308].flatMap((status, at) =>
  [0, 3, 7, 10].map((by): EvilBehaviour => {
    const steps = EVERY_STEP.filter((step) => step !== 'orders')
    const step = steps[(at * 2 + by) % steps.length]!
    const targets = [
      'http://127.0.0.1:TRAP/',
      'https://127.0.0.1:TRAP/',
      '//127.0.0.1:TRAP/',
      'https://[::ffff:127.0.0.1]:TRAP/',
      '/directory',
    ]
    return {
      family: 'redirects',
      name: `${step}: ${status} to ${targets[(at + by) % targets.length]}`,
      errand: errandOf(step),
      wicked: changed(step, (answer, { trap }) => ({
        ...withField(
          withBody(answer, ''),
          'Location',
          targets[(at + by) % targets.length]!.replace('TRAP', String(trap)),
        ),
        status,
      })),
      ends: 'fails',
      says: /with a redirect \(HTTP 30\d\), which is not followed/,
      ...(step === 'newOrder' ? { orders: 2 } : {}),
    }
  }),
)

export const BODIES: readonly EvilBehaviour[] = [...contents, ...statuses, ...redirects]
