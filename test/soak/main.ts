/** `npm run soak -- NAME [--size N] [--seed N] [--json FILE]`: the long proofs. Without a name: what there is. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { alertOutbox } from './alert-outbox.ts'
import { alertStorm } from './alert-storm.ts'
import { alertsKill } from './alerts-kill.ts'
import { ambiguity } from './ambiguity.ts'
import { brokerConformance } from './broker-conformance.ts'
import { brokerEabTiming } from './broker-eab-timing.ts'
import { brokerErrors } from './broker-errors.ts'
import { brokerFailover } from './broker-failover.ts'
import { brokerIssuances } from './broker-issuances.ts'
import { brokerKills } from './broker-kills.ts'
import { brokerNonces } from './broker-nonces.ts'
import { brokerProofs } from './broker-proofs.ts'
import { brokerTenants } from './broker-tenants.ts'
import { clientHellos } from './client-hellos.ts'
import { dnsResponder } from './dns-responder.ts'
import { engineEvilCa } from './engine-evil-ca.ts'
import { engineKills } from './engine-kills.ts'
import { engineProgramKills } from './engine-program-kills.ts'
import { engineSolvers } from './engine-solvers.ts'
import { healthyFleet } from './healthy-fleet.ts'
import { hostile } from './hostile.ts'
import { instances } from './instances.ts'
import { inventoryScale } from './inventory-scale.ts'
import { kill } from './kill.ts'
import { leak } from './leak.ts'
import { openProxy } from './open-proxy.ts'
import { policyBypass } from './policy-bypass.ts'
import { policyCsr } from './policy-csr.ts'
import { policyMatrix } from './policy-matrix.ts'
import { policyNames } from './policy-names.ts'
import { policyReload } from './policy-reload.ts'
import { policyReplay } from './policy-replay.ts'
import { rollout } from './rollout.ts'
import type { Soak } from './soak.ts'
import { storeFaults } from './store-faults.ts'
import { syscalls } from './syscalls.ts'

const SOAKS: Readonly<Record<string, Soak>> = {
  kill,
  syscalls,
  'store-faults': storeFaults,
  ambiguity,
  leak,
  hostile,
  'client-hellos': clientHellos,
  rollout,
  instances,
  'open-proxy': openProxy,
  'inventory-scale': inventoryScale,
  'healthy-fleet': healthyFleet,
  'alerts-kill': alertsKill,
  'alert-outbox': alertOutbox,
  'alert-storm': alertStorm,
  'policy-replay': policyReplay,
  'policy-names': policyNames,
  'policy-csr': policyCsr,
  'policy-matrix': policyMatrix,
  'policy-bypass': policyBypass,
  'policy-reload': policyReload,
  'engine-kills': engineKills,
  'engine-evil-ca': engineEvilCa,
  'engine-solvers': engineSolvers,
  'engine-program-kills': engineProgramKills,
  'dns-responder': dnsResponder,
  'broker-failover': brokerFailover,
  'broker-conformance': brokerConformance,
  'broker-tenants': brokerTenants,
  'broker-proofs': brokerProofs,
  'broker-nonces': brokerNonces,
  'broker-errors': brokerErrors,
  'broker-eab-timing': brokerEabTiming,
  'broker-issuances': brokerIssuances,
  'broker-kills': brokerKills,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string' }, seed: { type: 'string', default: '1' }, json: { type: 'string' } },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const [name] = positionals
const soak = name === undefined ? undefined : SOAKS[name]
if (name === undefined || !soak) {
  const table = new Table({
    head: ['name', 'proves', 'size'],
    colWidths: [22, 76, 26],
    wordWrap: true,
    style: { head: [], border: [] },
  })
  for (const [each, { proves, size, unit }] of Object.entries(SOAKS))
    table.push([each, proves, `${size} ${unit}`])
  console.log(`${table.toString()}\nnpm run soak -- NAME [--size N] [--seed N] [--json FILE]`)
  process.exitCode = name === undefined ? 0 : 2
} else {
  const size = Number(values.size ?? soak.size)
  const began = performance.now()
  const time = () => `${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s`
  const {
    figures,
    failures: wrong,
    late,
  } = await soak.run({
    size,
    seed: Number(values.seed),
    progress: (line) => console.error(`${time()}  ${line}`),
  })
  const failures = [...wrong, ...late]
  const table = new Table({ style: { head: [], border: [] } })
  for (const [figure, value] of Object.entries(figures)) table.push([figure, value])
  console.log(table.toString())
  for (const failure of failures) console.log(`FAILED ${failure}`)
  console.log(
    `${name}: ${failures.length === 0 ? 'proved' : `${failures.length} failures`}, ${time().trim()}`,
  )
  if (values.json !== undefined) {
    await writeFile(
      values.json,
      `${JSON.stringify({ name, size, seed: Number(values.seed), figures, failures }, null, 2)}\n`,
    )
  }
  if (failures.length > 0) process.exitCode = 1
}
