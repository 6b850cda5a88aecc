import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PROBLEM_TYPES, type ProblemName, problemUrn } from '../../../src/acme/problem-types.ts'
import { certbotArguments } from '../../../src/cli/demo/certbot.ts'
import { type CollectedText, textsOf } from '../../audit/diagnosis/collected-texts.ts'
import { type OrderDocument, readJson } from '../acme-client.ts'
import { type EabCredentials, runClient, type Surroundings } from '../peers/client.ts'
import { Refusal } from '../test-ca/answer.ts'
import type { TestCa } from '../test-ca/test-ca.ts'
import { BrokerClient, type ServedBroker } from './served-broker.ts'
import { certificateRequest } from './tenant-world.ts'

export const STEPS = ['newOrder', 'validation', 'finalize'] as const
export type Step = (typeof STEPS)[number]
/**
 * `certbot, mended`: with what later versions of josepy have. Debian 12's loses nearly every error of a CA on its way to the
 * terminal (`AttributeError: can't set attribute`, whatever server said it), and has it in its log alone.
 */
export const TELLERS = ['wire', 'certbot', 'certbot, mended', 'lego'] as const
export type Teller = (typeof TELLERS)[number]

/** A text of a CA that it says at a step, to the client behind acmetap that is looked at. */
export interface ToldError {
  readonly text: CollectedText
  readonly step: Step
  readonly teller: Teller
  /** What is ordered. */
  readonly name: string
  /** Whether the CA adds a subproblem for each of two names. */
  readonly hasSubproblems: boolean
  /** The CA by itself, where what it says would be held against orders that come later; else the lane's. */
  readonly ca: string | null
}

/** Seconds: longer than acmetap perseveres, so that it does not try again while somebody waits. */
const RETRY_AFTER = 3600
const HELP = '<https://letsencrypt.org/docs/rate-limits>;rel="help"'

/** Every text of Boulder's, at every step on the wire, and where Boulder says it to the clients too. */
export function toldErrors(most: number): readonly ToldError[] {
  const texts = textsOf('boulder')
  const stride = Math.max(1, Math.floor(texts.length / most))
  const chosen = texts.filter((_, place) => place % stride === 0).slice(0, most)
  return chosen.flatMap((text, place) =>
    STEPS.filter((step) => isSaid(text, step)).flatMap((step) =>
      TELLERS.filter((teller) => teller === 'wire' || isUsual(text, step)).map((teller): ToldError => {
        const about = `${step.toLowerCase()}-${teller.replaceAll(/[^a-z]/g, '')}-${place}`
        return {
          text,
          step,
          teller,
          name: `www.${about}.test`,
          hasSubproblems: step !== 'validation' && place % 2 === 1,
          ca: isRemembered(text) ? about : null,
        }
      }),
    ),
  )
}

/** At finalize acmetap tries what may pass again, for as long as clients poll: that is another matter. */
function isSaid(text: CollectedText, step: Step): boolean {
  if (step === 'finalize') return text.type !== 'badNonce' && !isPause(text)
  return step === 'newOrder' || !isRemembered(text)
}

/** Whether it is what a CA says then: of a validation, of an order, or (CAA is looked at twice) of both. */
function isUsual({ operation, type }: CollectedText, step: Step): boolean {
  const isOfValidation = operation === 'authorization'
  if (step === 'validation') return isOfValidation
  return step === 'finalize' ? !isOfValidation || type === 'caa' : !isOfValidation
}

function isRemembered({ type }: CollectedText): boolean {
  return type === 'rateLimited' || type === 'badNonce'
}

const isPause = ({ detail }: CollectedText) => detail.startsWith('Your account is temporarily prevented')

/** What the CA is going to say. */
export function inject(ca: TestCa, { text, step, name, hasSubproblems }: ToldError): void {
  ca.clearScript()
  const type = text.type as ProblemName
  const status = text.status >= 400 ? text.status : PROBLEM_TYPES[type].status
  ca.validate(() => (step === 'validation' ? new Refusal(type, text.detail, {}, status) : null))
  if (step === 'validation') return
  const subproblems = [name, `other.${name}`].map((value) => subproblemOf(type, value))
  const document = {
    type: problemUrn(type),
    detail: text.detail,
    status,
    ...(hasSubproblems ? { subproblems } : {}),
  }
  ca.script(
    { operation: step },
    {
      kind: 'answer',
      status,
      fields: [
        ['Content-Type', 'application/problem+json'],
        ['Link', HELP],
        ...(isLimit(text) ? ([['Retry-After', String(RETRY_AFTER)]] as const) : []),
      ],
      body: JSON.stringify(document),
    },
  )
}

const isLimit = (text: CollectedText) => text.type === 'rateLimited' && !isPause(text)

function subproblemOf(type: ProblemName, value: string) {
  return {
    type: problemUrn(type),
    detail: `about ${value} in particular`,
    identifier: { type: 'dns', value },
  }
}

/** What came through, as far as there was something. */
export interface Seen {
  readonly detail: 'terminal' | 'log' | 'no'
  readonly type: boolean
  readonly subproblems: boolean | null
  /** Retry-After and Link; null where they do not show. */
  readonly fields: boolean | null
  /** All of it, for whoever looks why. */
  readonly output: string
}

/** One after the other: what the CA says is said to whoever comes. */
export class ErrorLane {
  readonly #server: ServedBroker
  readonly #ca: TestCa
  readonly #base: string
  readonly #eab: EabCredentials
  readonly #folder: string
  readonly #wire: Promise<BrokerClient>

  constructor(server: ServedBroker, ca: TestCa, endpoint: string, eab: EabCredentials) {
    this.#server = server
    this.#ca = ca
    this.#base = `${server.origin}/${endpoint}`
    this.#eab = eab
    this.#folder = join(server.folder, endpoint)
    this.#wire = new BrokerClient(server.transport, this.#base).register(eab)
  }

  async tell(error: ToldError): Promise<Seen> {
    const wire = await this.#wire
    inject(this.#ca, error)
    const seen = error.teller === 'wire' ? await overWire(wire, error) : await this.#byClient(error)
    return seen
  }

  async #byClient(error: ToldError): Promise<Seen> {
    const folder = join(this.#folder, error.teller.replaceAll(/[^a-z]/g, ''))
    await mkdir(folder, { recursive: true })
    const trust = join(folder, 'trust.pem')
    await writeFile(trust, this.#server.acmetap.trust)
    const surroundings = {
      folder,
      directory: `${this.#base}/directory`,
      trust,
      webroot: folder,
      dnsManagement: '',
      dnsServer: '',
      eab: this.#eab,
    }
    const names = [error.name, `other.${error.name}`]
    const { output } = await (error.teller === 'lego'
      ? runLego(surroundings, names)
      : runCertbot(surroundings, names, error.teller === 'certbot, mended'))
    const log = await readFile(join(folder, 'logs', 'letsencrypt.log'), 'utf8').catch(() => '')
    const { detail } = error.text
    const where = has(output, detail) ? 'terminal' : has(log, detail) ? 'log' : 'no'
    // certbot has on its terminal what a person is to read, and the rest in its log; lego has no log.
    const told = `${output}\n${log}`
    return {
      detail: where,
      type: typesOf(error).some((type) => has(told, type)),
      subproblems: error.hasSubproblems ? hasSubproblems(told, error) : null,
      fields: null,
      output,
    }
  }
}

/** For several names, which the clients of test/support/peers don't order: subproblems are about one of them each. */
async function runCertbot(surroundings: Surroundings, names: readonly string[], isMended: boolean) {
  const { folder, directory, trust, webroot, eab } = surroundings
  if (isMended) await writeFile(join(folder, 'sitecustomize.py'), MENDED)
  const args = certbotArguments({
    folder,
    server: directory,
    arguments: [
      'certonly',
      ...['--webroot', '--webroot-path', webroot, '--agree-tos', '--register-unsafely-without-email'],
      ...['--eab-kid', eab!.kid, '--eab-hmac-key', eab!.mac],
      ...names.flatMap((name) => ['-d', name]),
    ],
  })
  const environment = { REQUESTS_CA_BUNDLE: trust, ...(isMended ? { PYTHONPATH: folder } : {}) }
  return runClient('certbot', args, surroundings, environment)
}

/** What Python itself sets on an exception that passes through a context may be set. */
const MENDED = `import josepy.util

def set_attribute(self, name, value):
    if not (isinstance(self, BaseException) and name.startswith('__')):
        raise AttributeError("can't set attribute")
    Exception.__setattr__(self, name, value)

josepy.util.ImmutableMap.__setattr__ = set_attribute
`

function runLego(surroundings: Surroundings, names: readonly string[]) {
  const { folder, directory, trust, webroot, eab } = surroundings
  const args = [
    ...['--server', directory, '--path', join(folder, 'lego')],
    ...['--accept-tos', '--email', 'operator@example.test'],
    ...['--eab', '--kid', eab!.kid, '--hmac', eab!.mac, '--http', '--http.webroot', webroot],
    ...names.flatMap((name) => ['--domains', name]),
    'run',
  ]
  return runClient('lego', args, surroundings, { LEGO_CA_CERTIFICATES: trust })
}

async function overWire(client: BrokerClient, error: ToldError): Promise<Seen> {
  const ordered = await client.order([error.name, `other.${error.name}`])
  let answer = ordered
  if (ordered.status === 201) {
    const { csr } = certificateRequest([error.name, `other.${error.name}`])
    answer = await client.post(readJson<OrderDocument>(ordered).finalize, { csr: csr.toString('base64url') })
  }
  const { status, fields, body } = answer
  const text = body.toString()
  const problem = JSON.parse(text) as { type?: string; detail?: string }
  const wait = isLimit(error.text) && error.step === 'newOrder' ? Number(fields['retry-after']) : null
  const waits = wait === null || (wait > RETRY_AFTER - 60 && wait <= RETRY_AFTER)
  return {
    detail: status >= 400 && problem.detail?.includes(error.text.detail) === true ? 'terminal' : 'no',
    type: typesOf(error).includes(problem.type ?? ''),
    subproblems: error.hasSubproblems ? hasSubproblems(text, error) : null,
    fields: error.step === 'newOrder' ? waits && fields.link?.includes(HELP) === true : null,
    output: `${status} ${JSON.stringify(fields)} ${text}`,
  }
}

/** What the client may be told: the CA's type, or that an order that the CA made invalid meanwhile is not ready. */
function typesOf({ text, step }: ToldError): readonly string[] {
  // What is about acmetap's own requests there would have a client do something about its own.
  if (text.type === 'badNonce') return [problemUrn('serverInternal')]
  const type = problemUrn(text.type as ProblemName)
  return step === 'validation' ? [type, problemUrn('orderNotReady')] : [type]
}

function hasSubproblems(output: string, { name }: ToldError): boolean {
  return [name, `other.${name}`].every((value) => has(output, `about ${value} in particular`))
}

/** Whatever a terminal makes of its lines. */
function has(output: string, text: string): boolean {
  const plain = (value: string) => value.replaceAll(/\s+|\\(?=")/g, '')
  return plain(output).includes(plain(text))
}
