// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how a configuration names a variable
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { type LoadOptions, loadConfig, parseConfig } from '../../src/config/load.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'config-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const FILE = '/etc/acmetap/acmetap.yaml'
const load = (text: string, options: LoadOptions = {}) =>
  parseConfig(text, FILE, { env: {}, readFiles: false, ...options })

/** Each problem as `line:column path: message[ | instead]`. */
function refusals(text: string, options: LoadOptions = {}): string[] {
  try {
    load(text, options)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).problems.map(
      ({ line, column, path: at, message, instead }) =>
        `${line}:${column} ${at}: ${message}${instead === null ? '' : ` | ${instead}`}`,
    )
  }
  throw new Error('was accepted')
}

const PEBBLE = 'cas:\n  pebble: { directory: https://localhost:14000/dir }\n'

describe('accepted', () => {
  test('a small file gets every default', () => {
    const { config, warnings, file } = load(
      `version: 1\n${PEBBLE}relay: [{ host: 'localhost:8443', ca: pebble }]\n`,
    )
    expect(config).toEqual({
      version: 1,
      broker: [],
      local_cas: {},
      instance: 'acmetap',
      data: '/etc/acmetap/data',
      store: 'sqlite',
      log: { level: 'info', format: 'json' },
      cas: { pebble: { directory: ['https://localhost:14000/dir'], timeout: 60_000, addresses: [] } },
      listeners: {
        acme: {
          address: '127.0.0.1',
          port: 8443,
          names: ['localhost'],
          client_address: { from: 'connection', trusted: [] },
        },
        proxy: {
          address: '127.0.0.1',
          port: 3128,
          names: ['localhost'],
          client_address: { from: 'connection', trusted: [] },
          clients: [],
        },
        admin: {
          address: '127.0.0.1',
          port: 9080,
          tls: false,
          names: ['localhost'],
          metrics: 'open',
        },
      },
      relay: [{ host: 'localhost:8443', ca: 'pebble' }],
      intercept: { cas: [], other_hosts: 'refuse' },
      egress: { no_proxy: [], addresses: [], resolvers: [] },
      engine: {
        ...{ accounts: [], solvers: [], challenges: [], certificates: [] },
        ...{ preflight: true, renew: true, staging: {}, reissue: { pace: 5000, stop_at: 20 } },
      },
      limits: { in_flight: 512, tunnels: 256, tunnel_idle: 300_000, wait: 20_000 },
      retention: { exchanges: 400 * 86_400_000, bodies: 400 * 86_400_000, personal: 400 * 86_400_000 },
      privacy: { address: 'keep', contact: 'keep', proxy_user: 'keep', user_agent: 'keep' },
      shutdown: { drain: 30_000 },
      alerts: expect.objectContaining({ wait: 2000, burst: 10, interval: 300_000 }),
      watch: { endpoints: [], learn: false, every: 86_400_000, renewal_info: true },
    })
    expect(warnings).toEqual([])
    expect(file).toBe(FILE)
  })

  test('paths are relative to the file', () => {
    const { config } = load(
      `version: 1\ndata: ../state\ncas:\n  a: { directory: https://a.example/d, trust: roots/a.pem }\nlisteners: { acme: { certificate: { chain: c.pem, key: /k.pem } } }\n`,
    )
    expect(config.data).toBe('/etc/state')
    expect(config.cas.a!.trust).toBe('/etc/acmetap/roots/a.pem')
    expect(config.listeners.acme.certificate).toEqual({ chain: '/etc/acmetap/c.pem', key: '/k.pem' })
  })

  test('one CA may have several directories under one host and several relay hosts', () => {
    const { config } = load(
      'version: 1\ncas:\n  step:\n    directory: [https://ca.example/acme/a/directory, https://ca.example/acme/b/directory]\nrelay: [{host: "a.example", ca: step}, {host: "b.example:8443", ca: step}]\n',
    )
    expect(config.cas.step!.directory).toHaveLength(2)
    expect(config.relay).toHaveLength(2)
  })

  test('a preset fills in the directory, and what is written wins', () => {
    const { config } = load(
      'version: 1\ncas:\n  le: { preset: letsencrypt }\n  own: { preset: sectigo, directory: https://acme.enterprise.example/x }\n',
    )
    expect(config.cas.le!.directory).toEqual(['https://acme-v02.api.letsencrypt.org/directory'])
    expect(config.cas.own!.directory).toEqual(['https://acme.enterprise.example/x'])
  })

  test('the environment fills in values, as text or as a whole number, never as YAML', () => {
    const env = { PORT: '9443', NAME: 'edge', HOST: 'a.example', EVIL: '{ a: 1 }' }
    const { config } = load(
      'version: 1\ninstance: ${NAME}-1\nlisteners: { acme: { port: "${PORT}", names: ["${HOST}"] } }\ndata: ./${EVIL}$${x}\n',
      { env },
    )
    expect(config.instance).toBe('edge-1')
    expect(config.listeners.acme.port).toBe(9443)
    expect(config.listeners.acme.names).toEqual(['a.example'])
    expect(config.data).toBe('/etc/acmetap/{ a: 1 }${x}')
  })

  test('aliases are followed', () => {
    const { config } = load('version: 1\ncas:\n  a: &x { directory: https://a.example/d }\n  b: *x\n')
    expect(config.cas.b).toEqual(config.cas.a)
  })

  test('the digest tells the meaning, not the spelling', () => {
    const one = load(`version: 1\ninstance: x\n${PEBBLE}`).digest
    const same = load(`version: 1\n# other\n${PEBBLE}instance: "x"\nshutdown: { drain: 30000ms }\n`).digest
    const other = load(`version: 1\ninstance: y\n${PEBBLE}`).digest
    expect(one).toMatch(/^[0-9a-f]{64}$/)
    expect(same).toBe(one)
    expect(other).not.toBe(one)
  })
})

describe('refused with line, column, key and what to write', () => {
  test.each([
    ['', ['1:1 : is empty | Begin with version: 1']],
    ['- 1\n', ['1:1 : must be a mapping of keys to values | Begin with version: 1']],
    ['instance: a\n', ['1:1 version: is missing | Write for example version: 1']],
    ['instance: a\nversion: 1\n', ['2:1 version: must be the first key | Move it to the top']],
    ['version: 2\n', ['1:10 version: must be 1']],
    [
      'version: 1\nlisteners:\n  acme:\n    adress: ::1\n',
      ['4:5 listeners.acme.adress: unknown key | Did you mean address?'],
    ],
    ['version: 1\nin_flight: 5\n', ['2:1 in_flight: unknown key | Did you mean limits.in_flight?']],
    [
      'version: 1\nlimits: { in-flight: 5 }\n',
      ['2:11 limits.in-flight: unknown key | Did you mean in_flight?'],
    ],
    [
      'version: 1\nlimits: { in_flight: lots }\n',
      ['2:22 limits.in_flight: must be a number | Write for example in_flight: 512'],
    ],
    [
      'version: 1\nshutdown: { drain: 30 }\n',
      ['2:20 shutdown.drain: must be text | Write for example drain: 30s'],
    ],
    [
      'version: 1\nshutdown:\n  drain: 1h\n',
      ['3:10 shutdown.drain: must be between 0s and 10m | Write for example drain: 30s'],
    ],
    ['version: 1\nlog: { level: loud }\n', ['2:15 log.level: must be one of debug, info, warn, error']],
    ['version: 1\nstore: postgres://x\n', ['2:8 store: must be sqlite']],
    [
      'version: 1\ncas:\n  A1: { preset: pebble }\n',
      ['3:3 cas.A1: the name must be 1 to 32 lower-case letters, digits or hyphens, first a letter'],
    ],
    [
      'version: 1\ncas:\n  a: { directory: http://a.example/d }\n',
      [
        '3:19 cas.a.directory: must begin with https:// | Write for example directory: https://localhost:14000/dir',
      ],
    ],
    [
      'version: 1\ncas:\n  a: { directory: [https://a.example/d, https://b.example/d] }\n',
      [
        '3:19 cas.a.directory: has directories of different hosts; give each host its own entry under cas | Write for example directory: https://localhost:14000/dir',
      ],
    ],
    [
      'version: 1\ncas:\n  a: { preset: step-ca }\n',
      [expect.stringMatching(/^3:3 cas\.a\.directory: is missing \| Write directory: .*provisioner/)],
    ],
    [
      `version: 1\n${PEBBLE}relay: [{ host: 'a:1', ca: peble }]\n`,
      ['4:28 relay[0].ca: names a CA that is not under cas | Did you mean pebble?'],
    ],
    [
      `version: 1\n${PEBBLE}relay:\n  - { host: a.example, ca: pebble }\n  - { host: a.example, ca: pebble }\n`,
      ['6:13 relay[1].host: is already the host of relay[0] | Give each CA its own host name or port'],
    ],
    [
      'version: 1\nlisteners:\n  acme: { client_address: { from: x_forwarded_for } }\n',
      [
        expect.stringContaining(
          '3:11 listeners.acme.client_address.trusted: is needed with from: x_forwarded_for',
        ),
      ],
    ],
    ['version: 1\nversion: 1\n', ['2:1 : the same key is written twice']],
    ['version: 1\ncas: { a: { preset: pebble }, a: {} }\n', ['2:31 : the same key is written twice']],
    ['version: !!int 1\n', ['1:16 : a YAML tag (!…) is refused']],
    ['version: 1\n__proto__: {}\n', ['2:1 : this key is refused']],
    ['version: 1\n? [a]\n: b\n', ['2:3 : a key must be text']],
    ['version: 1\ninstance: *x\n', ['2:11 : an alias must come after its anchor']],
    [
      'version: 1\ninstance: *.example.com\n',
      ["2:11 : begins with *, which YAML takes for an alias: put it in quotes, '*.example.com'"],
    ],
    ['version: 1\ninstance: ${LOST}\n', ['2:11 : environment variable LOST is not set']],
    [
      'version: 1\ninstance: ${A B}\n',
      ['2:11 : a variable is written ${NAME}; write $${ for the two characters themselves'],
    ],
    ['version: 1\nlog:\n', [expect.stringContaining('2:1 log: has no value')]],
    ['version: 1\n---\na: 1\n', [expect.stringContaining('is not YAML')]],
    ['version: 1\nproxy: { port: 3128 }\nledger: {}\nbrokers: []\n', expect.objectContaining({ length: 3 })],
  ])('%j', (text, expected) => {
    expect(refusals(text)).toEqual(expected)
  })

  test.each([
    '|canary',
    '>canary',
    '"\\canary"',
    '"\\ucanary"',
    '!canary!canary',
    '!<canary> x',
    '!canary!',
    '*canary',
    '!canary',
    '@canary',
    '`canary',
    '%canary',
    '"canary',
    "'x'canary",
    '[canary',
    '{canary',
    ']canary',
    'a: canary',
    '- canary',
    '"x" "canary"',
  ])('a password that YAML reads otherwise (%s) is not repeated', (password) => {
    const text = (value: string) =>
      `version: 1\nlisteners:\n  proxy:\n    users: [{ name: a, password: ${value} }]\n`
    const block = `version: 1\negress:\n  password: ${password}\n  username: x\n`
    for (const found of [refusals(text(password)), refusals(block)]) {
      expect(found.length).toBeGreaterThan(0)
      expect(found.join('\n')).not.toContain('canary')
    }
  })

  test('everything that is wrong at once, by line', () => {
    const text = `version: 1\nrelay:\n  - { host: UP, ca: nobody }\n  - 7\nlisteners: { acme: { port: x, names: [] } }\ncas:\n  a: { directory: ftp://a/, timeout: 1 }\ninstanze: a\n`
    const found = refusals(text)
    expect(found.map((line) => line.split(': ')[0]!.split(' ')[1])).toEqual([
      'relay[0].host',
      'relay[0].ca',
      'relay[1]',
      'listeners.acme.port',
      'listeners.acme.names',
      'cas.a.directory',
      'cas.a.timeout',
      'instanze',
    ])
  })

  test('more than a hundred aliases, and few that multiply', () => {
    const many = `version: 1\nrelay:\n  - &a { host: h, ca: c }\n${'  - *a\n'.repeat(101)}`
    expect(refusals(many)).toEqual(['104:5 : more than 100 aliases'])
    const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]']
    for (let i = 1; i < 9; i++) {
      const [name, last] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)]
      laughs.push(`${name}: &${name} [${Array(9).fill(`*${last}`).join(',')}]`)
    }
    expect(refusals(`version: 1\n${laughs.join('\n')}\n`)[0]).toMatch(/alias/i)
  })

  test('deep nesting', () => {
    expect(refusals(`version: 1\nrelay: ${'['.repeat(200)}${']'.repeat(200)}\n`)).toEqual([
      expect.stringContaining('is nested too deep'),
    ])
    expect(refusals('['.repeat(100_000))).not.toEqual([])
  })

  test('a value from the environment is never repeated', () => {
    const found = refusals('version: 1\ninstance: ${SECRET}\nlog: { level: "${SECRET}" }\n', {
      env: { SECRET: 'hunter2 !' },
    })
    expect(found).toHaveLength(2)
    expect(found.join()).not.toContain('hunter2')
  })

  test('a removed key by name, with the replacement', () => {
    const removedKeys = { 'cas.*.url': 'Write directory instead', upstream: 'Write cas and relay instead' }
    expect(
      refusals('version: 1\ncas:\n  a: { url: https://x/, preset: pebble }\nupstream: a\n', { removedKeys }),
    ).toEqual([
      '3:8 cas.a.url: this key was removed | Write directory instead',
      '4:1 upstream: this key was removed | Write cas and relay instead',
    ])
  })
})

describe('files', () => {
  const write = (name: string, bytes: string | Buffer) => {
    const file = path.join(folder, name)
    writeFileSync(file, bytes)
    return file
  }
  const reason = (file: string) => {
    try {
      loadConfig(file)
    } catch (error) {
      return (error as ConfigError).problems.map(({ message }) => message)
    }
    return []
  }

  test('larger than 1 MiB, not UTF-8, missing, a folder', () => {
    expect(reason(write('large.yaml', `version: 1\n#${'x'.repeat(1 << 20)}`))).toEqual([
      'is larger than 1 MiB',
    ])
    expect(reason(write('latin.yaml', Buffer.from('version: 1\ninstance: \xe4\n', 'latin1')))).toEqual([
      'is not valid UTF-8',
    ])
    expect(reason(path.join(folder, 'none.yaml'))).toEqual(['does not exist'])
    expect(reason(folder)).toEqual(['is a folder'])
  })

  test('PEM files that a start would need are read, with their place in the file', () => {
    write('rubbish.pem', 'no certificate')
    const file = write(
      'pem.yaml',
      'version: 1\ncas:\n  a: { preset: pebble, trust: rubbish.pem }\n  b: { preset: pebble, trust: absent.pem }\nlisteners: { acme: { certificate: { chain: rubbish.pem, key: . } } }\n',
    )
    expect(() => loadConfig(file)).toThrow(ConfigError)
    expect(reason(file)).toEqual([
      'holds no certificate in PEM form',
      'names a file that does not exist',
      'holds no certificate in PEM form',
      'names a folder, not a file',
    ])
    expect(loadConfig(file, { readFiles: false }).config.cas.a!.trust).toBe(path.join(folder, 'rubbish.pem'))
  })
})
