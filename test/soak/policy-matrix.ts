import { runDrillInNamespace } from '../policy-matrix/run-in-namespace.ts'
import type { Soak } from './soak.ts'

const LONGEST = 3_600_000

export const policyMatrix: Soak = {
  proves: 'each condition and effect with real clients in relay and intercept; nothing denied reaches the CA',
  unit: 'runs',
  size: 1,
  async run({ size, progress }) {
    const figures: Record<string, number | string> = {}
    const failures: string[] = []
    for (let at = 0; at < size; at += 1) {
      const drill = await runDrillInNamespace(['everything'], LONGEST)
      const { results, reloads, decided, denied, deniedAtCa, passed, passedAtCa, clients } = drill
      for (const { mode, shows, client, side, wrong } of results)
        if (wrong !== null) failures.push(`${mode}, ${shows}, ${client} ${side}: ${wrong}`)
      failures.push(...drill.differences)
      Object.assign(figures, {
        'conditions and effects': new Set(results.map(({ shows }) => shows)).size,
        cases: results.length,
        'policies loaded': reloads,
        'requests decided': decided,
        denied,
        'denied, and at the CA': deniedAtCa,
        passed,
        'passed, and at the CA': passedAtCa,
        'clients in relay': clients.relay.join(', '),
        'clients in intercept': clients.intercept.join(', '),
      })
      progress(`${at + 1} of ${size}`)
    }
    return { figures, failures, late: [] }
  },
}
