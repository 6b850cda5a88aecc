// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a configuration names a variable
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load.ts'
import { readPassword } from '../../src/config/secrets.ts'
import { shownForm } from '../../src/config/shown-form.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'config-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CAS = 'cas: { a: { directory: https://a.example/d }, b: { directory: "https://b.example:14000/d" } }\n'

const load = (text: string, readFiles = false) =>
  parseConfig(`version: 1\n${CAS}${text}`, path.join(folder, 'acmetap.yaml'), {
    env: { SECRET: 'correct horse' },
    readFiles,
  })

function refusals(text: string, readFiles = false): string[] {
  try {
    load(text, readFiles)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path: at, message }) => `${at}: ${message}`)
  }
  return []
}

test('a whole configuration for intercept', () => {
  const { config } = load(`
listeners:
  proxy: { users: [{ name: cluster-a, password: "\${SECRET}" }], clients: [10.0.0.0/8, "fd00::/8"] }
  sni: { port: 14000 }
intercept: { cas: [a, b], other_hosts: [dns-providers, api.example.net, "api.example.net:8443", "*.example.org"] }
egress: { proxy: "http://proxy.example.net:3128", username: u, password: "\${SECRET}", no_proxy: ["*.b.example", 10.0.0.0/8] }
sinks:
  - { name: amp, format: amp, file: { path: ./audit.json } }
  - { name: siem, format: amp+, from: start, syslog: { url: "tls://logs.example.net:6514" } }
`)
  expect(config.intercept.other_hosts).toHaveLength(4)
  expect(config.sinks?.[0]?.file).toEqual({
    path: path.join(folder, 'audit.json'),
    rotate: 100 << 20,
    keep: 10,
  })
  expect(config.sinks?.[1]).toMatchObject({ format: 'amp+', from: 'start', syslog: { facility: 16 } })
})

test('no password is shown or goes into the digest', () => {
  const text = (secret: string) =>
    `egress: { proxy: "http://p.example:1", username: u, password: ${secret} }\nlisteners: { proxy: { users: [{ name: x, password: ${secret} }] } }\n`
  const [one, two] = [load(text('swordfish1')), load(text('swordfish2'))]
  expect(JSON.stringify(shownForm(one.config))).not.toContain('swordfish')
  expect(JSON.stringify(shownForm(one.config)).match(/\[secret\]/g)).toHaveLength(2)
  expect(one.digest).toBe(two.digest)
})

test('a password comes from the key or the first line of the file', () => {
  const file = path.join(folder, 'password')
  writeFileSync(file, 'open sesame\r\nrest\n')
  expect(readPassword({ password: 'x' })).toBe('x')
  expect(readPassword({ password_file: file })).toBe('open sesame')
  expect(readPassword({})).toBeNull()
  writeFileSync(file, '\n')
  expect(() => readPassword({ password_file: file })).toThrow('no password')
})

test.each([
  ['intercept: { cas: [c] }', 'intercept.cas[0]: names a CA that is not under cas'],
  ['intercept: { cas: [a, a] }', 'intercept.cas[1]: is in the list twice'],
  ['intercept: { other_hosts: sometimes }', 'intercept.other_hosts: must be one of refuse, tunnel'],
  [
    'intercept: { other_hosts: [UPPER] }',
    'intercept.other_hosts[0]: must be a name in lower case, name:port, *.name or one of dns-providers, ca-services, package-mirrors',
  ],
  ['listeners: { proxy: { users: [{ name: x }] } }', 'listeners.proxy.users[0]: has no password'],
  [
    'listeners: { proxy: { users: [{ name: x, password: a, password_file: b }] } }',
    'listeners.proxy.users[0].password: and password_file exclude each other',
  ],
  [
    'listeners: { proxy: { users: [{ name: x, password: a }, { name: x, password: b }] } }',
    'listeners.proxy.users[1].name: is already the name of users[0]',
  ],
  [
    'listeners: { sni: { client_address: { from: proxy_protocol } } }',
    'listeners.sni.client_address.trusted: is needed with from: proxy_protocol, or anyone could claim any address',
  ],
  [
    'egress: { proxy: "http://u:p@proxy:1" }',
    'egress.proxy: must not carry a user name or password; write them as username and password_file',
  ],
  ['egress: { proxy: "socks5://proxy:1" }', 'egress.proxy: must be http://host:port or https://host:port'],
  ['egress: { username: x, password: y }', 'egress.username: has no proxy to go with'],
  ['egress: { proxy: "http://p:1", password: y }', 'egress.password: has no username to go with'],
  [
    'egress: { resolvers: [dns.example.net] }',
    'egress.resolvers[0]: must be the IP address of a DNS server, with :port where it is not 53',
  ],
  [
    'sinks: [{ name: x, file: { path: a } }, { name: y, file: { path: a } }]',
    'sinks[1].file.path: is already the file of sinks[0]',
  ],
  ['sinks: [{ name: x }]', 'sinks[0]: leads nowhere'],
  ['sinks: [{ name: x, stdout: true, file: { path: a } }]', 'sinks[0]: leads to file and stdout at once'],
  [
    'sinks: [{ name: x, syslog: { url: "http://a:1" } }]',
    'sinks[0].syslog.url: must be udp://host:port, tcp://host:port or tls://host:port',
  ],
  [
    'sinks: [{ name: x, file: { path: a, rotate: 5KB } }]',
    'sinks[0].file.rotate: is not a size: a number with one of the units B, KiB, MiB, GiB',
  ],
])('%s', (text, expected) => {
  expect(refusals(text)).toContain(expected)
})

test('two CAs behind one host and port cannot both be taken over', () => {
  const twins = 'cas: { x: { directory: https://a.example/one }, y: { directory: https://a.example/two } }'
  expect(() =>
    parseConfig(`version: 1\n${twins}\nintercept: { cas: [x, y] }\n`, '/x/a.yaml', {
      env: {},
      readFiles: false,
    }),
  ).toThrow('has the same host and port as x')
})

test('files that are named must be there', () => {
  expect(
    refusals(
      'egress: { proxy: "https://p.example:1", trust: ./no.pem, username: u, password_file: ./no }\nsinks: [{ name: s, syslog: { url: "tls://a:1", trust: no.pem } }]\n',
      true,
    ),
  ).toEqual([
    'egress.trust: names a file that does not exist',
    'egress.password_file: names a file that does not exist',
    'sinks[0].syslog.trust: names a file that does not exist',
  ])
})
