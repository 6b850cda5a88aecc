/** What a policy decided and what it read, as a fact holds it: bounded, and without credentials and persons. */
import type { CertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import type { Asked } from '../exchange/asked.ts'
import type { PolicyRead, WebhookAnswer } from '../exchange/decision.ts'
import type { RecordedVerdict } from './record.ts'
import { addressesIn, boundedLine, redactText, withoutContacts } from './redaction.ts'

const MESSAGE_LIMIT = 500
const WARNINGS_LIMIT = 50
const NAMES_LIMIT = 100
const RULES_LIMIT = 50
/** UTF-16 code units of the JSON of what a webhook sent along; more is left out. */
const DATA_LIMIT = 4096

/** `clean` takes out of a text who asked. Names of rules, names asked for and counts stay as they are. */
export function verdictContent(verdict: RecordedVerdict, clean: (text: string) => string): RecordedVerdict {
  const line = (text: string) => boundedLine(clean(redactText(text)), MESSAGE_LIMIT)
  return {
    ...verdict,
    warnings: verdict.warnings
      .slice(0, WARNINGS_LIMIT)
      .map(({ rule, message }) => ({ rule, message: line(message) })),
    names: verdict.names
      .slice(0, NAMES_LIMIT)
      .map((name) => ({ ...name, identifier: plain(name.identifier), message: line(name.message) })),
    rules: verdict.rules
      .slice(0, RULES_LIMIT)
      .map((rule) => ({ ...rule, because: rule.because === null ? null : line(rule.because) })),
    read: readContent(verdict.read, line),
  }
}

function readContent(read: PolicyRead, line: (text: string) => string): PolicyRead {
  const { webhooks, externalAccount } = read
  return {
    ...read,
    ...(typeof externalAccount === 'string' && { externalAccount: redactText(externalAccount) }),
    ...(webhooks && {
      webhooks: Object.fromEntries(
        Object.entries(webhooks).map(([name, answer]) => [name, answerContent(answer, line)]),
      ),
    }),
  }
}

function answerContent(
  { allow, reason, data }: WebhookAnswer,
  line: (text: string) => string,
): WebhookAnswer {
  const fits = data !== undefined && JSON.stringify(data).length <= DATA_LIMIT
  return {
    allow,
    reason: reason === null ? null : line(reason),
    data: fits ? textsOf(data, line) : null,
  }
}

/** Every text in it made a line, its members' names too. */
function textsOf(value: unknown, line: (text: string) => string): unknown {
  if (typeof value === 'string') return line(value)
  if (Array.isArray(value)) return value.map((element) => textsOf(element, line))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [line(name), textsOf(member, line)]),
  )
}

/** What was asked for is evidence and stays, but for credentials, and for e-mail addresses where a name should be. */
export function askedContent(asked: Asked): Asked {
  switch (asked.kind) {
    case 'order':
      return {
        kind: 'order',
        profile: plainOrNull(asked.profile),
        notBefore: plainOrNull(asked.notBefore),
        notAfter: plainOrNull(asked.notAfter),
        replaces: plainOrNull(asked.replaces),
      }
    case 'account': {
      const { externalAccount, status } = asked
      // An operator's own name for the binding: a policy's rules know it by it.
      const binding = externalAccount === null ? null : redactText(externalAccount)
      return { ...asked, externalAccount: binding, status: plainOrNull(status) }
    }
    case 'finalize':
      return { kind: 'finalize', csr: asked.csr && csrContent(asked.csr) }
    case 'revocation':
      return { ...asked, names: asked.names?.map(plain) ?? null }
    default:
      return asked
  }
}

function csrContent(csr: CertificateRequest): CertificateRequest {
  return {
    ...csr,
    names: csr.names.map(plain),
    commonNames: csr.commonNames.map(plainText),
    faults: csr.faults.map(plainText),
  }
}

function plain({ type, value }: Identifier): Identifier {
  return { type, value: plainText(value) }
}

function plainOrNull(text: string | null): string | null {
  return text === null ? null : plainText(text)
}

function plainText(text: string): string {
  return withoutContacts(redactText(text), addressesIn(text))
}
