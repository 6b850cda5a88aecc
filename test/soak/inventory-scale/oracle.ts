import { isDeepStrictEqual } from 'node:util'
import { type ProblemName, problemUrn } from '../../../src/acme/problem-types.ts'
import type { InventoryReader } from '../../../src/audit/inventory/inventory-reader.ts'
import type { IntentContent, OutcomeContent } from '../../../src/audit/record.ts'
import type { Issuance } from './generate.ts'
import { everything, type ListName } from './measure.ts'

interface Known {
  readonly id: string
  readonly at: number
  readonly intent: IntentContent
  readonly outcome: OutcomeContent
}

/** Everything that was generated, looked through one by one: the truth that lists are compared with. */
export class Oracle {
  readonly #exchanges: Known[] = []
  readonly #counts = new Map<string, number>()

  take({ facts, variant }: Issuance): void {
    this.#counts.set(variant, (this.#counts.get(variant) ?? 0) + 1)
    for (let at = 0; at < facts.length; at += 2)
      this.#exchanges.push({
        id: facts[at]!.exchange,
        at: facts[at]!.at,
        intent: facts[at]!.content as IntentContent,
        outcome: facts[at + 1]!.content as OutcomeContent,
      })
  }

  /** What is wrong; nothing where every list tells the truth. */
  async compare(reader: InventoryReader): Promise<string[]> {
    const wrong: string[] = []
    for (const filter of this.#exchangeFilters()) {
      const wanted = this.#exchanges.filter((known) => passes(known, filter)).map(({ id }) => id)
      const found = (await everything(reader, {
        list: 'exchanges',
        filter: { ...filter, limit: '500' },
      })) as { id: string }[]
      if (!isDeepStrictEqual(found.map(({ id }) => id).toSorted(), wanted.toSorted()))
        wrong.push(`exchanges ${JSON.stringify(filter)}: ${found.length} found, ${wanted.length} there`)
    }
    const of = (...variants: string[]) => variants.reduce((sum, one) => sum + (this.#counts.get(one) ?? 0), 0)
    const delivered = of('issued', 'revoked')
    const begun = delivered + of('failed', 'not answered', 'not finalized', 'not downloaded')
    const counted: readonly [ListName, Readonly<Record<string, string>>, number][] = [
      ['orders', {}, begun],
      ['orders', { name: '.scale.test' }, begun],
      ['certificates', {}, delivered],
      ['certificates', { name: '.scale.test' }, delivered],
      ['certificates', { state: 'revoked' }, of('revoked')],
      ['rateLimits', {}, of('limited')],
      ['failures', { diagnosis: 'rate-limit' }, of('limited')],
      ['failures', { diagnosis: 'refused-by-acmetap' }, of('refused')],
      ['failures', { diagnosis: 'ca-unreachable' }, of('unreachable')],
      ['failures', { diagnosis: 'challenge-not-answered' }, of('not answered')],
      ['challenges', { status: 'invalid' }, of('failed')],
    ]
    for (const [list, filter, wanted] of counted) {
      const found = await everything(reader, { list, filter: { ...filter, limit: '1000' } })
      if (found.length !== wanted)
        wrong.push(`${list} ${JSON.stringify(filter)}: ${found.length} found, ${wanted} there`)
    }
    return wrong
  }

  #exchangeFilters(): Record<string, string>[] {
    const some = this.#exchanges[Math.floor(this.#exchanges.length / 2)]!
    const named = this.#exchanges.find(({ intent }) => intent.identifiers.length > 0)!
    const name = named.intent.identifiers[0]!.value.replace(/^\*\./, '')
    const time = new Date(some.at / 1000).toISOString()
    const account = this.#exchanges.find(({ intent }) => intent.jws?.kid)!.intent.jws!.kid!
    return [
      {},
      { ca: 'pebble' },
      { account },
      { account, operation: 'finalize' },
      { name },
      { name: name.replace(/^[^.]*/, '') },
      { name: '.scale.test', operation: 'certificate' },
      { name: '.absent.test' },
      { since: time },
      { until: time, mode: 'relay' },
      { operation: 'revokeCert' },
      { outcome: 'refused' },
      { status: '429', ca: 'letsencrypt' },
      { problem: 'rateLimited' },
      { problem: problemUrn('caa') },
      { outcome: 'failed', operation: 'directory' },
      { issuance: named.intent.issuance ?? named.id },
    ]
  }
}

function passes({ id, at, intent, outcome }: Known, filter: Readonly<Record<string, string>>): boolean {
  return Object.entries(filter).every(([name, value]) => {
    switch (name) {
      case 'name':
        return [...intent.identifiers, ...outcome.identifiers].some((one) =>
          value.startsWith('.')
            ? one.value === value.slice(1) || one.value.endsWith(value)
            : one.value === value,
        )
      case 'since':
        return at >= Date.parse(value) * 1000
      case 'until':
        return at <= Date.parse(value) * 1000
      case 'account':
        return (intent.jws?.kid ?? outcome.account) === value
      case 'outcome':
        return outcome.outcome === value
      case 'status':
        return String(outcome.status) === value
      case 'problem':
        return [value, problemUrn(value as ProblemName)].includes(
          (outcome.problem ?? outcome.objectError)?.type ?? '',
        )
      case 'issuance':
        return id === value || intent.issuance === value || outcome.issuance === value
      default:
        return intent[name as 'ca'] === value
    }
  })
}
