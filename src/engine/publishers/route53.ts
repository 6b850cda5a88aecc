/** Amazon Route 53: XML, signed requests, and changes that are all or nothing. */
import { isWithin } from '../../ca/dns/authorities.ts'
import { plainName } from '../../ca/dns/reply.ts'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import { oneLine } from '../one-line.ts'
import type { Publisher } from '../publisher.ts'
import { credential, input, optionalCredential, trusted, withoutSlash } from './provider/credential.ts'
import {
  createProvider,
  type OutgoingCall,
  type ProviderAnswer,
  type ProviderParts,
  type Task,
} from './provider/provider.ts'
import { createRecordSetPublisher, type RecordSet } from './provider/record-set-publisher.ts'
import { untilArrived } from './provider/until-arrived.ts'
import { longestSuffix, type ProviderZone } from './provider/zones.ts'
import { dateV4, type KeyV4, signV4 } from './route53/sign-v4.ts'
import { escapeXml, readXml, textAt, within, type XmlElement } from './route53/xml.ts'

type Settings = NonNullable<SolverConfig['route53']>

interface Zone extends ProviderZone {
  readonly id: string
}

const API = '/2013-04-01'
const NAMESPACE = 'https://route53.amazonaws.com/doc/2013-04-01/'
const UNKNOWN = [
  'InvalidClientTokenId',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'ExpiredToken',
  'IncompleteSignature',
  'MissingAuthenticationToken',
]
const BUSY = ['Throttling', 'ThrottlingException', 'PriorRequestNotComplete']

/** Throws EngineError (`input`) where a key can't be read. */
export function createRoute53(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const { access_key_id: accessKeyId, hosted_zone: hostedZone } = settings
  const { secret_access_key: secret, secret_access_key_file: secretFile } = settings
  const { session_token: session, session_token_file: sessionFile } = settings
  if (accessKeyId === undefined) throw input(name, 'has no access_key_id. Write access_key_id')
  const key: KeyV4 = {
    accessKeyId,
    secretAccessKey: credential(name, 'secret_access_key', { value: secret, file: secretFile }),
    region: regionOf(new URL(settings.endpoint).hostname),
    service: 'route53',
  }
  const token = optionalCredential(name, 'session_token', { value: session, file: sessionFile })

  const authorize = ({ method, url, body }: OutgoingCall) => {
    const { host, pathname, searchParams } = new URL(url)
    const fields = {
      'x-amz-date': dateV4(parts.clock.now().wall),
      ...(token === null ? {} : { 'x-amz-security-token': token }),
    }
    const signed = { method, path: pathname, query: [...searchParams], fields: { host, ...fields }, body }
    return { ...fields, accept: 'application/xml', authorization: signV4(signed, key) }
  }
  const provider = createProvider(
    {
      solver: name,
      title: 'Route 53',
      endpoint: withoutSlash(settings.endpoint),
      trust: trusted(name, settings.trust),
      authorize,
      secrets: () => [key.secretAccessKey, token ?? ''],
      unknown: (answer) => UNKNOWN.includes(errorOf(answer.text).code),
      busy: (answer) => BUSY.includes(errorOf(answer.text).code),
      whenUnknown:
        'Check access_key_id, secret_access_key and session_token, and the clock of this machine; a temporary key may have ended',
      whenForbidden:
        'Allow the key route53:ListHostedZonesByName, GetHostedZone, ListResourceRecordSets, ChangeResourceRecordSets and GetChange',
      explain(text) {
        const { code, message } = errorOf(text)
        return oneLine(message === '' ? code : `${message} (${code})`, 300)
      },
    },
    parts,
  )

  const read = (answer: ProviderAnswer, root: string, doing: string, task: Task): XmlElement => {
    const element = readXml(answer.text)
    if (element?.name === root) return element
    throw provider.fault(
      `answers ${answer.status} to ${doing} with something else than its API has. Check its endpoint; is a proxy between?`,
      task,
    )
  }

  const configured = (id: string) => async (task: Task) => {
    const doing = `the look for hosted zone ${id}`
    const answer = await provider.expect({ path: `${API}/hostedzone/${id}` }, [200], doing, task)
    const zone = plainName(
      textAt(read(answer, 'GetHostedZoneResponse', doing, task), 'HostedZone', 'Name') ?? '',
    )
    if (zone !== '' && isWithin(task.about, zone)) return { id, name: zone }
    throw provider.fault(
      `has hosted zone ${id} for ${zone}, which does not hold the name: correct hosted_zone, or leave it out`,
      task,
    )
  }

  return createRecordSetPublisher<Zone, RecordSet>(provider, {
    zone:
      hostedZone !== undefined
        ? configured(hostedZone)
        : longestSuffix(async (candidate, task) => {
            const doing = `the look for a hosted zone ${candidate}`
            const path = `${API}/hostedzonesbyname?dnsname=${encodeURIComponent(candidate)}&maxitems=20`
            const answer = await provider.expect({ path }, [200], doing, task)
            const listed = read(answer, 'ListHostedZonesByNameResponse', doing, task)
            const found = within(listed, 'HostedZones', 'HostedZone').find(
              (zone) =>
                plainName(textAt(zone, 'Name') ?? '') === candidate &&
                // Nobody outside sees a private one.
                textAt(zone, 'Config', 'PrivateZone') !== 'true',
            )
            const id = /^(?:\/hostedzone\/)?([A-Z0-9]{1,32})$/.exec((found && textAt(found, 'Id')) ?? '')?.[1]
            return id === undefined ? null : { id, name: candidate }
          }),
    async read(zone, task) {
      const doing = `the look for TXT records in hosted zone ${zone.name}`
      const path = `${setsOf(zone)}?maxitems=1&name=${encodeURIComponent(task.about)}&type=TXT`
      const answer = await provider.expect({ path }, [200], doing, task)
      const listed = read(answer, 'ListResourceRecordSetsResponse', doing, task)
      const [set] = within(listed, 'ResourceRecordSets', 'ResourceRecordSet')
      // From that name on: it may be the next one.
      if (set === undefined || textAt(set, 'Type') !== 'TXT') return null
      if (plainName(textAt(set, 'Name') ?? '') !== task.about) return null
      if (textAt(set, 'SetIdentifier') !== null)
        throw provider.fault(
          `has TXT records with a routing policy at ${task.about}: take that policy away, or delegate the name by CNAME`,
          task,
        )
      const contents = within(set, 'ResourceRecords', 'ResourceRecord', 'Value').map(({ text }) => text)
      return { contents, ttl: Number(textAt(set, 'TTL')) }
    },
    /** What was there is deleted exactly as it was: where it is another by now, the whole batch fails. */
    async replace(zone, held, wanted, task) {
      const changes = [
        ...(held === null ? [] : [changeOf('DELETE', task.about, held)]),
        ...(wanted === null ? [] : [changeOf('CREATE', task.about, wanted)]),
      ].join('')
      const answer = await provider.call(
        {
          method: 'POST',
          path: setsOf(zone),
          fields: { 'content-type': 'application/xml' },
          text: `<?xml version="1.0" encoding="UTF-8"?><ChangeResourceRecordSetsRequest xmlns="${NAMESPACE}"><ChangeBatch><Changes>${changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`,
          repeatable: true,
        },
        task,
      )
      const doing = `the change of hosted zone ${zone.name}`
      const { code, message } = errorOf(answer.text)
      if (answer.status === 400 && code === 'InvalidChangeBatch' && isOvertaken(message)) return null
      if (answer.status !== 200) throw provider.refusal(answer, doing, task)
      const info = textAt(read(answer, 'ChangeResourceRecordSetsResponse', doing, task), 'ChangeInfo', 'Id')
      const id = /^(?:\/change\/)?([A-Z0-9]{1,32})$/.exec(info ?? '')?.[1]
      if (id !== undefined) return id
      throw provider.fault(`answers ${doing} without an id. Check its endpoint; is a proxy between?`, task)
    },
    arrived(zone, change, task) {
      const doing = `the change of hosted zone ${zone.name}`
      const look = async () => {
        const answer = await provider.expect({ path: `${API}/change/${change}` }, [200], doing, task)
        return textAt(read(answer, 'GetChangeResponse', doing, task), 'ChangeInfo', 'Status') === 'INSYNC'
      }
      return untilArrived(provider, look, doing, task)
    },
    leastTtl: () => 1,
  })
}

function setsOf({ id }: Zone): string {
  return `${API}/hostedzone/${id}/rrset`
}

function changeOf(action: 'CREATE' | 'DELETE', name: string, { contents, ttl }: RecordSet): string {
  const records = contents
    .map((content) => `<ResourceRecord><Value>${escapeXml(content)}</Value></ResourceRecord>`)
    .join('')
  return `<Change><Action>${action}</Action><ResourceRecordSet><Name>${escapeXml(name)}.</Name><Type>TXT</Type><TTL>${ttl}</TTL><ResourceRecords>${records}</ResourceRecords></ResourceRecordSet></Change>`
}

/** Two shapes: of all errors, and of this one alone. */
function errorOf(text: string): { readonly code: string; readonly message: string } {
  const element = readXml(text)
  if (element?.name === 'InvalidChangeBatch') {
    const messages = within(element, 'Messages', 'Message').map((one) => one.text)
    return { code: 'InvalidChangeBatch', message: messages.join('; ') }
  }
  if (element?.name !== 'ErrorResponse') return { code: '', message: '' }
  return { code: textAt(element, 'Error', 'Code') ?? '', message: textAt(element, 'Error', 'Message') ?? '' }
}

function isOvertaken(message: string): boolean {
  return /but it already exists|but it was not found|but the values provided do not match/.test(message)
}

function regionOf(host: string): string {
  if (host.endsWith('.cn')) return 'cn-northwest-1'
  return host.includes('us-gov') ? 'us-gov-west-1' : 'us-east-1'
}
