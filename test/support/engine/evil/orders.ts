/** Orders, authorizations and challenges that are formed well and say what none should. */

import type { Operation } from '../../../../src/acme/operation.ts'
import { changed, type EvilBehaviour, edited, type Json, member, withField } from './evil-behaviour.ts'

function evil(
  name: string,
  wicked: EvilBehaviour['wicked'],
  says: RegExp,
  more: Partial<EvilBehaviour> = {},
): EvilBehaviour {
  return { family: 'orders', name, errand: 'obtain', wicked, ends: 'fails', says, ...more }
}

/** In every answer that shows an order. */
function everyOrder(
  change: (body: Json, nth: number, origin: string, step: Operation) => void,
): EvilBehaviour['wicked'] {
  return (host) => {
    for (const step of ['newOrder', 'order', 'finalize'] as const)
      changed(step, (answer, { origin }, nth) => edited(answer, (body) => change(body, nth, origin, step)))(
        host,
      )
  }
}

const LONG = /it takes too long, and is looked at again later/
const other = { type: 'dns', value: 'other.example.org' }

const ENDLESS: readonly EvilBehaviour[] = [
  evil(
    'is processing for ever',
    everyOrder((body) => {
      body.status = 'processing'
    }),
    LONG,
  ),
  evil(
    'is pending for ever',
    everyOrder((body) => {
      body.status = 'pending'
    }),
    LONG,
  ),
  evil(
    'is pending for ever, and says to come back at once',
    (host) => {
      for (const step of ['newOrder', 'order'] as const)
        changed(step, (answer) =>
          withField(
            edited(answer, (body) => {
              body.status = 'pending'
            }),
            'Retry-After',
            '0',
          ),
        )(host)
    },
    LONG,
  ),
  evil(
    'is processing after finalize for ever',
    (host) => {
      changed('finalize', (answer) =>
        edited(answer, (body) => {
          body.status = 'processing'
          delete body.certificate
        }),
      )(host)
      changed('order', (answer) =>
        edited(answer, (body) => {
          if (body.status === 'valid') {
            body.status = 'processing'
            delete body.certificate
          }
        }),
      )(host)
    },
    LONG,
  ),
  evil(
    'is ready after finalize for ever',
    (host) => {
      for (const step of ['finalize', 'order'] as const)
        changed(step, (answer) =>
          edited(answer, (body) => {
            if (body.status === 'valid') {
              body.status = 'ready'
              delete body.certificate
            }
          }),
        )(host)
    },
    LONG,
  ),
  evil(
    'is pending again after finalize for ever',
    (host) => {
      for (const step of ['finalize', 'order'] as const)
        changed(step, (answer) =>
          edited(answer, (body) => {
            if (body.status === 'valid') {
              body.status = 'pending'
              delete body.certificate
            }
          }),
        )(host)
    },
    LONG,
  ),
  evil(
    'is ready and pending in turns',
    (host) => {
      changed('order', (answer, _, nth) =>
        edited(answer, (body) => {
          body.status = nth % 2 === 1 ? 'pending' : body.status === 'valid' ? 'processing' : 'pending'
          delete body.certificate
        }),
      )(host)
      changed('finalize', (answer) =>
        edited(answer, (body) => {
          body.status = 'processing'
          delete body.certificate
        }),
      )(host)
    },
    LONG,
  ),
  evil(
    'says orderNotReady for ever',
    ({ ca }) =>
      void ca.script(
        { operation: 'finalize' },
        { kind: 'problem', type: 'orderNotReady', status: 403, detail: 'not yet' },
      ),
    /refused finalize: not yet \(orderNotReady\)/,
    { orders: 2 },
  ),
  evil(
    'names another finalize URL each time',
    everyOrder((body, nth, origin) => {
      body.finalize = `${origin}/finalize/none${nth}`
    }),
    /refused .*finalize.*|404|nothing at/i,
    { orders: 2 },
  ),
  evil(
    'names another order URL each time',
    changed('newOrder', (answer, { origin }, nth) =>
      withField(answer, 'Location', `${origin}/order/none${nth}`),
    ),
    /refused|404|nothing at/,
    { orders: 2 },
  ),
  evil(
    'is processing, then invalid without a word',
    everyOrder((body, nth, _, step) => {
      if (step === 'order') body.status = nth < 3 ? 'processing' : 'invalid'
      else if (step === 'finalize') body.status = 'processing'
      delete body.certificate
    }),
    /order invalid: it does not say why/,
    { orders: 2 },
  ),
  evil(
    'asks to come back in a year',
    (host) => {
      for (const step of ['challenge', 'newOrder', 'order'] as const)
        changed(step, (answer) =>
          withField(
            edited(answer, (body) => {
              if (step !== 'challenge') body.status = 'pending'
            }),
            'Retry-After',
            '31536000',
          ),
        )(host)
    },
    LONG,
  ),
  evil(
    'asks to come back after 9999',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        'Fri, 31 Dec 9999 23:59:59 GMT',
      ),
    ),
    LONG,
  ),
  evil(
    'asks to come back in 1970',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        'Thu, 01 Jan 1970 00:00:00 GMT',
      ),
    ),
    LONG,
  ),
  evil(
    'asks to come back in NaN seconds',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        'NaN',
      ),
    ),
    LONG,
  ),
  evil(
    'asks to come back in -1 seconds',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        '-1',
      ),
    ),
    LONG,
  ),
  evil(
    'asks to come back in 1e9 seconds',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        '1e9',
      ),
    ),
    LONG,
  ),
  evil(
    'asks to come back in 10^400 seconds',
    changed('order', (answer) =>
      withField(
        edited(answer, (body) => {
          body.status = 'processing'
        }),
        'Retry-After',
        '9'.repeat(60),
      ),
    ),
    LONG,
  ),
]

const many = (count: number, origin: string) =>
  Array.from({ length: count }, (_, n) => `${origin}/authz/none${n}`)

const FORMS: readonly EvilBehaviour[] = [
  evil(
    'has 5,000 authorizations',
    everyOrder((body, _, origin) => {
      body.authorizations = many(5000, origin)
    }),
    /more than \d+ authorizations|no order/,
  ),
  evil(
    'has 900 authorizations',
    everyOrder((body, _, origin) => {
      body.authorizations = many(900, origin)
    }),
    /more than \d+ authorizations/,
  ),
  evil(
    'has 150 authorizations that are not there',
    everyOrder((body, _, origin) => {
      body.authorizations = many(150, origin)
    }),
    /refused|answered/,
    { orders: 2 },
  ),
  evil(
    'has no authorizations, and stays pending',
    everyOrder((body) => {
      body.authorizations = []
      body.status = 'pending'
    }),
    LONG,
  ),
  evil(
    'names one authorization a hundred times',
    changed('newOrder', (answer) =>
      edited(answer, (body) => {
        body.authorizations = Array(100).fill(body.authorizations[0])
      }),
    ),
    /./,
    { ends: 'done' },
  ),
  evil(
    'names its own URL as its authorization',
    (host) => {
      changed('newOrder', (answer) =>
        edited(answer, (body) => {
          body.authorizations = [answer.fields.find(([name]) => name === 'Location')![1]]
        }),
      )(host)
    },
    /is no authorization/,
  ),
  evil(
    'names the directory as its authorization',
    changed('newOrder', (answer, { origin }) =>
      edited(answer, (body) => {
        body.authorizations = [`${origin}/directory`]
      }),
    ),
    /CA "test-ca"/,
    { orders: 2 },
  ),
  evil(
    'is valid at once without a certificate',
    everyOrder((body) => {
      body.status = 'valid'
      delete body.certificate
    }),
    /valid order that has no certificate/,
  ),
  evil(
    'is valid at once with a certificate that is not there',
    everyOrder((body, _, origin) => {
      body.status = 'valid'
      body.certificate = `${origin}/certificate/none`
    }),
    /refused|nothing at/,
    { orders: 2 },
  ),
  evil(
    'names a page as its certificate',
    everyOrder((body, _, origin) => {
      body.status = 'valid'
      body.certificate = `${origin}/directory`
    }),
    /CA "test-ca"/,
    { orders: 2 },
  ),
  evil(
    'is ready at once, and is not',
    everyOrder((body, _n, _o, step) => {
      if (step === 'newOrder') body.status = 'ready'
    }),
    /orderNotReady/,
    { orders: 2 },
  ),
  evil(
    'is for another name',
    changed('newOrder', (answer) =>
      edited(answer, (body) => {
        body.identifiers = [other]
      }),
    ),
    /order of other names than were asked for/,
    { orders: 2 },
  ),
  evil(
    'is for one name more',
    changed('newOrder', (answer) => edited(answer, (body) => void body.identifiers.push(other))),
    /order of other names/,
    { orders: 2 },
  ),
  evil(
    'is for nobody',
    changed('newOrder', (answer) =>
      edited(answer, (body) => {
        body.identifiers = []
      }),
    ),
    /order of other names/,
    { orders: 2 },
  ),
  evil(
    'becomes one for another name',
    changed('order', (answer) =>
      edited(answer, (body) => {
        body.identifiers = [other]
      }),
    ),
    /./,
    { ends: 'done' },
  ),
  evil(
    'becomes one for another name at finalize',
    changed('finalize', (answer) =>
      edited(answer, (body) => {
        body.identifiers = [other]
      }),
    ),
    /./,
    { ends: 'done' },
  ),
  evil(
    'says the name in capitals, twice',
    changed('newOrder', (answer) =>
      edited(answer, (body) => {
        body.identifiers = [...body.identifiers, { type: 'dns', value: 'WWW.Example.COM' }]
      }),
    ),
    /./,
    { ends: 'done' },
  ),
  evil(
    'has a status that is none',
    everyOrder((body) => {
      body.status = 'VALID'
    }),
    /no order/,
  ),
  evil(
    'has no status',
    everyOrder((body) => void delete body.status),
    /no order/,
  ),
  evil(
    'has no finalize',
    everyOrder((body) => void delete body.finalize),
    /without finalize/,
  ),
  evil(
    'has no Location',
    changed('newOrder', (answer) => withField(answer, 'Location', null)),
    /URL of the order \(no Location\)/,
    { orders: 2 },
  ),
  evil('expired in 1970', member('newOrder', 'expires', '1970-01-01T00:00:00Z'), /./, { ends: 'either' }),
  evil('expires in the year 99999', member('newOrder', 'expires', '+099999-01-01T00:00:00Z'), /./, {
    ends: 'done',
  }),
  evil('has an error that is a list', member('order', 'error', [1, 2]), /./, { ends: 'done' }),
  evil(
    'is invalid with an error of escapes',
    everyOrder((body, _n, _o, step) => {
      if (step !== 'newOrder') {
        body.status = 'invalid'
        body.error = { type: 'urn:\u001b[2J', detail: '\u001b[31mno\r\nno\u2028no\u202e' }
      }
    }),
    /no no no/,
    { orders: 2 },
  ),
  evil('is of another profile', member('newOrder', 'profile', '\u001b[31mshort\n'), /./, { ends: 'done' }),
]

const AUTHORIZATIONS: readonly EvilBehaviour[] = [
  evil(
    'authorization: for another name',
    member('authorization', 'identifier', other),
    /which was not asked for/,
  ),
  evil(
    'authorization: for a name above',
    member('authorization', 'identifier', { type: 'dns', value: 'example.com' }),
    /which was not asked for/,
  ),
  evil(
    'authorization: for the wildcard',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.wildcard = true
      }),
    ),
    /which was not asked for/,
  ),
  evil(
    'authorization: for *.',
    member('authorization', 'identifier', { type: 'dns', value: '*.www.example.com' }),
    /which was not asked for/,
  ),
  evil(
    'authorization: for a name of escapes',
    member('authorization', 'identifier', { type: 'dns', value: '\u001b]0;x\u0007\n www.example.com' }),
    /no authorization/,
  ),
  evil(
    'authorization: invalid, for a name of escapes',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.status = 'invalid'
        body.identifier.value = '\u001b[31mwww\u202e\n'
      }),
    ),
    /no authorization/,
  ),
  evil(
    'authorization: invalid, for a name of 2 kB',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.status = 'invalid'
        body.identifier.value = 'x'.repeat(2000)
      }),
    ),
    /no authorization/,
  ),
  evil(
    'authorization: for an address',
    member('authorization', 'identifier', { type: 'ip', value: '127.0.0.1' }),
    /which was not asked for/,
  ),
  evil(
    'authorization: of an unknown type',
    member('authorization', 'identifier', { type: 'email', value: 'www.example.com' }),
    /which was not asked for/,
  ),
  evil(
    'authorization: for nobody',
    changed('authorization', (answer) => edited(answer, (body) => void delete body.identifier)),
    /no authorization/,
  ),
  evil(
    'authorization: pending for ever',
    (host) => {
      member('authorization', 'status', 'pending')(host)
      member('order', 'status', 'pending')(host)
    },
    LONG,
  ),
  evil(
    'authorization: valid, and the order pending for ever',
    (host) => {
      member('authorization', 'status', 'valid')(host)
    },
    LONG,
  ),
  evil(
    'authorization: expired',
    member('authorization', 'status', 'expired'),
    /its authorization is expired/,
    { orders: 2 },
  ),
  evil(
    'authorization: revoked',
    member('authorization', 'status', 'revoked'),
    /its authorization is revoked/,
    { orders: 2 },
  ),
  evil(
    'authorization: deactivated',
    member('authorization', 'status', 'deactivated'),
    /its authorization is deactivated/,
    { orders: 2 },
  ),
  evil(
    'authorization: a status that is none',
    member('authorization', 'status', 'perhaps'),
    /no authorization/,
  ),
  evil(
    'authorization: no challenges',
    member('authorization', 'challenges', []),
    /offers no http-01|does not offer/,
    { orders: 2 },
  ),
  evil(
    'authorization: challenges of unknown types',
    changed('authorization', (answer) =>
      edited(answer, (body) =>
        body.challenges.forEach((each: Json) => {
          each.type = 'HTTP-01'
        }),
      ),
    ),
    /offers no http-01/,
    { orders: 2 },
  ),
  evil(
    'authorization: 5,000 challenges before the right one',
    changed('authorization', (answer) =>
      edited(
        answer,
        (body) =>
          void body.challenges.unshift(
            ...Array(5000).fill({
              type: 'x-01',
              url: 'https://evil.test/',
              status: 'pending',
              token: 'x'.repeat(30),
            }),
          ),
      ),
    ),
    /no http-01|no authorization/,
    { orders: 2 },
  ),
  evil(
    'authorization: the right challenge fifty times',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.challenges = Array(40).fill(body.challenges[0])
      }),
    ),
    /./,
    { ends: 'done' },
  ),
  evil(
    'authorization: challenges that are done',
    changed('authorization', (answer) =>
      edited(answer, (body) =>
        body.challenges.forEach((each: Json) => {
          each.status = 'valid'
        }),
      ),
    ),
    /offers no http-01/,
    { orders: 2 },
  ),
  evil(
    'authorization: challenges at the order',
    changed('authorization', (answer, { origin }) =>
      edited(answer, (body) =>
        body.challenges.forEach((each: Json) => {
          each.url = `${origin}/new-order`
        }),
      ),
    ),
    /CA "test-ca"/,
    { orders: 2 },
  ),
  evil(
    'authorization: challenges at keyChange',
    changed('authorization', (answer, { origin }) =>
      edited(answer, (body) =>
        body.challenges.forEach((each: Json) => {
          each.url = `${origin}/key-change`
        }),
      ),
    ),
    /CA "test-ca"/,
    { orders: 2 },
  ),
  evil(
    'authorization: processing challenges for ever',
    (host) => {
      changed('authorization', (answer) =>
        edited(answer, (body) =>
          body.challenges.forEach((each: Json) => {
            each.status = 'processing'
          }),
        ),
      )(host)
    },
    LONG,
  ),
  evil(
    'authorization: an error of 8 MB',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.status = 'invalid'
        body.challenges[0].status = 'invalid'
        body.challenges[0].error = { type: 'x', detail: 'y'.repeat(8_000_000) }
      }),
    ),
    /no answer of the CA/,
  ),
  evil(
    'authorization: an error of escapes',
    changed('authorization', (answer) =>
      edited(answer, (body) => {
        body.status = 'invalid'
        body.challenges[0].error = { type: '\u001b[31m', detail: 'a\u0000b\u001b[2J\nc' }
      }),
    ),
    /http-01 failed, the CA says: a b \[2J c/,
    { orders: 2 },
  ),
]

const TOKENS = [
  '',
  'short',
  '../../../../etc/passwd-and-more',
  'a/b'.repeat(10),
  '..',
  `${'x'.repeat(30)}\n`,
  `${'x'.repeat(30)}\0`,
  '<script>alert(1)</script>aaaaaa',
  'x'.repeat(300),
  'x'.repeat(900_000),
  '%2e%2e%2f'.repeat(5),
  '$(touch /tmp/x)aaaaaaaaaaaaaaaa',
  'ééééééééééééééééééééééééé',
  'a.b'.repeat(10),
  'xxxxxxxxxxxxxxxxxxxxxx==',
  42,
  null,
  ['x'.repeat(30)],
  { a: 1 },
]

const tokens = TOKENS.map(
  (token): EvilBehaviour =>
    evil(
      `token ${JSON.stringify(token).slice(0, 40)} (${JSON.stringify(token).length})`,
      changed('authorization', (answer) =>
        edited(answer, (body) =>
          body.challenges.forEach((each: Json) => {
            each.token = token
          }),
        ),
      ),
      /offers no http-01|the answer is over 1048576 bytes/,
      { orders: 2 },
    ),
)

const CHALLENGES: readonly EvilBehaviour[] = [
  evil(
    'challenge: pending for ever, and the order too',
    (host) => {
      member('challenge', 'status', 'pending')(host)
      member('order', 'status', 'pending')(host)
    },
    LONG,
  ),
  evil(
    'challenge: invalid in the answer, valid in the order',
    member('challenge', 'status', 'invalid'),
    /./,
    { ends: 'done' },
  ),
  evil('challenge: another type', member('challenge', 'type', 'tls-alpn-01'), /./, { ends: 'either' }),
  evil(
    'challenge: the order in its place',
    changed('challenge', (answer, { origin }) =>
      edited(answer, () => ({ status: 'ready', finalize: `${origin}/x`, authorizations: [] })),
    ),
    /no challenge/,
  ),
  evil(
    'challenge: another token each time',
    changed('challenge', (answer, _h, nth) =>
      edited(answer, (body) => {
        body.token = `token-number-${nth}-aaaaaaaaaaaa`
      }),
    ),
    /./,
    { ends: 'either' },
  ),
]

export const ORDERS: readonly EvilBehaviour[] = [
  ...ENDLESS,
  ...FORMS,
  ...AUTHORIZATIONS,
  ...tokens,
  ...CHALLENGES,
]
