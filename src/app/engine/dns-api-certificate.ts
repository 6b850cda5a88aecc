import type { SecureContextOptions, TlsOptions } from 'node:tls'
import type { EngineDnsConfig } from '../../config/engine.ts'
import type { Config } from '../../config/schema.ts'
import type { DnsApiTls } from '../../engine/dns/acme-dns-api.ts'
import { secureContextOptions } from '../../interception/secure-context.ts'
import { openCertificateSource } from '../../proxy/listener-certificate.ts'
import type { CertificateEvent } from '../../proxy/listener-options.ts'
import { originOf } from '../listeners.ts'

/** ms. */
const CHECK = 60_000

/** The certificate of acme-dns's API, by the listener root, made anew before it ends. */
export async function dnsApiCertificate(
  config: Config,
  { names }: NonNullable<EngineDnsConfig['api']>,
  report: (event: CertificateEvent) => void,
): Promise<DnsApiTls & { close(): void }> {
  const source = await openCertificateSource(originOf(undefined, config), names, () => new Date(), report)
  let use: (options: SecureContextOptions) => void = () => {}
  const timer = setInterval(() => {
    void source.check().then((fresh) => {
      if (fresh !== null) use(secureContextOptions(fresh))
    })
  }, CHECK).unref()
  return {
    get options(): TlsOptions {
      return secureContextOptions(source.current())
    },
    watch(told) {
      use = told
    },
    close: () => clearInterval(timer),
  }
}
