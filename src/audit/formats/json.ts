import { contactsOf, type EndedRecord, type Format, identifiersOf, isoTime, operationOf } from './line.ts'

/** Changes when a member changes its meaning or goes; members may be added without. */
const JSON_VERSION = 1

/** Everything the record knows of an exchange that is no body. */
export const jsonFormat: Format = {
  needs: () => ({ payload: false, answer: false }),
  line: (exchange, _contents, { line, backlog, writtenAt }) =>
    JSON.stringify({
      version: JSON_VERSION,
      ...about(exchange),
      sent: { line, backlog, at: isoTime(writtenAt) },
    }),
}

function about(exchange: EndedRecord) {
  const { id, intent, outcome, personal } = exchange
  const { client, request, jws, decision } = intent
  return {
    exchange: id,
    at: isoTime(intent.at),
    endedAt: isoTime(outcome.at),
    // Records of before there were labels have none.
    instance: intent.instance ?? '',
    stream: intent.stream,
    sequence: { intent: intent.sequence, outcome: outcome.sequence },
    boot: intent.boot,
    tenant: intent.tenant,
    configDigest: intent.configDigest,
    policyDigest: intent.policyDigest,
    parent: intent.parent,
    issuance: outcome.issuance ?? intent.issuance,
    mode: intent.mode,
    ca: intent.ca,
    operation: operationOf(exchange),
    client: {
      address: personal.clientAddress ?? null,
      port: client.port,
      listener: client.listener,
      proxyUser: personal.proxyUser ?? null,
      label: client.label ?? null,
      userAgent: client.userAgent,
      tlsVersion: client.tlsVersion,
      httpVersion: client.httpVersion,
    },
    request: {
      method: request.method,
      authority: request.authority,
      target: request.target,
      fields: request.fields,
      bytes: request.bytes,
      sha256: request.digest,
    },
    jws: jws && {
      alg: jws.alg,
      kid: jws.kid,
      thumbprint: jws.thumbprint,
      verdict: jws.verdict,
      url: jws.url,
      nonce: jws.nonce,
      signatureSha256: jws.signatureDigest,
    },
    account: outcome.account ?? intent.account,
    contacts: contactsOf(exchange),
    identifiers: identifiersOf(exchange),
    order: outcome.order ?? intent.order,
    authorization: outcome.authorization ?? intent.authorization,
    challenge: outcome.challenge ?? intent.challenge,
    certificate: outcome.certificate ?? intent.certificate,
    decision,
    // Records of before there were policies have none.
    asked: intent.asked ?? null,
    outcome: outcome.outcome,
    status: outcome.status,
    fields: outcome.fields,
    body: outcome.body && { bytes: outcome.body.bytes, sha256: outcome.body.digest },
    objectStatus: outcome.objectStatus,
    problem: outcome.problem,
    validationError: outcome.objectError,
    failure: outcome.failure,
    retryAfter: outcome.retryAfter,
    durations: {
      total: outcome.durationTotal,
      ca: outcome.durationCa,
      waited: outcome.waited ?? null,
    },
    source: outcome.source ?? null,
    tunnel: outcome.tunnel ?? null,
    spilled: outcome.spilled,
  }
}
