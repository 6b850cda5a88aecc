import type { PolicyFacts } from './facts.ts'

/**
 * What a webhook is asked: the request as policy sees it. Members that are not known are left out; null is none. Equal
 * requests give equal questions, so it holds no time and no id; requests that ask for different things give different
 * ones, for an answer is kept by its question.
 */
export function webhookQuestion(webhook: string, facts: PolicyFacts): Readonly<Record<string, unknown>> {
  const { mode, ca, operation, identifiers, client, order, asked } = facts
  const csr = asked?.kind === 'finalize' ? asked.csr : undefined
  return {
    version: 1,
    webhook,
    operation,
    ca,
    mode,
    identifiers,
    client: {
      address: client.address,
      label: client.label,
      proxyUser: client.proxyUser,
      userAgent: client.userAgent,
      account: client.account,
      thumbprint: client.thumbprint,
      contacts: client.contacts,
      externalAccount: client.externalAccount,
    },
    // Validity in seconds.
    order: order && {
      profile: order.profile,
      validity: order.validity === null ? null : Math.round(order.validity / 1000),
      replaces: order.replaces,
    },
    ...(csr === undefined
      ? {}
      : {
          csr: csr && {
            names: csr.names,
            commonNames: csr.commonNames,
            otherNames: csr.otherNames,
            key: csr.key,
            signature: csr.signature.algorithm,
            extensions: csr.extensions,
            mustStaple: csr.mustStaple,
          },
        }),
    ...(asked?.kind === 'authorization' ? { authorization: { subdomains: asked.subdomains } } : {}),
    ...(operation === 'account' && asked?.kind === 'account' ? { change: { status: asked.status } } : {}),
    ...(asked?.kind === 'keyChange' ? { change: { thumbprint: asked.thumbprint } } : {}),
    ...(asked?.kind === 'revocation' ? { revocation: { serial: asked.serial, reason: asked.reason } } : {}),
  }
}
