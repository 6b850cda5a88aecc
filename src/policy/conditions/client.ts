import { canonicalTarget } from '../../acme/canonical-target.ts'
import type { ClientCondition, Comparison } from '../document.ts'
import type { ClientFacts, PolicyFacts } from '../facts.ts'
import type { Judging } from '../judging.ts'
import type { Networks } from '../names/networks.ts'
import { remembering } from '../remembering.ts'
import type { Steady } from '../steady.ts'
import { known, type Truth } from '../truth.ts'
import { meets } from './compared.ts'
import { COST, listed, ofRequest, type Part, type Slots } from './condition.ts'
import type { Product } from './user-agent.ts'

export interface ClientMatchers {
  readonly networks: (written: readonly string[]) => Networks
  readonly expression: (text: string) => { test(text: string): boolean }
}

/** One part for each member that is there. */
export function clientParts(
  slots: Slots,
  condition: ClientCondition,
  matchers: ClientMatchers,
): readonly Part[] {
  const parts: Part[] = []
  const is = (
    text: string,
    test: (client: ClientFacts, judging: Judging) => Truth | boolean,
    cost?: number,
    steady?: Steady,
  ) => {
    const asked = (facts: PolicyFacts, judging: Judging) => test(facts.client, judging)
    parts.push(ofRequest(slots, 'request', `client.${text}`, asked, cost, steady))
  }
  const oneOf = (text: string, values: readonly string[] | undefined, of: (client: ClientFacts) => Text) => {
    if (values === undefined) return
    const set = new Set(values)
    is(`${text}: ${listed(values)}`, (client) =>
      known(of(client), (value) => value !== null && set.has(value)),
    )
  }

  const { address, account, contact, software, version, user_agent } = condition
  if (address !== undefined) {
    const networks = matchers.networks(address)
    is(`address: ${listed(address)}`, (_, judging) =>
      known(judging.address, (value) => value !== null && networks.has(value)),
    )
  }
  oneOf('label', condition.label, ({ label }) => label)
  oneOf('proxy_user', condition.proxy_user, ({ proxyUser }) => proxyUser)
  oneOf('external_account', condition.external_account, ({ externalAccount }) => externalAccount)
  if (account !== undefined) is(`account: ${listed(account)}`, accountTest(account))
  if (contact !== undefined) {
    const tests = contact.map(contactTest)
    is(`contact: ${listed(contact)}`, ({ contacts }) =>
      known(contacts, (values) => values.some((value) => tests.some((test) => test(value)))),
    )
  }
  const products = software?.map((name) => name.toLowerCase())
  if (software !== undefined && products !== undefined && version === undefined) {
    const test = (_: ClientFacts, judging: Judging) =>
      known(judging.products, (those) => those.some(({ name }) => products.includes(name)))
    is(`software: ${listed(software)}`, test, COST.request, BY_USER_AGENT)
  }
  if (version !== undefined) {
    const of = software === undefined ? '' : `software: ${listed(software)}; client.`
    const test = (_: ClientFacts, judging: Judging) =>
      known(judging.products, (those) => hasVersion(those, products, version))
    is(`${of}version: ${version.text}`, test, COST.request, BY_USER_AGENT)
  }
  if (user_agent !== undefined) {
    const expressions = user_agent.map(matchers.expression)
    const matches = remembering((text) => expressions.some((expression) => expression.test(text)))
    is(
      `user_agent: ${listed(user_agent)}`,
      ({ userAgent }) => known(userAgent, (text) => text !== null && matches(text)),
      COST.expression,
      BY_USER_AGENT,
    )
  }
  return parts
}

const BY_USER_AGENT = { by: 'userAgent' } as const

type Text = string | null | undefined

/** Its URL or the thumbprint of its key. At newAccount there is no URL yet. */
function accountTest(accounts: readonly string[]): (client: ClientFacts) => Truth {
  const set = new Set(accounts)
  const someThumbprint = accounts.some((text) => !text.includes(':'))
  const resembled = new Set(accounts.filter((text) => text.includes(':')).map(looselyRead))
  return ({ account, thumbprint }) => {
    if (account !== null && set.has(account)) return 'true'
    if (account !== null && resembled.has(looselyRead(account))) return 'unknown'
    if (!someThumbprint) return 'false'
    return known(thumbprint, (value) => value !== null && set.has(value))
  }
}

/** What a lax server might take an account URL for: another spelling of one in the rule is neither it nor another. */
function looselyRead(url: string): string {
  return canonicalTarget(url)
    .replace(/^\/https?:/, '')
    .replace(/\/[+0]+([^/]+)$/, '/$1')
}

/** RFC 8555 §7.3: one address and no header fields; what holds more is nobody's. */
function contactTest(pattern: string): (contact: string) => boolean {
  const wanted = pattern.toLowerCase()
  if (!wanted.startsWith(ANYBODY)) return (contact) => contact.toLowerCase() === wanted
  const domain = wanted.slice(ANYBODY.length)
  return (contact) => /^mailto:[^@,?%\s]+@([^@,?%\s]+)$/.exec(contact.toLowerCase())?.[1] === domain
}
const ANYBODY = 'mailto:*@'

/** Without a name the version is the first product's. A product without a version compares with nothing. */
function hasVersion(
  products: readonly Product[],
  names: readonly string[] | undefined,
  comparison: Comparison,
): boolean {
  const those =
    names === undefined ? products.slice(0, 1) : products.filter(({ name }) => names.includes(name))
  return those.some(({ version }) => version !== null && meets(comparison, version))
}
