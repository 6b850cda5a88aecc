/** Problem documents, nonces, fields, and what CAs say beside orders. */
import type { Operation } from '../../../../src/acme/operation.ts'
import { problemUrn } from '../../../../src/acme/problem-types.ts'
import {
  changed,
  type EvilBehaviour,
  type EvilStep,
  edited,
  errandOf,
  type Json,
  member,
  ORDER_STEPS,
  withField,
} from './evil-behaviour.ts'

const PROBLEM = 'application/problem+json'

function refusal(
  name: string,
  step: EvilStep,
  document: unknown,
  more: Partial<EvilBehaviour> & { status?: number; retryAfter?: string } = {},
): EvilBehaviour {
  const { status = 400, retryAfter, ...rest } = more
  const fields = [
    ['Content-Type', PROBLEM] as const,
    ...(retryAfter === undefined ? [] : [['Retry-After', retryAfter] as const]),
  ]
  return {
    family: 'refusals',
    name: `${step}: ${name}`,
    errand: errandOf(step),
    wicked: ({ ca }) =>
      void ca.script(
        { operation: step as Operation },
        {
          kind: 'answer',
          status,
          fields,
          body: typeof document === 'string' ? document : JSON.stringify(document),
        },
      ),
    ends: 'fails',
    says: /CA "test-ca"/,
    orders: 2,
    ...rest,
  }
}

const ESCAPES = '\u001b[31mred\u001b]0;title\u0007\r\nSecond line\u2028third\u202ekcab\u0000\u009b2J'
const type = (name: Parameters<typeof problemUrn>[0]) => problemUrn(name)

const DOCUMENTS: readonly EvilBehaviour[] = [
  ...(
    [
      'directory',
      'newAccount',
      'newOrder',
      'authorization',
      'challenge',
      'finalize',
      'certificate',
      'keyChange',
      'revokeCert',
    ] as const
  ).map((step) =>
    refusal(
      'a detail of escapes',
      step,
      { type: type('malformed'), detail: ESCAPES },
      { says: /red.*Second line.*third/ },
    ),
  ),
  refusal(
    'a detail of 8 MB',
    'newOrder',
    { type: type('malformed'), detail: 'x'.repeat(8_000_000) },
    { says: /no answer of the CA/ },
  ),
  refusal(
    'a detail of 900 kB',
    'finalize',
    { type: type('malformed'), detail: 'x'.repeat(900_000) },
    { says: /x{100}…/ },
  ),
  refusal('a hostile type', 'newOrder', { type: `urn:ietf:params:acme:error:${ESCAPES}`, detail: 'no' }),
  refusal('a type of 1 kB', 'finalize', { type: 'x'.repeat(1000), detail: 'no' }),
  refusal('a type that is javascript', 'newAccount', { type: 'javascript:alert(1)', detail: '<script>' }),
  refusal('a type of __proto__', 'newOrder', { type: '__proto__', detail: 'constructor' }),
  refusal(
    'a type that is no text',
    'authorization',
    { type: { a: 1 }, detail: 5 },
    { says: /no problem document/ },
  ),
  refusal('subproblems without an end', 'newOrder', {
    type: type('compound'),
    detail: 'all',
    subproblems: Array.from({ length: 3000 }, (_, n) => ({
      type: type('caa'),
      detail: ESCAPES,
      identifier: { type: 'dns', value: `n${n}\u001b[0m` },
    })),
  }),
  refusal('subproblems in subproblems', 'finalize', {
    type: type('compound'),
    detail: 'all',
    subproblems: [{ subproblems: [{ subproblems: [{}] }] }],
  }),
  refusal('an instance that leads inward', 'newOrder', {
    type: type('userActionRequired'),
    detail: 'read',
    instance: 'http://127.0.0.1/',
  }),
  refusal(
    'accountDoesNotExist for ever',
    'newOrder',
    { type: type('accountDoesNotExist'), detail: 'who?' },
    { attempts: 2 },
  ),
  refusal(
    'accountDoesNotExist for ever, and no account by its key',
    'order',
    { type: type('accountDoesNotExist'), detail: 'who?' },
    {
      loses: 'account',
      wicked: ({ ca }) => {
        for (const operation of ['newOrder', 'order', 'authorization'] as const)
          ca.script({ operation }, { kind: 'problem', type: 'accountDoesNotExist', status: 400 })
        ca.script(
          { operation: 'newAccount', nth: (n) => n > 1 },
          { kind: 'problem', type: 'accountDoesNotExist', status: 400 },
        )
      },
      says: /does not exist there any more/,
      orders: 3,
    },
  ),
  refusal(
    'unauthorized for ever',
    'order',
    { type: type('unauthorized'), detail: 'not you' },
    { status: 403 },
  ),
  refusal(
    'externalAccountRequired',
    'newAccount',
    { type: type('externalAccountRequired'), detail: 'pay' },
    { status: 403 },
  ),
  refusal(
    'rateLimited for a year',
    'newOrder',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: '31536000' },
  ),
  refusal(
    'rateLimited until 9999',
    'finalize',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: 'Fri, 31 Dec 9999 23:59:59 GMT' },
  ),
  refusal(
    'rateLimited until 1970',
    'certificate',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: 'Thu, 01 Jan 1970 00:00:00 GMT' },
  ),
  refusal(
    'rateLimited for -5 seconds',
    'order',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: '-5' },
  ),
  refusal(
    'rateLimited for NaN',
    'authorization',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: 'NaN' },
  ),
  refusal(
    'rateLimited for 0 seconds',
    'order',
    { type: type('rateLimited'), detail: 'too many' },
    { status: 429, retryAfter: '0' },
  ),
  refusal(
    '503 for a year',
    'directory',
    { type: type('serverInternal'), detail: 'maintenance' },
    { status: 503, retryAfter: '31536000' },
  ),
  refusal(
    '503 for two hours of dates',
    'newNonce',
    { type: type('serverInternal'), detail: 'maintenance' },
    { status: 503, retryAfter: 'Sun Nov 31 99:99:99 2026' },
  ),
  refusal('500 for ever', 'certificate', { type: type('serverInternal'), detail: 'oh' }, { status: 500 }),
  refusal('500 for ever', 'keyChange', { type: type('serverInternal'), detail: 'oh' }, { status: 500 }),
  refusal('500 for ever', 'revokeCert', { type: type('serverInternal'), detail: 'oh' }, { status: 500 }),
  refusal(
    'alreadyRevoked, with 200',
    'revokeCert',
    { type: type('alreadyRevoked'), detail: 'gone' },
    { status: 200, ends: 'done', says: /./ },
  ),
  refusal('a problem with 200', 'newOrder', { type: type('malformed'), detail: 'no' }, { status: 200 }),
  refusal(
    'a problem with 200',
    'order',
    { type: type('malformed'), detail: 'no' },
    { status: 200, says: /no order/ },
  ),
]

/** RFC 9773 §5. */
const REPLACES: readonly EvilBehaviour[] = (
  [
    ['alreadyReplaced for ever', 409, 'alreadyReplaced'],
    ['malformed about replaces for ever', 400, 'malformed'],
    ['a conflict about replaces for ever', 409, 'conflict'],
  ] as const
).map(([name, status, kind]) => ({
  family: 'refusals',
  name: `newOrder: ${name}`,
  errand: 'replaces',
  wicked: ({ ca }) =>
    void ca.script(
      { operation: 'newOrder' },
      {
        kind: 'answer',
        status,
        fields: [['Content-Type', PROBLEM]],
        body: JSON.stringify({
          type: `urn:ietf:params:acme:error:${kind}`,
          detail: 'this certificate is replaced',
        }),
      },
    ),
  ends: 'fails',
  says: /refused newOrder: this certificate is replaced/,
}))

const BAD_NONCE = [
  'newAccount',
  'newOrder',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
  'keyChange',
  'revokeCert',
] as const
const NONCES: readonly EvilBehaviour[] = [
  ...BAD_NONCE.map(
    (step): EvilBehaviour => ({
      ...refusal(
        'badNonce for ever',
        step,
        { type: type('badNonce'), detail: 'stale' },
        { says: /refused .*stale \(badNonce\)/ },
      ),
      family: 'nonces',
    }),
  ),
  ...(
    [
      ['the same nonce again and again', 'AAAAAAAAAAAAAAAAAAAAAA', 'either'],
      ['no nonce', null, 'done'],
      ['an empty nonce', '', 'done'],
      ['a nonce of 8 kB', 'x'.repeat(8000), 'done'],
      ['a nonce with blanks', 'a b c', 'done'],
      ['a nonce in base64', 'ab+/==', 'done'],
      ['a nonce of a script', '<script>alert(1)</script>', 'done'],
    ] as const
  ).flatMap(([name, value, ends]) =>
    (['newOrder', 'authorization', 'order'] as const).map(
      (step): EvilBehaviour => ({
        family: 'nonces',
        name: `${step}: ${name}`,
        errand: 'obtain',
        wicked: ({ ca }) => void ca.script({ operation: step }, { kind: 'nonce', value }),
        ends,
      }),
    ),
  ),
  ...([null, '', 'a b', 'x'.repeat(8000), '../../', 'same-same-same-same-aaa'] as const).map(
    (value): EvilBehaviour => ({
      family: 'nonces',
      name: `everywhere: ${JSON.stringify(value).slice(0, 30)}`,
      errand: 'obtain',
      wicked: ({ ca }) => {
        for (const operation of ORDER_STEPS) ca.script({ operation }, { kind: 'nonce', value })
      },
      ends: 'fails',
      says: /no usable Replay-Nonce|badNonce/,
    }),
  ),
  {
    family: 'nonces',
    name: 'newNonce: 1 MB with line ends',
    errand: 'obtain',
    wicked: ({ ca }) =>
      void ca.script(
        { operation: 'newNonce' },
        {
          kind: 'wire',
          write: (socket) =>
            void socket.end(`HTTP/1.1 204 No\r\nReplay-Nonce: ${'x'.repeat(1_000_000)}\r\n\r\n`),
        },
      ),
    ends: 'fails',
    says: /no answer of the CA "test-ca" to newNonce/,
  },
  {
    family: 'nonces',
    name: 'newNonce: a page',
    errand: 'obtain',
    wicked: ({ ca }) =>
      void ca.script({ operation: 'newNonce' }, { kind: 'answer', status: 200, body: '<html>' }),
    ends: 'fails',
    says: /no usable Replay-Nonce/,
  },
]

/** Fields beside the body. */
const FIELDS: readonly EvilBehaviour[] = (
  [
    ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ['Date', 'Fri, 31 Dec 9999 23:59:59 GMT'],
    ['Date', 'yesterday'],
    ['Cache-Control', 'max-age=99999999999999999999'],
    ['Cache-Control', 'no-store, max-age=0'],
    ['Link', '<https://127.0.0.1/>;rel="index"'],
    ['Strict-Transport-Security', 'max-age=0'],
    ['Alt-Svc', 'h3="127.0.0.1:443"; ma=9999999'],
    ['Refresh', '0; url=https://127.0.0.1/'],
    ['Content-Location', 'https://127.0.0.1/'],
    ['Connection', 'Replay-Nonce, Location, Content-Type'],
    ['Content-Type', 'application/json; charset=utf-7'],
  ] as const
).map(([field, value], at) => {
  const step = (['directory', 'newOrder', 'order', 'finalize'] as const)[at % 4]!
  return {
    family: 'fields',
    name: `${step}: ${field}: ${value.slice(0, 40)}`,
    errand: 'obtain',
    wicked: ({ ca }) => void ca.script({ operation: step }, { kind: 'field', name: field, value }),
    ends: field === 'Connection' ? 'either' : 'done',
    ...(field === 'Connection' ? { orders: 2 } : {}),
  }
})

const DAY = 86_400_000
const window = (start: unknown, end: unknown): EvilBehaviour['wicked'] =>
  member('renewalInfo', 'suggestedWindow', { start, end })
const later = (days: number) => new Date(Date.now() + days * DAY).toISOString()

function info(
  name: string,
  wicked: EvilBehaviour['wicked'],
  ends: EvilBehaviour['ends'] = 'fails',
): EvilBehaviour {
  return {
    family: 'renewal information',
    name,
    errand: 'renewalInfo',
    wicked,
    ends,
    ...(ends === 'fails' ? { says: /no window of time/, fault: 'protocol' as const } : {}),
  }
}

const RENEWALS: readonly EvilBehaviour[] = [
  info('ends before it begins', window(later(10), later(5))),
  info('of no length', window(later(10), later(10).slice(0))),
  info('of a thousand years', window('1500-01-01T00:00:00Z', '2999-01-01T00:00:00Z'), 'done'),
  info('beyond the year 9999', window('+010000-01-01T00:00:00Z', '+020000-01-01T00:00:00Z')),
  info('in numbers', window(0, 1e18)),
  info('in words', window('tomorrow', 'later')),
  info('on the 31st of February', window('2027-02-31T99:99:99Z', '2027-03-01T00:00:00Z')),
  info('as a list', member('renewalInfo', 'suggestedWindow', [later(1), later(2)])),
  info('explained by javascript', member('renewalInfo', 'explanationURL', 'javascript:alert(1)'), 'done'),
  info('explained by escapes', member('renewalInfo', 'explanationURL', `https://x/${ESCAPES}`), 'done'),
  info(
    'to be asked again in a year',
    changed('renewalInfo', (answer) => withField(answer, 'Retry-After', '31536000')),
    'done',
  ),
  info(
    'to be asked again at once',
    changed('renewalInfo', (answer) => withField(answer, 'Retry-After', '0')),
    'done',
  ),
  info(
    'to be asked again in -1 seconds',
    changed('renewalInfo', (answer) => withField(answer, 'Retry-After', '-1')),
    'done',
  ),
]

const meta = (values: Json) =>
  changed('directory', (answer) => edited(answer, (body) => void Object.assign(body.meta, values)))

function directory(
  name: string,
  wicked: EvilBehaviour['wicked'],
  says: RegExp,
  more: Partial<EvilBehaviour> = {},
): EvilBehaviour {
  return { family: 'directories', name, errand: 'obtain', wicked, ends: 'fails', says, ...more }
}

const DIRECTORIES: readonly EvilBehaviour[] = [
  directory(
    'terms that are javascript',
    meta({ termsOfService: 'javascript:alert(1)//\u001b[31m\n' }),
    /wants you to agree to its terms/,
    { request: { agreeTerms: false } },
  ),
  directory(
    'terms of 2 kB',
    meta({ termsOfService: `https://x/${'y'.repeat(2000)}` }),
    /wants you to agree to its terms/,
    { request: { agreeTerms: false } },
  ),
  directory(
    'an external account is required',
    meta({ externalAccountRequired: true }),
    /takes accounts of its customers only/,
  ),
  directory(
    'hostile names of profiles',
    meta({ profiles: { [`\u001b[31m${'x'.repeat(200)}\n`]: 'a', __proto__: 'b', '': 'c' } }),
    /has no profile "none"/,
    { request: { profile: 'none' }, isFinal: true },
  ),
  directory(
    '5,000 profiles',
    meta({
      profiles: Object.fromEntries(
        Array.from({ length: 2000 }, (_, n) => [`profile-${n}-${'x'.repeat(100)}`, 'text']),
      ),
    }),
    /has no profile "none"/,
    { request: { profile: 'none' }, isFinal: true },
  ),
  directory('profiles that are a list', meta({ profiles: ['none'] }), /has no profile "none"/, {
    request: { profile: 'none' },
    isFinal: true,
  }),
  directory(
    'no newNonce',
    changed('directory', (answer) => edited(answer, (body) => void delete body.newNonce)),
    /has no newNonce/,
  ),
  directory(
    'one URL for everything',
    changed('directory', (answer, { origin }) =>
      edited(answer, (body) => {
        for (const name of ['newNonce', 'newAccount', 'newOrder']) body[name] = `${origin}/directory`
      }),
    ),
    /CA "test-ca"/,
  ),
  directory(
    'newAccount that is newOrder',
    changed('directory', (answer, { origin }) =>
      edited(answer, (body) => {
        body.newAccount = `${origin}/new-order`
      }),
    ),
    /CA "test-ca"/,
  ),
]

const ACCOUNTS: readonly EvilBehaviour[] = [
  directory(
    'account: no Location',
    changed('newAccount', (answer) => withField(answer, 'Location', null)),
    /URL of the account \(no Location\)/,
  ),
  directory(
    'account: deactivated at once',
    member('newAccount', 'status', 'deactivated'),
    /was deactivated/,
    { loses: 'account' },
  ),
  directory('account: a status that is none', member('newAccount', 'status', 'golden'), /no account/),
  directory(
    'account: another URL',
    changed('newAccount', (answer, { origin }) => withField(answer, 'Location', `${origin}/account/none`)),
    /CA "test-ca"|acmetap/,
    { loses: 'account', orders: 2 },
  ),
  directory(
    'account: the URL of newOrder',
    changed('newAccount', (answer, { origin }) => withField(answer, 'Location', `${origin}/new-order`)),
    /CA "test-ca"|acmetap/,
    { loses: 'account', orders: 2 },
  ),
]

/** RFC 8555 §7.1.2.1, looked at after an answer to newOrder was lost: none of it costs more than an order. */
function list(name: string, wicked: EvilBehaviour['wicked']): EvilBehaviour {
  return { family: 'orders lists', name, errand: 'unanswered', wicked, ends: 'done', orders: 2 }
}

const LISTS: readonly EvilBehaviour[] = [
  list(
    'leads to itself',
    changed('orders', (answer, { origin }) =>
      withField(answer, 'Link', `<${origin}/account/x/orders>;rel="next"`),
    ),
  ),
  list('goes on without an end', ({ ca }) => {
    let page = 0
    ca.script(
      { operation: 'orders' },
      {
        kind: 'rewrite',
        change: (answer) =>
          answer.status < 300
            ? withField(
                edited(answer, () => ({ orders: [] })),
                'Link',
                `<?from=${++page}>;rel="next"`,
              )
            : answer,
      },
    )
  }),
  list(
    'goes on elsewhere',
    changed('orders', (answer, { trap }) =>
      withField(answer, 'Link', `<https://127.0.0.1:${trap}/>;rel="next"`),
    ),
  ),
  list(
    'names 1,000 orders that are not there',
    changed('orders', (answer, { origin }) =>
      edited(answer, () => ({ orders: Array.from({ length: 1000 }, (_, n) => `${origin}/order/none${n}`) })),
    ),
  ),
  list(
    'names one order 1,000 times',
    changed('orders', (answer) => edited(answer, (body) => ({ orders: Array(1000).fill(body.orders[0]) }))),
  ),
  list(
    'names the directory',
    changed('orders', (answer, { origin }) => edited(answer, () => ({ orders: [`${origin}/directory`] }))),
  ),
  list(
    'names numbers',
    changed('orders', (answer) => edited(answer, () => ({ orders: [1, null, {}, []] }))),
  ),
]

const KEYS: readonly EvilBehaviour[] = [
  {
    family: 'accounts',
    name: 'keyChange: says yes, and did not',
    errand: 'keyChange',
    wicked: ({ ca }) => void ca.script({ operation: 'keyChange' }, { kind: 'answer', status: 200 }),
    ends: 'fails',
    says: /does not know it by that: the one it had goes on/,
    fault: 'protocol',
  },
  {
    family: 'accounts',
    name: 'keyChange: says no, and did',
    errand: 'keyChange',
    wicked: changed('keyChange', (answer) => ({ ...answer, status: 500, body: Buffer.from('oh') })),
    ends: 'fails',
    says: /answered keyChange with HTTP 500/,
  },
  {
    family: 'accounts',
    name: 'keyChange: not offered',
    errand: 'keyChange',
    wicked: ({ ca }) => void ca.script({ operation: 'keyChange' }, { kind: 'answer', status: 404 }),
    ends: 'fails',
    says: /answered keyChange with HTTP 404/,
  },
  {
    family: 'accounts',
    name: 'account: says it is deactivated',
    errand: 'contact',
    wicked: member('account', 'status', 'deactivated'),
    ends: 'either',
    loses: 'account',
  },
  {
    family: 'accounts',
    name: 'account: another account',
    errand: 'contact',
    wicked: changed('account', (answer, { origin }) =>
      withField(answer, 'Location', `${origin}/account/none`),
    ),
    ends: 'done',
  },
  {
    family: 'accounts',
    name: 'account: contacts of escapes',
    errand: 'contact',
    wicked: member('account', 'contact', [ESCAPES]),
    ends: 'done',
  },
  {
    family: 'accounts',
    name: 'account: orders elsewhere',
    errand: 'contact',
    wicked: member('account', 'orders', 'https://127.0.0.1/'),
    ends: 'done',
  },
]

export const REFUSALS: readonly EvilBehaviour[] = [
  ...DOCUMENTS,
  ...REPLACES,
  ...NONCES,
  ...FIELDS,
  ...RENEWALS,
  ...DIRECTORIES,
  ...ACCOUNTS,
  ...LISTS,
  ...KEYS,
]
