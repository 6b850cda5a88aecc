import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { Command } from 'commander'
import { whyNotPublic } from '../../../ca/address-class.ts'
import { parsePlace, systemResolvers } from '../../../ca/dns/resolver.ts'
import { ConfigError } from '../../../config/config-error.ts'
import { isDnsName } from '../../../config/values.ts'
import {
  CHALLENGE_TYPES,
  type ChallengeType,
  type DomainProbe,
  type Issuer,
} from '../../../engine/preflight/examination.ts'
import { examineDomain } from '../../../engine/preflight/examine-domain.ts'
import { issuerOfDomain, issuerOfPreset, PUBLIC_CAS } from '../../../engine/preflight/issuers.ts'
import { CliError, UsageError } from '../../cli-error.ts'
import { type CommandContext, command, configOf } from '../../command-context.ts'
import { writeJson } from '../../terminal.ts'
import { renderFinding } from '../render-finding.ts'

interface Options {
  readonly challenge?: string
  readonly ca?: string
  readonly account?: string
  readonly resolver?: string
  readonly port?: string
  readonly json?: boolean
}

const PATIENCE = { dns: 3000, answer: 10_000, all: 90_000 }

export function domainCommand(context: CommandContext) {
  return (
    command('domain', 'look at a name as a CA does before it issues; exit code 1 if anything is wrong', [
      ['doctor domain www.example.org', 'addresses, DNSSEC, CAA, and what answers on port 80'],
      [
        "doctor domain '*.example.org' --ca letsencrypt",
        'a wildcard: the TXT record and every server of its zone',
      ],
      ['doctor domain a.example.org --challenge tls-alpn-01', 'acme-tls/1 on port 443'],
    ])
      // Those of doctor itself look from a client: none of them is meant here.
      .configureHelp({ visibleGlobalOptions: (self) => [...programOf(self).options] })
      .argument('<name>', 'domain name, *.name or IP address')
      .option('--challenge <type>', `${CHALLENGE_TYPES.join(', ')} (default: http-01; dns-01 for a wildcard)`)
      .option(
        '--ca <name>',
        "preset or name of a CA in the configuration, or a CA's issuer domain in CAA records",
      )
      .option('--account <url>', 'account URL that will order, for accounturi in CAA records')
      .option('--resolver <ip>', "ask this resolver (IP, IP:port) instead of the system's")
      .option('--port <number>', 'port of http-01', '80')
      .option('--json', 'as JSON')
      .addHelpText(
        'after',
        '\nIt looks from this machine: 1 vantage point. CAs look from several, and may see another DNS.\nIt sends DNS questions, requests for a random token, and TLS handshakes; nothing else, and nothing to the CA.',
      )
      .action(async (name: string, options: Options, self: Command) => {
        const { terminal } = context
        const probe = probeOf(name, options, context, self)
        const findings = await examineDomain(probe)
        if (findings.failed) context.exitWith(1)
        if (options.json === true || self.optsWithGlobals<Options>().json === true) {
          return writeJson(terminal, { ok: !findings.failed, vantagePoints: 1, findings: findings.all })
        }
        for (const finding of findings.all) terminal.write(renderFinding(finding, terminal))
        terminal.write('1 vantage point: this machine. A CA looks from several places on the Internet.\n')
      })
  )
}

function programOf(command: Command): Command {
  return command.parent === null ? command : programOf(command.parent)
}

function probeOf(written: string, options: Options, context: CommandContext, self: Command): DomainProbe {
  const { name, wildcard } = nameOf(written)
  const inherited = self.optsWithGlobals<Options>()
  return {
    name,
    wildcard,
    challenge: challengeOf(options.challenge),
    issuer: inherited.ca === undefined ? null : issuerOf(inherited.ca, context, self),
    account: accountOf(options.account),
    resolvers: resolversOf(options.resolver),
    ports: { http: portOf(options.port ?? '80'), https: 443, dns: 53 },
    notPublic: whyNotPublic,
    patience: PATIENCE,
  }
}

function nameOf(written: string): { readonly name: string; readonly wildcard: boolean } {
  const bare = written.replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) !== 0) return { name: bare.toLowerCase(), wildcard: false }
  const wildcard = written.startsWith('*.')
  const name = domainToASCII((wildcard ? written.slice(2) : written).replace(/\.$/, '')).toLowerCase()
  if (!isDnsName(name))
    throw new UsageError(
      `${JSON.stringify(written)} is no domain name: write it as www.example.org or *.example.org`,
    )
  return { name, wildcard }
}

function challengeOf(written: string | undefined): ChallengeType | null {
  if (written === undefined) return null
  const known = CHALLENGE_TYPES.find((type) => type === written)
  if (known === undefined)
    throw new UsageError(`--challenge ${JSON.stringify(written)} is none of ${CHALLENGE_TYPES.join(', ')}`)
  return known
}

/** A preset, a CA of the configuration, or an issuer domain, in this order. */
function issuerOf(written: string, context: CommandContext, self: Command): Issuer {
  const lower = written.toLowerCase()
  const preset = issuerOfPreset(lower)
  if (preset !== null) return preset
  const configured = configuredCa(written, context, self)
  if (configured !== null) return configured
  if (lower.includes('.') && isDnsName(lower)) return issuerOfDomain(lower)
  throw new UsageError(
    `--ca ${JSON.stringify(written)} is neither a CA of the configuration nor one of ${PUBLIC_CAS.join(', ')} nor an issuer domain like letsencrypt.org`,
  )
}

/** On other machines than the server there is no configuration, and none is needed. */
function configuredCa(written: string, context: CommandContext, self: Command): Issuer | null {
  try {
    const { cas } = configOf(context, self).config
    const ca = Object.hasOwn(cas, written) ? cas[written] : undefined
    if (ca === undefined) return null
    const known = ca.preset === undefined ? null : issuerOfPreset(ca.preset)
    return (
      known ?? { title: written, domains: ca.directory.map((url) => new URL(url).hostname), isPublic: false }
    )
  } catch (error) {
    if (error instanceof CliError || error instanceof ConfigError) return null
    throw error
  }
}

function accountOf(written: string | undefined): string | null {
  if (written === undefined) return null
  if (!/^https?:\/\//.test(written) || !URL.canParse(written))
    throw new UsageError('--account must be the URL of the account, as acmetap accounts shows it')
  return written
}

function resolversOf(written: string | undefined): DomainProbe['resolvers'] {
  if (written === undefined) return systemResolvers()
  const place = parsePlace(written)
  if (place === null)
    throw new UsageError(`--resolver ${JSON.stringify(written)} is no IP address (IP, IP:port or [IP]:port)`)
  return [place]
}

function portOf(written: string): number {
  const port = Number(written)
  if (!/^\d{1,5}$/.test(written) || port < 1 || port > 65535)
    throw new UsageError(`--port ${JSON.stringify(written)} is no port (1 to 65535)`)
  return port
}
