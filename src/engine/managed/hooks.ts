/** What is done when a new certificate lies where it belongs: a program is run, or a service is told. */
import { createHmac } from 'node:crypto'
import { readCertificateChain } from '../../acme/certificate.ts'
import type { ServiceClient } from '../../ca/service-client.ts'
import type { ManagedCertificateConfig } from '../../config/engine.ts'
import { EngineError } from '../engine-error.ts'
import type { KeptCertificate } from '../job.ts'
import { runProgram } from '../run-program.ts'
import type { SolverContext } from '../solver.ts'

export type HookConfig = ManagedCertificateConfig['hooks'][number]

export interface HookParts {
  /** Tells webhooks. */
  readonly service: Pick<ServiceClient, 'send'>
  /** First line of a file of a secret, or PEM of a file of roots. Throws. */
  readonly readFile: (file: string, kind: 'secret' | 'trust') => string
  /** ms since 1970. */
  readonly now: () => number
}

export interface Deployed {
  readonly certificate: KeptCertificate
  /** Folder of its files. */
  readonly folder: string
  /** Whatever of it a program prints is not shown. */
  readonly key: string | null
}

/** Bytes of an answer that are read. */
const MOST_ANSWER = 65_536

/** Rejects with EngineError (`deploy`), or with the signal's reason. */
export async function runHook(
  hook: HookConfig,
  deployed: Deployed,
  parts: HookParts,
  context: SolverContext,
): Promise<void> {
  if (hook.exec !== undefined) await execute(hook.exec, hook, deployed, context)
  if (hook.webhook !== undefined) await tell(hook.webhook, hook, deployed, parts, context)
}

/** `certbot`'s deploy hooks get the same two variables. */
async function execute(
  argv: readonly string[],
  hook: HookConfig,
  { certificate, folder, key }: Deployed,
  { signal, progress }: SolverContext,
): Promise<void> {
  const names = certificate.identifiers.map(({ value }) => value).join(' ')
  const secrets = [...Object.values(hook.environment), ...linesOfKey(key)]
  const { output, trouble } = await runProgram(argv, {
    environment: {
      ...hook.environment,
      RENEWED_LINEAGE: folder,
      RENEWED_DOMAINS: names,
      ACMETAP_CERTIFICATE: certificate.certificate,
    },
    timeout: hook.timeout,
    signal,
    secrets,
  })
  const said = oneLine(output)
  if (trouble === null) {
    progress(said === '' ? `hook ${argv[0]} has run` : `hook ${argv[0]} has run: ${said}`)
    return
  }
  throw new EngineError(
    'deploy',
    `The certificate is in ${folder}, but hook ${argv[0]} ${trouble}${said === '' ? '' : `: ${said}`}. It is tried again; run it by hand to see why.`,
  )
}

/**
 * `Acmetap-Signature: t=SECONDS,v1=HEX` is HMAC-SHA256 under the secret over `SECONDS.BODY`, as with the webhooks of
 * alerts. The id stays the same however often it is sent.
 */
async function tell(
  url: string,
  hook: HookConfig,
  { certificate, folder }: Deployed,
  { service, readFile, now }: HookParts,
  { signal, progress }: SolverContext,
): Promise<void> {
  const { host } = new URL(url)
  const failed = (why: string) =>
    new EngineError(
      'deploy',
      `The certificate is in ${folder}, but the webhook at ${host} was not told: ${why}. It is tried again.`,
    )
  const body = JSON.stringify(messageOf(certificate, folder))
  const limited = AbortSignal.any([signal, AbortSignal.timeout(hook.timeout)])
  let status: number
  try {
    const secret =
      hook.secret ?? (hook.secret_file === undefined ? null : readFile(hook.secret_file, 'secret'))
    const answer = await service.send({
      url,
      fields: {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        ...(secret === null ? {} : { 'acmetap-signature': signatureOf(secret, now(), body) }),
      },
      body,
      trust: hook.trust === undefined ? null : readFile(hook.trust, 'trust'),
      limit: MOST_ANSWER,
      signal: limited,
    })
    status = answer.status
  } catch (error) {
    signal.throwIfAborted()
    if (limited.aborted) throw failed(`no answer within ${hook.timeout / 1000} s`)
    throw failed(error instanceof Error ? oneLine(error.message) : 'unknown')
  }
  if (status < 200 || status > 299) throw failed(`HTTP ${status}`)
  progress(`the webhook at ${host} was told`)
}

/** CloudEvents 1.0. Names the key by its digest only. */
function messageOf(certificate: KeptCertificate, folder: string): object {
  const facts = readCertificateChain(Buffer.from(certificate.chain))?.leaf ?? null
  return {
    specversion: '1.0',
    id: `${certificate.fingerprint}.deployed`,
    source: 'acmetap',
    type: 'io.acmetap.certificate.deployed',
    subject: certificate.certificate,
    time: timeOf(certificate.issuedAt),
    datacontenttype: 'application/json',
    data: {
      certificate: certificate.certificate,
      names: certificate.identifiers.map(({ value }) => value),
      ca: certificate.ca,
      fingerprint: certificate.fingerprint,
      serial: facts?.serial ?? null,
      issuer: facts?.issuer ?? null,
      spki: facts?.spki ?? null,
      notBefore: timeOf(certificate.notBefore),
      notAfter: timeOf(certificate.notAfter),
      folder,
      chain: certificate.chain,
    },
  }
}

function signatureOf(secret: string, now: number, body: string): string {
  const seconds = Math.floor(now / 1000)
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`
}

/** Lines of its PEM: a program may print only some of them. A shorter one, at the end, gives nothing away. */
function linesOfKey(key: string | null): string[] {
  return (key ?? '').split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'))
}

function timeOf(micros: number): string {
  return new Date(micros / 1000).toISOString()
}

/** At most 300 characters, the last ones. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(-300)
}
