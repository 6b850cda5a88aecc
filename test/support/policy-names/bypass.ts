import { setImmediate as nextTurn } from 'node:timers/promises'
import { NameSet } from '../../../src/policy/names/name-set.ts'
import { Networks } from '../../../src/policy/names/networks.ts'
import { normalise } from '../../../src/policy/names/normalise.ts'
import { type Pattern, parsePattern } from '../../../src/policy/names/pattern.ts'
import { naiveOpinion } from './naive.ts'
import { pythonOpinions } from './python.ts'
import type { Opinion, Question, Scope } from './question.ts'

/** What the code under test makes of a spelling; null: refused for its spelling. */
export interface Judgement {
  /** `dns:` or `ip:` and the name. */
  readonly name: string
  readonly denied: boolean
  readonly covered: boolean
}

export type Judge = (question: Question) => Judgement | null

export interface BypassReport {
  readonly figures: {
    readonly questions: number
    /** That some reader takes for, or that take in, what is denied. */
    readonly 'reach what is denied': number
    readonly 'refused for the spelling': number
    readonly denied: number
    readonly 'not granted': number
    readonly granted: number
    readonly bypasses: number
    /** Stricter than an oracle: refused or denied where it sees no reason. */
    readonly 'in vain': number
  }
  /** Some of each, in words. */
  readonly bypasses: readonly string[]
  readonly inVain: readonly string[]
  readonly families: Readonly<Record<string, number>>
}

/** What both oracles say, in order of the questions. */
export interface Opinions {
  readonly naive: Opinion
  readonly python: Opinion
}

export async function opinionsOf(
  questions: readonly Question[],
  scopes: readonly Scope[],
): Promise<readonly Opinions[]> {
  const asked = pythonOpinions(questions, scopes)
  const naive: Opinion[] = []
  for (const question of questions) {
    naive.push(naiveOpinion(question, scopes[question.scope]!))
    // What Python answers meanwhile is read.
    if (naive.length % 200 === 0) await nextTurn()
  }
  return (await asked).map((python, at) => ({ naive: naive[at]!, python }))
}

/** Bypass: granted, or taken for another name, against an oracle. */
export function searchBypasses(
  questions: readonly Question[],
  scopes: readonly Scope[],
  opinions: readonly Opinions[],
  judge: Judge,
): BypassReport {
  const count = { reach: 0, refused: 0, denied: 0, not: 0, granted: 0, bypasses: 0, inVain: 0 }
  const [bypasses, inVain]: [string[], string[]] = [[], []]
  const families: Record<string, number> = {}
  for (const [at, question] of questions.entries()) {
    const { naive, python } = opinions[at]!
    const judgement = judge(question)
    families[question.family] = (families[question.family] ?? 0) + 1
    if (naive.reaches || python.reaches) count.reach++
    if (judgement === null) count.refused++
    else if (judgement.denied) count.denied++
    else if (judgement.covered) count.granted++
    else count.not++
    for (const [oracle, opinion] of Object.entries({ naive, python })) {
      const wrong = faultOf(judgement, opinion)
      if (wrong === null) continue
      const told = wrong === 'bypass' ? bypasses : inVain
      if (wrong === 'bypass') count.bypasses++
      else count.inVain++
      if (told.length < 20) {
        told.push(JSON.stringify({ oracle, question, scope: scopes[question.scope], judgement, opinion }))
      }
    }
  }
  return {
    figures: {
      questions: questions.length,
      'reach what is denied': count.reach,
      'refused for the spelling': count.refused,
      denied: count.denied,
      'not granted': count.not,
      granted: count.granted,
      bypasses: count.bypasses,
      'in vain': count.inVain,
    },
    bypasses,
    inVain,
    families,
  }
}

function faultOf(judgement: Judgement | null, opinion: Opinion): 'bypass' | 'in vain' | null {
  if (judgement === null) return opinion.plain === true ? 'in vain' : null
  if (opinion.plain === false) return 'bypass'
  if (opinion.readings.some((reading) => reading !== judgement.name)) return 'bypass'
  if (opinion.reaches && !judgement.denied && judgement.covered) return 'bypass'
  if (opinion.touched !== judgement.denied) return opinion.touched ? 'bypass' : 'in vain'
  if (opinion.covered !== judgement.covered) return judgement.covered ? 'bypass' : 'in vain'
  return null
}

/** acmetap's own. */
export function judgeOf(scopes: readonly Scope[]): Judge {
  const compiled = scopes.map((scope) => ({
    denied: NameSet.of(scope.denied.map(patternOf)),
    allowed: NameSet.of(scope.allowed.map(patternOf)),
    deniedNetworks: networksOf(scope.deniedNetworks),
    allowedNetworks: networksOf(scope.allowedNetworks),
  }))
  return ({ type, value, subtree, scope }) => {
    const name = normalise({ type, value }, subtree ? 'subtree' : undefined)
    if ('fault' in name) return null
    const { denied, allowed, deniedNetworks, allowedNetworks } = compiled[scope]!
    if (name.type === 'ip') {
      return {
        name: `ip:${name.value}`,
        denied: deniedNetworks.has(name.value),
        covered: allowedNetworks.has(name.value),
      }
    }
    const wildcard = name.covers === 'wildcard' ? '*.' : ''
    return {
      name: `dns:${wildcard}${name.value}`,
      denied: denied.touches(name),
      covered: allowed.covers(name),
    }
  }
}

export function patternOf(text: string): Pattern {
  const pattern = parsePattern(text)
  if ('fault' in pattern) throw new Error(pattern.fault)
  return pattern
}

function networksOf(texts: readonly string[]): Networks {
  const networks = Networks.of(texts)
  if ('fault' in networks) throw new Error(networks.fault)
  return networks
}
