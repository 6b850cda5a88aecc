import { parseComparison } from '../../src/policy/document/comparison.ts'
import type { Comparison, ConditionDocument, PolicyDocument } from '../../src/policy/document.ts'
import { policyDocument, ruleDocument } from './policy-documents.ts'

/** A policy of a big house: rules of every kind, and lists of names that many of them share. Always the same. */
export function bigPolicy(rules: number, listed: number): PolicyDocument {
  const lists = {
    protected: Array.from(
      { length: Math.floor(listed / 2) },
      (_, i) => `h${i}.svc${i % 977}.protected.example`,
    ),
    retired: Array.from({ length: Math.ceil(listed / 2) }, (_, i) => `.old${i}.corp${i % 31}.example`),
  }
  const made = Array.from({ length: rules }, (_, i) =>
    ruleDocument(`rule-${i}`, EFFECTS[i % EFFECTS.length]!, conditionOf(i), {
      expires: i % 50 === 0 ? 1 : null,
    }),
  )
  return policyDocument([...made, ruleDocument('rest', 'allow', { names: ['.fleet.example'] })], { lists })
}

const EFFECTS = ['deny', 'allow', 'deny', 'allow', 'deny', 'warn', 'allow'] as const

function conditionOf(i: number): ConditionDocument {
  const team = `team-${i}`
  switch (i % 12) {
    case 0:
      return { names: ['@protected'], not: { client: { label: [team] } }, ca: [`ca-${i}`] }
    case 1:
      return { names: [`.${team}.corp.example`], client: { label: [team] } }
    case 2:
      return { names: ['@retired'], count: comparison(`>${100 + i}`) }
    case 3:
      return { names: [`*.${team}.example`, `**.${team}.internal`], key: { type: ['ECDSA'] } }
    case 4:
      return {
        client: { address: [`10.${i % 250}.0.0/16`] },
        any: [{ wildcard: true }, { names: ['.fleet.example'] }],
      }
    case 5:
      return { client: { ...(i % 240 === 5 ? {} : { label: [team] }), user_agent: [`^old-client-${i}/`] } }
    case 6:
      return { registered_domain: [`domain${i}.example`], client: { external_account: [`kid-${i}`] } }
    case 7:
      return { any: [{ names: [`**.any${i}.example`] }, { all: [{ ca: [`ca-${i}`] }, { wildcard: true }] }] }
    case 8:
      return { time: { from: 0, until: 1000 + i, zone: 'UTC' }, names: ['**'] }
    case 9:
      return { orders: { per: 'client', within: 604_800_000, count: comparison(`>${i * 1000}`) } }
    case 10:
      return { not: { names: ['.fleet.example', '**.corp.example'] }, client: { label: [team] } }
    default:
      // A few expressions are asked of every request; most are of rules for some names.
      return {
        ...(i % 240 === 11 ? {} : { names: [`.${team}.example`] }),
        cel: `client.label == "${team}" && size(names) > ${i}`,
      }
  }
}

function comparison(text: string): Comparison {
  return parseComparison(text) as Comparison
}
