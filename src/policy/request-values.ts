import type { Judging } from './judging.ts'

type Values = readonly (string | null)[] | undefined

/**
 * What a request has, for rules to be found by. One of several may be the one that a rule names; undefined: it is not
 * known, so that no rule is out of the question.
 */
export const REQUEST_VALUES = {
  operation: ({ facts }) => [facts.operation],
  mode: ({ facts }) => [facts.mode],
  ca: ({ facts }) => [facts.ca],
  label: ({ facts }) => one(facts.client.label),
  proxyUser: ({ facts }) => one(facts.client.proxyUser),
  externalAccount: ({ facts }) => one(facts.client.externalAccount),
  account({ facts }) {
    const { account, thumbprint } = facts.client
    return thumbprint === undefined ? undefined : [account, thumbprint]
  },
  software: (judging) => judging.products?.map(({ name }) => name),
} as const satisfies Readonly<Record<string, (judging: Judging) => Values>>

export type RequestValue = keyof typeof REQUEST_VALUES

function one(value: string | null | undefined): Values {
  return value === undefined ? undefined : [value]
}
