import { type Compared, parseComparison } from '../../src/policy/document/comparison.ts'
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
    ruleDocument(`rule-${i}`, effectOf(i), conditionOf(i), {
      expires: i % 50 === 0 ? 1 : null,
    }),
  )
  return policyDocument([...made, ruleDocument('rest', 'allow', { names: ['.fleet.example'] })], { lists })
}

const EFFECTS = ['deny', 'allow', 'deny', 'allow', 'deny', 'warn', 'allow'] as const

/** What would allow for a key is taken for a yes before `finalize`, and what denies is asked there. */
function effectOf(i: number) {
  return i % 20 === 13 ? 'deny' : EFFECTS[i % EFFECTS.length]!
}

/** Of twenty kinds, fifty each of a thousand; what is not said to be of a team or of names is asked of every request. */
function conditionOf(i: number): ConditionDocument {
  const team = `team-${i}`
  switch (i % 20) {
    case 0:
      return { names: ['@protected'], not: { client: { label: [team] } }, ca: [`ca-${i % 7}`] }
    case 1:
      return { names: [`.${team}.corp.example`, `${team}.fleet.example`], client: { label: [team] } }
    case 2:
      return { names: ['@retired'], count: comparison(`>${100 + i}`) }
    case 3:
      return {
        names: [`*.${team}.example`, `**.${team}.internal`],
        client: { account: [`https://ca.example/acct/${i}`] },
        key: { type: ['ECDSA'] },
      }
    case 4:
      return {
        client: { address: [`10.${i % 250}.0.0/16`, `2001:db8:${i.toString(16)}::/48`] },
        any: [{ wildcard: true }, { names: ['.fleet.example'] }],
      }
    case 5:
      return { client: { user_agent: [`^old-client-${i}/`, `(?i)scanner/${i}[.]`] } }
    case 6:
      return { registered_domain: [`domain${i}.example`], client: { external_account: [`kid-${i}`] } }
    case 7:
      return { any: [{ names: [`**.any${i}.example`] }, { all: [{ ca: [`ca-${i}`] }, { wildcard: true }] }] }
    case 8:
      return { time: { from: 0, until: 1000 + i, zone: 'UTC' }, names: ['**'] }
    case 9:
      return {
        ...(i % 40 === 9 ? {} : { client: { label: [team] } }),
        orders: { per: 'client', within: 604_800_000, count: comparison(`>${i * 1000}`) },
      }
    case 10:
      return { not: { names: ['.fleet.example', '**.corp.example'] }, client: { label: [team] } }
    case 11:
      return {
        ...(i % 200 === 11 ? {} : { names: [`.${team}.example`] }),
        cel: `client.label == "${team}" && size(names) > ${i}`,
      }
    case 12:
      return { client: { software: ['certbot'], version: comparison(`<1.${i}`, 'version') } }
    case 13:
      return {
        not: { names: [`.${team}.internal`] },
        key: { type: ['RSA'], size: comparison(`<${i + 1000}`) },
      }
    case 14:
      return { client: { proxy_user: [team] }, names: [`**.${team}.internal`, '.fleet.example'] }
    case 15:
      return { names: ['@protected'], validity: comparison(`>${90 + i}`), csr: { must_staple: false } }
    case 16:
      return { client: { contact: [`mailto:*@${team}.example`] }, names: ['**.corp.example'] }
    case 17:
      return { operation: ['newAccount', 'keyChange'], not: { client: { external_account: [`kid-${i}`] } } }
    case 18:
      return {
        client: { label: [team] },
        cel: `name.startsWith("${team}-") || name.endsWith(".${team}.example")`,
      }
    default:
      return {
        any: [{ ip: [`10.${i % 250}.0.0/16`] }, { names: [`**.dc${i % 250}.example`] }],
        mode: ['relay'],
      }
  }
}

function comparison(text: string, of?: Compared): Comparison {
  return parseComparison(text, of) as Comparison
}
