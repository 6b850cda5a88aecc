import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { at, DnsFailure } from '../../ca/dns/ask.ts'
import { type AuthoritativeServer, askEach, type Told, type Zone, zoneOf } from '../../ca/dns/authorities.ts'
import { recordsAt, sameName, textOf } from '../../ca/dns/reply.ts'
import { type Examination, list, quote } from './examination.ts'
import { lookUp } from './lookup.ts'

const EVERYWHERE = 'txt-not-everywhere' satisfies DiagnosisClass
/** SHA-256 in base64url without padding (RFC 8555 §8.4). */
const DIGEST = /^[A-Za-z0-9_-]{43}$/
/** Old values make the answer longer than UDP takes. */
const MANY = 10

/**
 * dns-01 (RFC 8555 §8.4): the TXT record, where an alias delegates it to, and whether every server of that zone says
 * the same. Between two orders there is none, which is no fault.
 */
export async function examineChallengeRecord(examination: Examination): Promise<void> {
  const { probe, findings } = examination
  const owner = `_acme-challenge.${probe.name}`
  const reply = await lookUp(examination, owner, 'TXT')
  if (reply === null) return
  const { chain, owner: target, records, circular } = recordsAt(reply, owner, 'TXT')
  if (circular) {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `the aliases of ${owner} go round in a circle: ${list([owner, ...chain])}`,
      'Correct the CNAME: it must lead to the name where the client puts the TXT record.',
    )
    return
  }
  if (chain.length > 0) {
    findings.ok('cname', `delegated: ${[owner, ...chain].join(' → ')}`)
  }
  const texts = records.map(({ data }) => textOf(data))
  judgeTexts(examination, target, texts)
  const zones = await examineZone(examination, target, texts)
  if (chain.length > 0) await examineDelegation(examination, owner, chain[0]!, zones)
}

function judgeTexts({ findings }: Examination, owner: string, texts: readonly string[]): void {
  const odd = texts.filter((text) => !DIGEST.test(text))
  if (texts.length === 0) {
    findings.ok('txt', `no TXT record at ${owner} now: the client makes it during an order`)
  } else if (odd.length < texts.length) {
    findings.ok('txt', `TXT at ${owner}: ${list(texts.map((text) => quote(text)))}`)
  }
  if (odd.length > 0) {
    findings.fail(
      'txt-wrong' satisfies DiagnosisClass,
      `TXT at ${owner} is no answer to a challenge: ${list(odd.map((text) => quote(text)))}`,
      'It must be the digest alone: 43 characters of letters, digits, - and _, without quotes or blanks. Correct it, or remove what is left over or comes from a wildcard record.',
    )
  }
  if (texts.length > MANY) {
    findings.note(
      'txt',
      `${texts.length} TXT records are left at ${owner}`,
      'Remove old ones (the clean-up hook of the client fails): long answers need TCP, and some CAs read only the first.',
    )
  }
}

/** Asks the servers of the zone one by one; a CA asks any of them. */
async function examineZone(
  examination: Examination,
  owner: string,
  resolved: readonly string[],
): Promise<string | null> {
  const { findings, probe, signal } = examination
  const zone = await findZone(examination, owner)
  if (zone === null) return null
  const told = await askEach(zone, owner, 'TXT', probe.patience.dns, signal)
  const sound = reportServers(examination, zone, told)
  if (sound.length === 0) return zone.name
  const said = sound.map(({ server, reply }) => ({
    server,
    texts: recordsAt(reply, owner, 'TXT').records.map(({ data }) => textOf(data)),
  }))
  const everything = new Set(said.flatMap(({ texts }) => texts))
  const lagging = said.filter(({ texts }) => [...everything].some((text) => !texts.includes(text)))
  if (lagging.length > 0) {
    findings.fail(
      EVERYWHERE,
      `${list(lagging.map(({ server }) => shown(server)))} ${lagging.length === 1 ? 'does' : 'do'} not have every TXT record of ${owner} that ${list(said.filter((one) => !lagging.includes(one)).map(({ server }) => shown(server))) || 'the others'} has`,
      'Wait in the client until all servers have it (its propagation time), and look why these lag: zone transfer, NOTIFY, serial, a server that is no longer fed.',
    )
  } else if (said.length > 1 || zone.servers.length === 1) {
    findings.ok(EVERYWHERE, `the ${said.length} servers of ${zone.name} agree about ${owner}`)
  }
  const stale = resolved.filter((text) => !everything.has(text))
  if (lagging.length === 0 && stale.length > 0) {
    findings.note(
      'txt',
      `the resolver still has ${list(stale.map((text) => quote(text)))} at ${owner}, the servers of ${zone.name} no longer do`,
      'A low TTL (60 s) on this record keeps resolvers from answering with old values.',
    )
  } else if (lagging.length === 0 && everything.size > 0 && resolved.length === 0) {
    findings.note(
      'txt',
      `the servers of ${zone.name} have TXT at ${owner}, the resolver does not yet`,
      'It has kept that there was none: wait for the negative TTL of the zone (last field of its SOA record).',
    )
  }
  return zone.name
}

async function findZone(examination: Examination, owner: string): Promise<Zone | null> {
  const { findings, resolver, probe } = examination
  let zone: Zone | null
  try {
    zone = await zoneOf(owner, resolver, probe.ports.dns)
  } catch (error) {
    if (!(error instanceof DnsFailure)) throw error
    findings.fail(
      'dns-timeout' satisfies DiagnosisClass,
      `the zone of ${owner} could not be found: ${error.message}`,
      'Name another resolver with --resolver.',
    )
    return null
  }
  if (zone === null || !zone.name.includes('.')) {
    findings.fail(
      'nxdomain' satisfies DiagnosisClass,
      `nobody has a zone for ${owner}${zone === null ? '' : `: it would be in ${quote(zone.name)} itself`}`,
      'Register the domain, or correct the CNAME of the delegation: the client cannot put a record there.',
    )
    return null
  }
  if (zone.servers.length === 0 && zone.unknown.length === 0) {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `the resolver names no NS records for ${zone.name}`,
      'Correct the NS records of the zone and the delegation at the registrar.',
    )
    return null
  }
  if (zone.unknown.length > 0) {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `no address for ${list(zone.unknown)}, which ${zone.name} names as ${zone.unknown.length === 1 ? 'its server' : 'its servers'}`,
      'Correct the NS records of the zone, or give these servers A and AAAA records (glue at the registrar).',
    )
  }
  return zone
}

type Sound = Extract<Told, { reply: unknown }>

/** The servers that answer for their zone; what is wrong with the others goes into the findings. */
function reportServers({ findings }: Examination, zone: Zone, told: readonly Told[]): readonly Sound[] {
  const silent = told.filter((one) => 'failure' in one)
  const lame = told.filter((one): one is Sound => 'reply' in one && isLame(one))
  if (silent.length > 0) {
    findings.fail(
      'dns-timeout' satisfies DiagnosisClass,
      `of the servers of ${zone.name}, no answer from ${list(silent.map(({ server, failure }) => `${shown(server)} (${failure.message})`))}`,
      'Start it, open UDP and TCP port 53, or take it out of the NS records: a CA may ask just this one.',
    )
  }
  if (lame.length > 0) {
    findings.fail(
      'servfail' satisfies DiagnosisClass,
      `${list(lame.map(({ server, reply }) => `${shown(server)} (${isAnswer(reply.rcode) ? 'no authority' : reply.rcode})`))} is named as server of ${zone.name}, but does not answer for it`,
      'Configure the zone there, or take this server out of the NS records and the delegation.',
    )
  }
  return told.filter((one): one is Sound => 'reply' in one && !isLame(one))
}

function isLame({ reply }: Sound): boolean {
  return !isAnswer(reply.rcode) || !reply.authoritative
}

function isAnswer(rcode: string): boolean {
  return rcode === 'NOERROR' || rcode === 'NXDOMAIN'
}

/** The alias itself must be the same on every server of the zone it stands in. */
async function examineDelegation(
  examination: Examination,
  owner: string,
  target: string,
  already: string | null,
): Promise<void> {
  const { findings, probe, resolver, signal } = examination
  const zone = await zoneOf(`${probe.name}`, resolver, probe.ports.dns).catch((error: unknown) => {
    if (error instanceof DnsFailure) return null
    throw error
  })
  if (zone === null || zone.name === already) return
  const told = await askEach(zone, owner, 'CNAME', probe.patience.dns, signal)
  const without = reportServers(examination, zone, told).filter(
    ({ reply }) => !recordsAt(reply, owner, 'CNAME').records.some(({ data }) => sameName(data, target)),
  )
  if (without.length === 0) return
  findings.fail(
    EVERYWHERE,
    `${list(without.map(({ server }) => shown(server)))} does not have the alias ${owner} → ${target}`,
    'Look why this server of the zone lags: a CA that asks it finds no delegation.',
  )
}

function shown({ name, place }: AuthoritativeServer): string {
  return `${name} (${at(place)})`
}
