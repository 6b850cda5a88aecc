/**
 * A proxy auto-configuration file, for programs and systems that read one: the CAs go through acmetap, and past it
 * where it does not answer; everything else goes direct. ACME clients themselves read proxy variables, not this.
 */

export interface ProxyAutoConfig {
  /** `host:port` of listener proxy. */
  readonly proxy: string
  /** CA hosts, without ports. */
  readonly hosts: readonly string[]
}

export function pacFile({ proxy, hosts }: ProxyAutoConfig): string {
  const names = [...new Set(hosts)].map((host) => JSON.stringify(host.toLowerCase()))
  return [
    'function FindProxyForURL(url, host) {',
    `  var cas = [${names.join(', ')}];`,
    '  host = host.toLowerCase();',
    '  for (var i = 0; i < cas.length; i++) {',
    `    if (host === cas[i]) return ${JSON.stringify(`PROXY ${proxy}; DIRECT`)};`,
    '  }',
    '  return "DIRECT";',
    '}',
    '',
  ].join('\n')
}
