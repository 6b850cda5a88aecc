/** Addresses of the lab's network namespace, and its zones. CAs look at ports 53, 80 and 443 there, as out in the world. */
export const ZONE = 'lab.test'
/** Another zone at the same BIND, that aliases lead into. */
export const TARGET_ZONE = 'target.test'
export const KNOT_ZONE = 'knot.lab.test'
/** Delegated to acmetap's own DNS responder. */
export const RESPONDER_ZONE = 'acme-dns.lab.test'

export const AT = {
  dns: '10.77.0.1',
  responder: '10.77.0.53',
  knot: '10.77.0.54',
  http: '10.77.0.80',
  nginxProxy: '10.77.0.81',
  caddyProxy: '10.77.0.82',
  webroot: '10.77.0.83',
  alpn: '10.77.0.90',
} as const

/** Sites with static lines: of each CA and web server its own, for accounts have different thumbprints. */
export const siteAt = (ca: number, server: number) => `10.77.1.${10 * (ca + 1) + server}`
