import { hash } from 'node:crypto'
import type { Identifier } from '../acme/identifier.ts'
import { contactsOf, identifiersOf } from '../acme/payloads.ts'
import type { Classified, Decided, JwsInspection } from '../exchange/exchange.ts'
import { withoutPersons } from './persons.ts'
import { askedContent, verdictContent } from './policy-content.ts'
import { type Privacy, shown } from './privacy.ts'
import type { BlobDraft, FactDraft, IntentContent, PersonalDraft, RecordedVerdict } from './record.ts'
import { allowedFields, boundedLine, redactBody, redactText } from './redaction.ts'

/** What is the same for every fact of a process. */
export interface RecordContext {
  readonly tenant: string
  readonly instance: string
  readonly configDigest: string
  readonly policyDigest: string | null
  readonly privacy: Privacy
}

/** A target longer than this is cut in the record; the request's digest still tells it apart. */
const TARGET_LIMIT = 4096

/** The first fact of an exchange: what came, what it is and what was decided. */
export function intentFact(exchange: Decided, context: RecordContext): FactDraft {
  const { request, connection, decision, destination } = exchange
  const blobs: BlobDraft[] = []
  const personal: PersonalDraft[] = []
  const { privacy } = context
  const address = connection.clientAddress && shown(privacy, 'address', connection.clientAddress)
  if (address) personal.push({ name: 'clientAddress', kind: 'address', value: Buffer.from(address) })
  const proxyUser = connection.proxyUser !== null ? shown(privacy, 'proxyUser', connection.proxyUser) : null
  if (proxyUser !== null) {
    personal.push({ name: 'proxyUser', kind: 'proxyUser', value: Buffer.from(proxyUser) })
  }
  const userAgent = userAgentOf(exchange, privacy)
  const content: IntentContent = {
    parent: exchange.parent,
    issuance: issuanceOf(exchange),
    tenant: context.tenant,
    instance: context.instance,
    configDigest: context.configDigest,
    policyDigest: decision.policy?.digest ?? context.policyDigest,
    mode: exchange.mode,
    ca: destination?.ca ?? null,
    operation: exchange.operation,
    client: {
      listener: connection.listener,
      port: connection.clientPort,
      userAgent,
      tlsVersion: connection.tlsVersion,
      httpVersion: request.httpVersion,
      ...(exchange.label === undefined ? {} : { label: exchange.label }),
    },
    request: {
      method: request.method,
      authority: request.authority === null ? null : boundedLine(withoutUserinfo(request.authority), 512),
      target: boundedLine(redactText(request.target), TARGET_LIMIT),
      fields: requestFields(exchange, privacy, userAgent),
      bytes: request.body.length,
      digest: hash('sha256', request.body),
    },
    jws: jwsContent(exchange, privacy, blobs, personal),
    account: accountOf(exchange),
    identifiers: requestedIdentifiers(exchange),
    ...subjectOf(exchange),
    decision: {
      effect: decision.effect,
      rule: decision.effect === 'deny' ? decision.rule : null,
      ambiguities: exchange.ambiguities.slice(0, 20).map(({ kind, where }) => ({ kind, where })),
      policy: verdictOf(exchange),
    },
    asked: exchange.asked && askedContent(exchange.asked),
  }
  const { wall: at, monotonic } = exchange.receivedAt
  return { kind: 'intent', exchange: exchange.id, at, monotonic, content, blobs, personal }
}

/**
 * The parts of the JWS, without credentials. A payload with contacts, and the signature over it, are personal, and kept
 * only where contacts are. A request that is not sent keeps only a digest of its signature: its nonce is unspent, so the
 * JWS could still be used.
 */
function jwsContent(
  exchange: Decided,
  privacy: Privacy,
  blobs: BlobDraft[],
  personal: PersonalDraft[],
): IntentContent['jws'] {
  const { inspection, decision, refusal } = exchange
  if (!inspection) return null
  const { jws, verdict } = inspection
  // A server refuses what nobody has signed: anybody can send that, as much as he likes, so digests are enough of it.
  if (refusal !== undefined && verdict !== 'verified') return digestsOf(inspection)
  const contacts = contactsOf(jws.payload)
  const isPersonal = contacts.length > 0
  const payload = redactBody(jws.payloadBytes, 'application/json')
  const keepSignature = decision.effect === 'allow'
  if (isPersonal && privacy.contact === 'keep') {
    personal.push({ name: 'payload', kind: 'body', value: payload })
    if (keepSignature) personal.push({ name: 'signature', kind: 'body', value: jws.signatureBytes })
  }
  for (const [index, contact] of contacts.entries()) {
    const kept = shown(privacy, 'contact', contact)
    if (kept !== null) personal.push({ name: `contact.${index}`, kind: 'contact', value: Buffer.from(kept) })
  }
  return {
    ...signedBy(inspection),
    protected: keep(redactBody(jws.protectedBytes, 'application/json'), blobs),
    payload: isPersonal ? null : keep(payload, blobs),
    signature: keepSignature && !isPersonal ? keep(jws.signatureBytes, blobs) : null,
    signatureDigest: hash('sha256', jws.signatureBytes),
  }
}

/** Who claims to have signed, and whether that is so. */
function signedBy({ jws: { header }, verdict, thumbprint }: JwsInspection) {
  return {
    alg: written(header.alg),
    nonce: written(header.nonce),
    url: written(header.url),
    kid: written(header.kid),
    thumbprint,
    verdict,
  }
}

function digestsOf(inspection: JwsInspection): IntentContent['jws'] {
  const { jws } = inspection
  return {
    ...signedBy(inspection),
    protected: hash('sha256', jws.protectedBytes),
    payload: hash('sha256', jws.payloadBytes),
    signature: null,
    signatureDigest: hash('sha256', jws.signatureBytes),
  }
}

/** The digest stands beside it, as for every fact. */
function verdictOf(exchange: Decided): RecordedVerdict | null {
  const { policy } = exchange.decision
  if (policy === undefined) return null
  const { digest: _, ...verdict } = policy
  return verdictContent(verdict, withoutPersons(exchange))
}

/** No client has business to write one into `Host` (RFC 9110 §4.2.4), so it may be anybody's. */
function withoutUserinfo(authority: string): string {
  return redactText(authority).replace(/^.*@/s, '[redacted]@')
}

/** A member of the protected header: whatever the client wrote, a URL with its password in it for one. */
function written(text: string | undefined): string | null {
  return text === undefined ? null : redactText(text)
}

/** URL of the account a request is signed for, or that the object it names belongs to. */
function accountOf({ inspection, resource }: Decided): string | null {
  return written(inspection?.jws.header.kid) ?? resource?.account ?? null
}

function keep(bytes: Buffer, blobs: BlobDraft[]): string {
  const digest = hash('sha256', bytes, 'buffer')
  if (bytes.length > 0) blobs.push({ digest, bytes, repeats: false })
  return digest.toString('hex')
}

/** The names a request is about: those it asks for, else those of the object it names. */
function requestedIdentifiers(exchange: Decided): readonly Identifier[] {
  const { operation, inspection, resource } = exchange
  if ((operation === 'newOrder' || operation === 'newAuthz') && inspection)
    return identifiersOf(inspection.jws.payload, operation)
  return resource?.identifiers ?? []
}

function issuanceOf(exchange: Classified): string | null {
  return exchange.operation === 'newOrder' ? exchange.id : (exchange.resource?.issuance ?? null)
}

/** URLs of the objects a request is about. */
function subjectOf(exchange: Classified) {
  const { resource, operation } = exchange
  return {
    order: resource?.order ?? null,
    authorization: resource?.authorization ?? null,
    challenge: operation === 'challenge' ? (resource?.url ?? null) : null,
    certificate: operation === 'certificate' ? (resource?.url ?? null) : null,
  }
}

function userAgentOf(exchange: Classified, privacy: Privacy): string | null {
  const field = exchange.request.fields.find(([name]) => name.toLowerCase() === 'user-agent')
  return field ? shown(privacy, 'userAgent', boundedLine(redactText(field[1]), 512)) : null
}

/** Two fields of that name are one there: all of it is what may be said of the first. */
function requestFields({ request }: Classified, privacy: Privacy, userAgent: string | null) {
  const fields = allowedFields(request.fields, 'request')
  if (privacy.userAgent === 'keep') return fields
  const { 'user-agent': _, ...rest } = fields
  return userAgent === null ? rest : { ...rest, 'user-agent': userAgent }
}
