import { hash } from 'node:crypto'
import { stringMember } from '../../acme/members.ts'
import type { Operation } from '../../acme/operation.ts'
import { readAuthorization, readOrder } from '../../acme/response-objects.ts'
import type { Contents } from './contents.ts'
import {
  contactsOf,
  type EndedRecord,
  type Format,
  identifiersOf,
  type LineContext,
  operationOf,
} from './line.ts'

/** KeyChest Amp's word for each operation it knew. */
export const AMP_MESSAGES: Readonly<Partial<Record<Operation, string>>> = {
  directory: 'directory',
  newAccount: 'new-acct',
  newNonce: 'new-nonce',
  newOrder: 'new-order',
  revokeCert: 'revoke-cert',
  keyChange: 'key-change',
  authorization: 'auth',
  finalize: 'final',
  challenge: 'chall',
  order: 'order',
}

const ANSWER_NEEDED: ReadonlySet<Operation> = new Set(['newAccount', 'newOrder', 'authorization', 'order'])

/** Exactly the lines of KeyChest Amp 0.2: its members, in its order, and no others. */
export const ampFormat: Format = {
  needs: (operation) => ({ payload: false, answer: ANSWER_NEEDED.has(operation) }),
  line(exchange, contents, context) {
    const message = AMP_MESSAGES[operationOf(exchange)]
    if (message === undefined) return null
    return JSON.stringify(envelope(message, ampParams(exchange, contents, context), exchange, context))
  },
}

export function envelope(
  msg: string,
  params: object,
  { intent }: EndedRecord,
  { line, backlog, writtenAt, program }: LineContext,
) {
  return {
    msg,
    params,
    time: ampTime(intent.at),
    proxy: proxyId(intent.stream),
    id: line,
    host: program.host,
    ip: program.ip,
    version: program.version,
    backlog,
    log_time: ampTime(writtenAt),
  }
}

/** `params` of an operation that Amp knew; what the record does not have is an empty string or list. */
export function ampParams(exchange: EndedRecord, contents: Contents, context: LineContext): object {
  const { outcome } = exchange
  const { answer } = contents
  const common = commonParams(exchange, context)
  const code = outcome.status ?? 0
  const account = pathOf(outcome.account ?? exchange.intent.account)
  const status = outcome.objectStatus ?? ''
  switch (operationOf(exchange)) {
    case 'newAccount': {
      const contact = contactsOf(exchange)
      const email = contact.find((url) => /^mailto:/i.test(url))?.slice('mailto:'.length) ?? ''
      const source = stringMember(answer, 'initialIp') ?? ''
      return { ...common, contact, email, account, source, status, code }
    }
    case 'newOrder': {
      const { authorizations, finalize } = readOrder(answer)
      const domains = identifiersOf(exchange)
      const order = pathOf(outcome.order)
      return {
        ...common,
        domains,
        authz: authorizations.map(pathOf),
        finalize: pathOf(finalize),
        account,
        order,
        code,
      }
    }
    case 'authorization': {
      const { expires, identifier } = readAuthorization(answer)
      const authz = pathOf(outcome.authorization ?? exchange.intent.authorization)
      return {
        ...common,
        account,
        authz,
        status,
        expires: expires ?? '',
        identifier: identifier ?? identifiersOf(exchange)[0] ?? {},
        code,
      }
    }
    case 'challenge':
      return {
        ...common,
        account,
        chall: pathOf(outcome.challenge ?? exchange.intent.challenge),
        status,
        code,
      }
    case 'order': {
      const { finalize } = readOrder(answer)
      // An order has many challenges or none: what Amp documents as `chall` here is the object that was asked for.
      const chall = pathOf(outcome.order ?? exchange.intent.order)
      const certificate = pathOf(outcome.certificate)
      const identifiers = identifiersOf(exchange)
      return { ...common, account, chall, status, identifiers, finalize: pathOf(finalize), certificate, code }
    }
    case 'finalize':
      return { ...common, account, status, certificate: pathOf(outcome.certificate), code }
    case 'revokeCert':
    case 'keyChange':
      return { ...common, account, code }
    default:
      return { ...common, code }
  }
}

export function commonParams({ intent, personal }: EndedRecord, { program }: LineContext) {
  return {
    epoch: Math.floor(intent.at / 1e6),
    client: personal.clientAddress ?? '',
    server: (intent.ca === null ? null : program.hostOfCa(intent.ca)) ?? intent.request.authority ?? '',
    agent: intent.request.fields['user-agent'] ?? intent.client.userAgent ?? '',
  }
}

/** Amp writes paths where ACME has URLs. */
export function pathOf(url: string | null): string {
  if (url === null) return ''
  return URL.canParse(url) ? new URL(url).pathname + new URL(url).search : url
}

/** `2019-12-11 08:40:37`, UTC. */
function ampTime(at: number): string {
  return new Date(Math.floor(at / 1000)).toISOString().slice(0, 19).replace('T', ' ')
}

/** 24 letters and digits that stay the same for one record, in the place of Amp's random ones. */
function proxyId(stream: string): string {
  const digits = BigInt(`0x${hash('sha256', stream)}`).toString(36)
  return `${digits.slice(0, 24).padStart(24, '0')}@amp.keychest.net`
}
