/** The certificate a listener serves: minted under its own root, or read from files; fresh at every check. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { mintLeaf } from '../interception/leaf.ts'
import { LISTENER_ROOT_WARNING_DAYS, loadOrCreateListenerRoot } from '../interception/listener-root.ts'
import { subjectNames } from '../interception/name-constraints.ts'
import type { CertificateEvent, CertificateOrigin } from './listener-options.ts'

export interface ServedCertificate {
  /** PEM: the leaf first, then what the client needs to reach a root it knows. */
  readonly chain: string
  readonly key: string
  readonly notAfter: Date
}

export interface CertificateSource {
  /** PEM of the listener's own root; null where the certificate comes from files. */
  readonly rootCertificate: string | null
  current(): ServedCertificate
  /** The certificate to serve from now on when it is another than before, else null. Never throws. */
  check(): Promise<ServedCertificate | null>
}

const DAY_MS = 86_400_000

/** Throws when there is nothing fit to serve at the start: ListenerRootError, file system errors, bad pairs. */
export async function openCertificateSource(
  origin: CertificateOrigin,
  names: readonly string[],
  now: () => Date,
  report: (event: CertificateEvent) => void,
): Promise<CertificateSource> {
  if (origin.from === 'files') return await fromFiles(origin.chain, origin.key, report)
  if (origin.from === 'managed') return await managed(origin, names, now, report)
  return await underOwnRoot(origin.folder, names, now, report)
}

async function underOwnRoot(
  folder: string,
  names: readonly string[],
  now: () => Date,
  report: (event: CertificateEvent) => void,
): Promise<CertificateSource> {
  const subject = subjectNames(names)
  const root = await loadOrCreateListenerRoot(folder, subject, now)
  const mint = async () => {
    const leaf = await mintLeaf(root, subject, now())
    return { chain: leaf.certificate, key: leaf.key, notBefore: leaf.notBefore, notAfter: leaf.notAfter }
  }
  let served = await mint()
  let warnedAt = Number.NEGATIVE_INFINITY
  const warn = () => {
    const time = now().getTime()
    const soon = root.notAfter.getTime() - time < LISTENER_ROOT_WARNING_DAYS * DAY_MS
    if (!soon || time - warnedAt < DAY_MS) return
    warnedAt = time
    report({ kind: 'rootEndsSoon', notAfter: root.notAfter })
  }
  warn()
  return {
    rootCertificate: root.certificate,
    current: () => served,
    check: async () => {
      warn()
      const [start, end, time] = [served.notBefore.getTime(), served.notAfter.getTime(), now().getTime()]
      if (time >= start && end - time > (end - start) / 2) return null
      try {
        served = await mint()
        return served
      } catch (error) {
        report({ kind: 'certificateRefused', detail: reason(error) })
        return null
      }
    },
  }
}

/**
 * Content is compared, not times: that also sees symlinks swapped above the files, as Kubernetes does. A bad
 * pair is reported when it is found twice in a row, for the two files are seldom replaced in one moment.
 */
async function fromFiles(
  chainFile: string,
  keyFile: string,
  report: (event: CertificateEvent) => void,
): Promise<CertificateSource> {
  const read = async () => ({
    chain: await readFile(chainFile, 'utf8'),
    key: await readFile(keyFile, 'utf8'),
  })
  let served = usable(await read())
  let lastTrouble = ''
  let reportedTrouble = ''
  return {
    rootCertificate: null,
    current: () => served,
    check: async () => {
      let seen = ''
      try {
        const pair = await read()
        if (pair.chain === served.chain && pair.key === served.key) {
          lastTrouble = reportedTrouble = ''
          return null
        }
        seen = pair.chain + pair.key
        served = usable(pair)
        lastTrouble = reportedTrouble = ''
        return served
      } catch (error) {
        const detail = reason(error)
        const trouble = detail + seen
        if (trouble === lastTrouble && trouble !== reportedTrouble) {
          reportedTrouble = trouble
          report({ kind: 'certificateRefused', detail })
        }
        lastTrouble = trouble
        return null
      }
    },
  }
}

/** From files as soon as there are some that can be used, and from then on. */
async function managed(
  { folder, chain, key }: Extract<CertificateOrigin, { from: 'managed' }>,
  names: readonly string[],
  now: () => Date,
  report: (event: CertificateEvent) => void,
): Promise<CertificateSource> {
  let reported = ''
  const files = async () => {
    try {
      return await fromFiles(chain, key, report)
    } catch (error) {
      const detail = reason(error)
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      if (!isMissing && detail !== reported) report({ kind: 'certificateRefused', detail })
      reported = detail
      return null
    }
  }
  const first = await files()
  let isBootstrapped = first === null
  let source = first ?? (await underOwnRoot(folder, names, now, report))
  return {
    get rootCertificate() {
      return source.rootCertificate
    },
    current: () => source.current(),
    check: async () => {
      const there = isBootstrapped ? await files() : null
      if (there === null) return await source.check()
      isBootstrapped = false
      source = there
      return source.current()
    },
  }
}

function usable(pair: { chain: string; key: string }): ServedCertificate {
  const leaf = new X509Certificate(pair.chain)
  if (!leaf.checkPrivateKey(createPrivateKey(pair.key))) {
    throw new Error('the key does not belong to the first certificate of the chain')
  }
  createSecureContext({ cert: pair.chain, key: pair.key })
  return { ...pair, notAfter: leaf.validToDate }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : 'unknown'
}
