import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { AdminTls } from '../api/admin.ts'
import type { Config } from '../config/schema.ts'
import { secureContextOptions } from '../interception/secure-context.ts'
import { type CertificateSource, openCertificateSource } from '../proxy/listener-certificate.ts'
import type { CertificateEvent } from '../proxy/listener-options.ts'
import { adminSpeaksTls, originOf } from './listeners.ts'

/** As for the other listeners: how often files are looked at, and a leaf for its age. */
const CHECK = 10_000

/** The certificate of the admin listener, and whose certificates it takes; both fresh from their files. */
export class AdminCertificates implements AdminTls {
  readonly #source: CertificateSource
  readonly #trustFile: string | null
  readonly #required: boolean
  readonly #report: (event: CertificateEvent) => void
  #trust: string | undefined
  #refused = ''
  #use: (options: SecureContextOptions) => void = () => {}
  #checking: Promise<void> = Promise.resolve()
  readonly #timer = setInterval(() => void this.check(), CHECK).unref()

  private constructor(
    source: CertificateSource,
    clients: Config['listeners']['admin']['client_certificates'],
    trust: string | undefined,
    report: (event: CertificateEvent) => void,
  ) {
    this.#source = source
    this.#trustFile = clients?.trust ?? null
    this.#required = clients?.required ?? false
    this.#trust = trust
    this.#report = report
  }

  /**
   * Null without TLS. Rejects with what is wrong with the files or the listener root. The root must have been prepared
   * for the names of all listeners.
   */
  static async open(
    config: Config,
    report: (event: CertificateEvent) => void,
  ): Promise<AdminCertificates | null> {
    if (!adminSpeaksTls(config)) return null
    const { certificate, names, client_certificates: clients } = config.listeners.admin
    const origin = originOf(certificate, config)
    const trust = clients === undefined ? undefined : await readTrust(clients.trust)
    const source = await openCertificateSource(origin, names, () => new Date(), report)
    return new AdminCertificates(source, clients, trust, report)
  }

  get options(): TlsOptions {
    const asked = this.#trustFile === null ? {} : { requestCert: true, rejectUnauthorized: this.#required }
    return { ...this.#context(), ...asked }
  }

  watch(use: (options: SecureContextOptions) => void): void {
    this.#use = use
  }

  /** Takes up what has changed; bad files are reported, and what was served stays. Never rejects. */
  check(): Promise<void> {
    this.#checking = this.#checking.then(() => this.#checkNow())
    return this.#checking
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async #checkNow(): Promise<void> {
    const fresh = await this.#source.check()
    const trusted = await this.#freshTrust()
    if (fresh === null && !trusted) return
    this.#use(this.#context())
    this.#report({ kind: 'certificateReplaced', notAfter: this.#source.current().notAfter })
  }

  async #freshTrust(): Promise<boolean> {
    if (this.#trustFile === null) return false
    try {
      const trust = await readTrust(this.#trustFile)
      this.#refused = ''
      if (trust === this.#trust) return false
      this.#trust = trust
      return true
    } catch (error) {
      const detail = error instanceof Error ? error.message.slice(0, 300) : 'unknown'
      if (detail !== this.#refused) this.#report({ kind: 'certificateRefused', detail })
      this.#refused = detail
      return false
    }
  }

  #context(): SecureContextOptions {
    const options = secureContextOptions(this.#source.current())
    return this.#trust === undefined ? options : { ...options, ca: this.#trust }
  }
}

/** A file without a certificate would let the machine's own roots in. */
async function readTrust(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8')
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (certificates.length === 0) throw new Error(`${file} holds no certificate`)
  for (const certificate of certificates) new X509Certificate(certificate)
  return certificates.join('\n')
}
