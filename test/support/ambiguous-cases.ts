import { accounts, bindings, keyChanges, registrations } from './ambiguous-accounts.ts'
import { encodings, envelopes, headers } from './ambiguous-envelopes.ts'
import { brokenTexts, harmlessOrders, identifierMembers, orderMembers } from './ambiguous-orders.ts'
import { type AmbiguousRequest, headerOf, members, newOrder, signed } from './ambiguous-requests.ts'
import { EVIL, GOOD } from './ambiguous-spellings.ts'
import { keyIds, targets } from './ambiguous-targets.ts'

/** The three attacks and the target that Pebble is known to fall for. */
const KNOWN_ATTACKS: readonly AmbiguousRequest[] = [
  newOrder('known attack: case', members(['identifiers', `[${GOOD}]`], ['Identifiers', `[${EVIL}]`])),
  newOrder('known attack: U+017F', members(['identifiers', `[${GOOD}]`], ['identifier\\u017f', `[${EVIL}]`])),
  newOrder(
    'known attack: nested',
    members([
      'identifiers',
      `[${members(['type', '"dns"'], ['value', '"good.example.com"'], ['Value', '"evil.example.com"'])}]`,
    ]),
  ),
]

const KNOWN_TARGET_ATTACK: AmbiguousRequest = {
  name: 'known attack: query signed as a path',
  make(setting) {
    const header = headerOf(setting, `${setting.origin}/order-plz%3Fx=1`)
    const payload = members(['identifiers', `[${EVIL}]`])
    return { target: '/order-plz?x=1', body: signed(setting.account.key, header, payload) }
  },
}

/** Every case that is made by hand, some thousands. */
export function allCases(): AmbiguousRequest[] {
  return [
    ...KNOWN_ATTACKS,
    KNOWN_TARGET_ATTACK,
    ...orderMembers(),
    ...identifierMembers(),
    ...harmlessOrders(),
    ...brokenTexts(),
    ...encodings(),
    ...envelopes(),
    ...headers(),
    ...targets(),
    ...keyIds(),
    ...accounts(),
    ...registrations(),
    ...bindings(),
    ...keyChanges(),
  ]
}
