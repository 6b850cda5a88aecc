/** Every solver end to end: who looks is Pebble, and who answers is the web server, the name server or the service itself. */

import { startWebServer } from '../support/peers/web-servers.ts'
import { STATELESS } from './lab.ts'
import { lego, reasonWithoutAcmeDns, registerInVain } from './lego-acme-dns.ts'
import { AT, KNOT_ZONE, siteAt } from './places.ts'
import type { Row, Stage } from './row.ts'

const LEFT = 'is still in the DNS'

/** `names`: what for. `type`: the challenge that every one of them is answered with. */
function solving(
  title: string,
  solver: string,
  type: string,
  names: (stage: Stage) => readonly string[],
  more: Partial<Row> = {},
): Row {
  return {
    title,
    async run(stage) {
      const { events, faults } = await stage.issue(solver + title.length, names(stage), {
        words: ['--solver', solver],
      })
      const answered = events.flatMap((event) =>
        event.kind === 'name' && event.state === 'answered' ? [event.text ?? ''] : [],
      )
      if (answered.length < names(stage).length)
        faults.push(`${answered.length} of ${names(stage).length} names were answered for`)
      for (const text of answered) if (!text.startsWith(`${type}:`)) faults.push(`not ${type}: ${text}`)
      return [...faults, ...stage.lab.dns.leftovers().map((line) => `${line} ${LEFT}`)]
    },
    ...more,
  }
}

const both = (label: string) => (stage: Stage) => [stage.name(label), `*.${stage.name(label)}`]

const onlyNewest = (stage: Stage) =>
  stage.ca.name === 'newest' ? null : 'this Pebble does not offer it; the newest one does'

function stateless(index: number): Row {
  const server = STATELESS[index]!
  return {
    title: `http-01: one static line in ${server}`,
    async run(stage) {
      const { lab, ca } = stage
      const { ran, faults } = await stage.ok('engine', 'accounts', 'stateless', ca.name, '--for', server)
      if (faults.length > 0) return faults
      const started = await startWebServer(server, 80, ran.out, siteAt(lab.cas.indexOf(ca), index))
      try {
        const names = [`a.${stage.prefix}`, `b.${stage.prefix}`].map(
          (one) => `${one}.${server}-${ca.name}.lab.test`,
        )
        return (await stage.issue(server, names, { words: ['--solver', 'stateless'] })).faults
      } finally {
        await started.stop()
      }
    },
  }
}

export const SOLVERS: readonly Row[] = [
  solving('http-01: own responder, names and an address', 'http', 'http-01', (stage) => [
    stage.name('http'),
    `mail.${stage.name('http')}`,
    AT.http,
  ]),
  solving('http-01: nginx passes it on to the responder', 'http', 'http-01', (stage) => [
    stage.name('nginx-proxy'),
  ]),
  solving('http-01: Caddy passes it on to the responder', 'http', 'http-01', (stage) => [
    stage.name('caddy-proxy'),
  ]),
  solving('http-01: files that nginx serves', 'webroot', 'http-01', (stage) => [
    stage.name('webroot'),
    `mail.${stage.name('webroot')}`,
  ]),
  ...STATELESS.map((_server, index) => stateless(index)),
  solving('tls-alpn-01: own responder, names and an address', 'alpn', 'tls-alpn-01', (stage) => [
    stage.name('alpn'),
    `mail.${stage.name('alpn')}`,
    AT.alpn,
  ]),
  solving('dns-01: BIND by RFC 2136, a name and its wildcard', 'bind', 'dns-01', both('bind')),
  solving(
    'dns-01: Knot by RFC 2136',
    'knot',
    'dns-01',
    (stage) => [`${stage.prefix}.${KNOT_ZONE}`, `*.${stage.prefix}.${KNOT_ZONE}`],
    { missing: ({ lab }) => (lab.dns.hasKnot ? null : 'Knot is not installed') },
  ),
  solving('dns-01: aliases lead into another zone of BIND', 'bind', 'dns-01', both('alias')),
  solving('dns-01: an alias leads from BIND to our responder', 'bind', 'dns-01', both('into-own')),
  solving('dns-01: our responder', 'own', 'dns-01', both('own')),
  solving('dns-01: exec, as lego calls it', 'exec', 'dns-01', both('exec')),
  solving('dns-01: exec, raw', 'exec-raw', 'dns-01', both('exec-raw')),
  solving('dns-01: httpreq, as lego calls it', 'httpreq', 'dns-01', both('httpreq')),
  solving('dns-01: httpreq, raw', 'httpreq-raw', 'dns-01', both('httpreq-raw')),
  solving("dns-01: a script of acme.sh's dnsapi", 'acme-sh', 'dns-01', both('acme-sh')),
  solving('dns-account-01: BIND by RFC 2136', 'account', 'dns-account-01', both('account'), {
    missing: onlyNewest,
  }),
  {
    title: 'dns-persist-01: the record that the command prints',
    missing: onlyNewest,
    async run(stage) {
      const name = stage.name('persist')
      const words = ['engine', 'accounts', 'persist', name, '--wildcard', '--ca', stage.ca.name]
      const asked = [...words, '--issuer', 'pebble.letsencrypt.org']
      const before = await stage.lab.acmetap(...asked)
      const faults =
        /not published yet/.test(before.err) && before.code === 1 ? [] : ['it was published before']
      const [record = ''] = before.out.split('\n')
      const value = /TXT\s+(.+)$/.exec(record)?.[1] ?? ''
      stage.lab.dns.update(`update add _validation-persist.${name}. 60 TXT ${value}`)
      faults.push(...(await stage.ok(...asked)).faults)
      const issued = await stage.issue('persist', [name, `*.${name}`], {
        words: ['--solver', 'persist'],
      })
      return [...faults, ...issued.faults]
    },
  },
  {
    title: 'acme-dns: lego is the client of our API',
    missing: ({ way }) => (way === 'server' ? reasonWithoutAcmeDns() : 'the API is a server’s'),
    async run(stage) {
      const name = stage.name('lego')
      const { alias, text } = await registerInVain(stage, name)
      if (alias === null) return [`lego did not say which alias it wants: ${text.slice(-1500)}`]
      stage.lab.dns.update(`update add _acme-challenge.${name}. 1 CNAME ${alias}`)
      return lego(stage, name)
    },
  },
  {
    title: '20 names and wildcards in one order, six solvers',
    async run(stage) {
      const names = [
        ...['a', 'b', 'c', 'd', 'e'].map((one) => `${one}.mix.${stage.name('http')}`),
        ...['a', 'b'].map((one) => `${one}.mix.${stage.name('webroot')}`),
        ...['a', 'b'].map((one) => `${one}.mix.${stage.name('alpn')}`),
        ...both('own')(stage),
        ...both('alias')(stage),
        AT.http,
        ...['a', 'b', 'c'].flatMap((one) => [
          `${one}.mix.${stage.name('zone')}`,
          `*.${one}.mix.${stage.name('zone')}`,
        ]),
      ]
      const { faults } = await stage.issue('mix', names)
      if (names.length !== 20) faults.push(`${names.length} names`)
      return [...faults, ...stage.lab.dns.leftovers().map((line) => `${line} ${LEFT}`)]
    },
  },
]
