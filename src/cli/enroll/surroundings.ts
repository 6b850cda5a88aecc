/** What the options leave out, from the configuration; without one, the options must say it all. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join, resolve } from 'node:path'
import { PRESETS } from '../../config/presets.ts'
import type { Config } from '../../config/schema.ts'
import { directoryFault } from '../../config/values.ts'
import { AuthorityFolder } from '../../interception/authority-folder.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Certificate, EnrolMode, Enrolment, ProxyAddress } from './client.ts'
import { chosenEndpoint } from './endpoint.ts'

export interface EnrolOptions {
  readonly mode: EnrolMode
  readonly proxy?: string
  /** A name under `cas`, a preset's name, or a directory URL. */
  readonly ca?: string
  readonly root?: string
  /** Mode broker: its name; needed where there are several. */
  readonly endpoint?: string
  readonly label?: string
  /** Key id of an EAB key. */
  readonly eab?: string
}

/** Throws UsageError for options that make no sense, CliError for what is missing on this machine. */
export async function enrolmentOf(
  options: EnrolOptions,
  config: Config | null,
  folder: string,
): Promise<Enrolment> {
  const broker = options.mode === 'broker' ? chosenEndpoint(options, config) : null
  const ca = broker ?? chosenCa(options, config)
  const proxy = proxyOf(options, config)
  const relayed = broker?.relayed ?? (options.mode === 'relay' ? relayedOf(ca, options, config) : [])
  const roots =
    options.root !== undefined
      ? readCertificates(resolve(folder, options.root))
      : options.mode === 'relay' || broker !== null
        ? listenerRoots(config)
        : await interceptionRoots(config)
  return {
    mode: options.mode,
    proxy,
    directories: ca.directories,
    relayed,
    ca: ca.name,
    eab: broker === null ? null : eabOf(options.eab),
    roots,
    proxyRoots: options.mode === 'intercept' && proxy.scheme === 'https' ? proxyRoots(config) : [],
  }
}

function eabOf(id: string | undefined): string | null {
  if (id === undefined) return null
  if (/^[A-Za-z0-9_-]{22}$/.test(id)) return id
  throw new UsageError(
    '--eab must be the 22 characters of a key id, as acmetap eab list shows it; never a MAC key',
  )
}

const WITH_DIRECTORY = Object.entries(PRESETS)
  .filter(([, { directories }]) => directories.length > 0)
  .map(([name]) => name)

interface ChosenCa {
  readonly name: string
  readonly directories: readonly string[]
}

function chosenCa({ ca, mode }: EnrolOptions, config: Config | null): ChosenCa {
  if (ca?.startsWith('https://')) {
    const fault = directoryFault(ca)
    if (fault !== null) throw new UsageError(`--ca ${ca} ${fault}`)
    return { name: new URL(ca).hostname, directories: [ca] }
  }
  const candidates = candidatesOf(mode, config)
  if (ca === undefined) {
    if (candidates.length === 1) return candidates[0]!
    const where = mode === 'relay' ? 'relay' : 'intercept.cas'
    throw new UsageError(
      candidates.length === 0
        ? `--ca must say which CA: ${config === null ? `there is no configuration, so a directory URL or one of ${WITH_DIRECTORY.join(', ')}` : `${where} names none`}`
        : `--ca must say which CA: ${candidates.map(({ name }) => name).join(', ')}`,
    )
  }
  const named = candidates.find(({ name }) => name === ca)
  if (named !== undefined) return named
  if (config === null && Object.hasOwn(PRESETS, ca)) {
    const { directories } = PRESETS[ca as keyof typeof PRESETS]
    if (directories.length > 0) return { name: ca, directories }
  }
  const known = (config === null ? WITH_DIRECTORY : candidates.map(({ name }) => name)).join(', ')
  const advice =
    config !== null && Object.hasOwn(config.cas, ca)
      ? mode === 'relay'
        ? `no relay stands for ${ca}: add { host: …, ca: ${ca} } under relay`
        : `${ca} is not intercepted: add it to intercept.cas`
      : `no CA is called ${JSON.stringify(ca)}; known: ${known === '' ? 'none' : known}, or a directory URL`
  throw new UsageError(advice)
}

function candidatesOf(mode: EnrolMode, config: Config | null): ChosenCa[] {
  if (config === null) return []
  const names = mode === 'relay' ? config.relay.map(({ ca }) => ca) : config.intercept.cas
  return [...new Set(names)].map((name) => ({ name, directories: config.cas[name]?.directory ?? [] }))
}

/** `http://[user@]host:port`. A password in it is refused: command lines are seen by others. */
export function parseProxy(text: string): ProxyAddress {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new UsageError(`the proxy must be http://host:port, not ${JSON.stringify(text)}`)
  }
  if (url.password !== '') {
    throw new UsageError(
      'a password does not belong on a command line: write http://user@host:port; where the lines run, ACMETAP_PROXY_PASSWORD holds it',
    )
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '') {
    throw new UsageError(`the proxy ends after its port: ${url.protocol}//${url.host}`)
  }
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)$/.test(url.hostname)) {
    throw new UsageError(`${JSON.stringify(url.hostname)} is not a host name`)
  }
  if (!/^[A-Za-z0-9._@%-]*$/.test(url.username)) throw new UsageError('the proxy user holds odd characters')
  const scheme = url.protocol === 'https:' ? 'https' : 'http'
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port)
  return { scheme, host: url.hostname, port, user: url.username === '' ? null : url.username }
}

function proxyOf({ proxy, mode }: EnrolOptions, config: Config | null): ProxyAddress {
  if (proxy !== undefined) return parseProxy(proxy)
  if (config === null) {
    if (mode === 'relay' || mode === 'broker')
      return { scheme: 'http', host: 'localhost', port: 3128, user: null }
    throw new UsageError('--proxy must name acmetap as http://host:port, for there is no configuration')
  }
  const { names, port } = config.listeners.proxy
  const name = names[0]!
  return { scheme: 'http', host: isIPv6(name) ? `[${name}]` : name, port, user: null }
}

function relayedOf(ca: ChosenCa, { ca: asked }: EnrolOptions, config: Config | null): string[] {
  const host = config?.relay.find((one) => one.ca === ca.name)?.host
  if (host === undefined) {
    throw new UsageError(
      `--mode relay needs a configuration whose relay stands for the CA${asked === undefined ? '' : ` ${asked}`}`,
    )
  }
  return ca.directories.map((directory) => `https://${host}${new URL(directory).pathname}`)
}

async function interceptionRoots(config: Config | null): Promise<Certificate[]> {
  if (config === null) throw noRoot()
  const folder = new AuthorityFolder(config.data)
  const [current, next] = await Promise.all([folder.readCurrent(), folder.readNext()]).catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'EACCES'
        ? new CliError(
            `no right to read ${folder.path}`,
            'Run this as the user that runs the server, or as root.',
          )
        : error
    },
  )
  if (current === null) {
    throw new CliError(
      `there is no interception root yet in ${folder.path}`,
      'It is made at the first start with intercept.cas: acmetap serve. Or name a PEM file with --root.',
    )
  }
  const roots = [current, ...(next === null ? [] : [next])].flatMap(({ root }) => parseCertificates(root))
  return roots.filter(({ sha256 }, at) => roots.findIndex((one) => one.sha256 === sha256) === at)
}

function listenerRoots(config: Config | null): Certificate[] {
  if (config === null) throw noRoot()
  if (config.listeners.acme.certificate !== undefined) {
    throw new CliError(
      'listeners.acme.certificate is set, so only you know which root signed it',
      'Name it with --root FILE.',
    )
  }
  return readCertificates(join(config.data, 'listener-root.pem'))
}

function proxyRoots(config: Config | null): Certificate[] {
  if (config === null) {
    throw new CliError(
      'an https:// proxy needs the listener root, and there is no configuration that says where it is',
      'Use --config FILE, or an http:// proxy URL: what goes through it is under TLS anyway.',
    )
  }
  if (config.listeners.proxy.certificate !== undefined) return []
  return readCertificates(join(config.data, 'listener-root.pem'))
}

function noRoot(): CliError {
  return new CliError(
    'there is no configuration, so the root is not known',
    'Name a PEM file with --root; it is at http://<proxy>/root.pem. Compare its fingerprint with: acmetap root show',
  )
}

export function readCertificates(file: string): Certificate[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CliError(
      code === 'ENOENT' ? `there is no ${file}` : `${file} cannot be read: ${message}`,
      code === 'ENOENT' ? 'acmetap makes its roots at the first start: acmetap serve' : null,
    )
  }
  const certificates = parseCertificates(text)
  if (certificates.length === 0) throw new CliError(`${file} holds no certificate in PEM`)
  return certificates
}

export function parseCertificates(text: string): Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => {
    const parsed = new X509Certificate(block)
    return { pem: parsed.toString(), sha256: parsed.fingerprint256.replaceAll(':', '') }
  })
}
