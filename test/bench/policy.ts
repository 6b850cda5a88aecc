/**
 * What a decision costs: 1,000 rules of mixed kinds and lists of 100,000 names. `npm run bench:policy`.
 * The aims: 99 of 100 decisions for one name under 100 µs, for a hundred names under 2 ms.
 */
import { compilePolicy } from '../../src/policy/compile.ts'
import { Evaluating, evaluate } from '../../src/policy/evaluate.ts'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { questionText } from '../../src/policy/history.ts'
import { Judging } from '../../src/policy/judging.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { bigPolicy } from '../support/big-policy.ts'
import { dnsNames, POLICY_CLIENT, policyFacts, requestFor } from '../support/policy-documents.ts'

const AIMS = { one: 100, hundred: 2000 } as const

const AGENTS = [
  POLICY_CLIENT.userAgent!,
  'CertbotACMEClient/2.1.0 (certbot; Debian GNU/Linux 12) Authenticator/standalone Installer/None (certonly; flags: n) Py/3.11.2',
  'Caddy/v2.8.4 CertMagic acmez (linux; amd64)',
  'acme.sh/3.0.9 (https://github.com/acmesh-official/acme.sh)',
]

const begin = process.cpuUsage()
const started = performance.now()
const delay = { most: 0 }
const document = bigPolicy(1000, 100_000)
const before = heap()
let last = process.threadCpuUsage()
// Between two turns of the loop, in time of this thread: what other programs take of the machine is not in it.
const beat = setInterval(() => {
  const { user, system } = process.threadCpuUsage(last)
  delay.most = Math.max(delay.most, (user + system) / 1000)
  last = process.threadCpuUsage()
})
const policy = await compilePolicy(document, 'digest')
clearInterval(beat)
const used = process.cpuUsage(begin)
console.log(
  `compiled in ${(performance.now() - started).toFixed(0)} ms (${((used.user + used.system) / 1000).toFixed(0)} ms CPU), longest hold ${delay.most.toFixed(0)} ms, heap ${(heap() - before).toFixed(0)} MB`,
)

const kinds: [string, number, (i: number) => PolicyFacts][] = [
  ['one name that passes', AIMS.one, (i) => request({ identifiers: dnsNames(`h${i}.fleet.example`) }, i)],
  [
    'one name that is listed',
    AIMS.one,
    (i) => request({ identifiers: dnsNames(`h${i}.svc${i % 977}.protected.example`) }, i),
  ],
  [
    'one name that no rule allows',
    AIMS.one,
    (i) => request({ identifiers: dnsNames(`h${i}.elsewhere.example`) }, i),
  ],
  [
    'a hundred names that pass',
    AIMS.hundred,
    (i) => request({ identifiers: hundred((n) => `h${n}-${i}.fleet.example`) }, i),
  ],
  [
    'a hundred names, one of them not',
    AIMS.hundred,
    (i) =>
      request(
        {
          identifiers: hundred((n) =>
            n === i % 100 ? `h${i}.elsewhere.example` : `h${n}-${i}.fleet.example`,
          ),
        },
        i,
      ),
  ],
  [
    'a hundred names that no rule allows',
    AIMS.hundred,
    (i) => request({ identifiers: hundred((n) => `h${n}-${i}.elsewhere.example`) }, i),
  ],
]

kinds.push(
  [
    'one name of a team',
    AIMS.one,
    (i) => request({ identifiers: dnsNames(`team-${teamOf(i)}.fleet.example`) }, i),
  ],
  ['one CSR that passes', AIMS.one, (i) => finalized(dnsNames(`h${i}.fleet.example`), i)],
  [
    'a CSR of a hundred names',
    AIMS.hundred,
    (i) =>
      finalized(
        hundred((n) => `h${n}-${i}.fleet.example`),
        i,
      ),
  ],
)

let failed = false
for (const [kind, aim, facts] of kinds) {
  const { p50, p99, worst, mean } = measured(policy, facts, aim === AIMS.one ? 5000 : 500)
  const judging = new Judging(facts(1), policy.slots)
  new Evaluating(policy, judging).result()
  failed ||= p99 > aim
  console.log(
    `${kind}: p50 ${p50.toFixed(1)} µs, p99 ${p99.toFixed(1)} µs (aim ${aim}), worst ${worst.toFixed(0)} µs, mean ${mean.toFixed(1)} µs CPU; ${judging.worked} conditions worked out`,
  )
}
process.exitCode = failed ? 1 : 0

/** In MB. */
function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

function hundred(name: (n: number) => string) {
  return dnsNames(...Array.from({ length: 100 }, (_, n) => name(n)))
}

/** In µs. The mean is of this thread's processor time: what other programs take of the machine is not in it. */
function measured(policy: Policy, facts: (i: number) => PolicyFacts, runs: number) {
  for (let i = 0; i < runs / 5; i++) evaluate(policy, facts(i))
  const requests = Array.from({ length: runs }, (_, i) => facts(i))
  const times = new Float64Array(runs)
  const begin = process.threadCpuUsage()
  for (const [i, request] of requests.entries()) {
    const before = process.hrtime.bigint()
    evaluate(policy, request)
    times[i] = Number(process.hrtime.bigint() - before) / 1000
  }
  const { user, system } = process.threadCpuUsage(begin)
  times.sort()
  const at = (part: number) => times[Math.floor(runs * part)]!
  return { p50: at(0.5), p99: at(0.99), worst: times.at(-1)!, mean: (user + system) / runs }
}

/** A newOrder of one of many clients, whose history is known. */
function request(more: Partial<PolicyFacts>, i: number): PolicyFacts {
  const history = Object.fromEntries(policy.needs.history.map((question) => [questionText(question), 0]))
  const team = teamOf(i)
  const client = {
    ...POLICY_CLIENT,
    address: `10.${i % 256}.${i % 99}.7`,
    label: `team-${team}`,
    account: `https://ca.example/acct/${i % 1000}`,
    externalAccount: `kid-${i % 1000}`,
    contacts: [`mailto:ops@team-${team}.example`],
    userAgent: AGENTS[i % AGENTS.length]!,
  }
  return policyFacts({ history, client, ...more })
}

function finalized(identifiers: PolicyFacts['identifiers'] & object, i: number): PolicyFacts {
  const asked = { kind: 'finalize', csr: requestFor(identifiers) } as const
  return request({ identifiers, operation: 'finalize', asked, keyUses: [], accountKey: false }, i)
}

/** Those that rules of the second kind are for. */
function teamOf(i: number): number {
  return (i % 50) * 20 + 1
}
