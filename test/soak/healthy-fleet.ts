import { type FleetReport, simulateFleet } from '../support/alerts/healthy-fleet.ts'
import { DAY, HOUR } from '../support/alerts/how-things-stand.ts'
import type { Soak } from './soak.ts'

const DAYS = 30
const DEAD = 10
const FAILING = 3

/** Rules over how things stand, over a month of a fleet that is well but for the hosts that were made to fail. */
export const healthyFleet: Soak = {
  proves:
    'a month of a healthy fleet gives at most one false alarm a week, and every dead or failing host is found in time',
  unit: 'hosts',
  size: 1_000,
  async run({ size, seed, progress }) {
    const report = simulateFleet({
      hosts: size,
      days: DAYS,
      seed,
      every: HOUR / 2,
      dead: DEAD,
      failing: FAILING,
      progress,
    })
    return { figures: figuresOf(report), failures: faultsOf(report, DAYS), late: [] }
  },
}

/** What the fleet must show: at most one false alarm a week, and nothing that was planted missed or found late. */
export function faultsOf({ falseAlarms, planted }: FleetReport, days: number): string[] {
  const failures: string[] = []
  if (falseAlarms.length > days / 7) {
    failures.push(
      `${falseAlarms.length} false alarms in ${days} days: ${falseAlarms.map(({ title }) => title).join('; ')}`,
    )
  }
  if (planted.length < DEAD + FAILING) failures.push(`only ${planted.length} hosts could be made to fail`)
  for (const { what, program, due, found } of planted) {
    if (found === null) failures.push(`a ${what} ${program} was not found`)
    else if (found.at > due)
      failures.push(`a ${what} ${program} was found ${((found.at - due) / HOUR).toFixed(1)} h late`)
  }
  return failures
}

function figuresOf(report: FleetReport): Record<string, number | string> {
  const { falseAlarms, planted, maintenanceTold, renewals, exchanges, looks, slowest } = report
  const foundBy = planted.map(
    ({ what, program, from, found }) =>
      [
        `${what} ${program}`,
        found === null ? 'not found' : `${found.rule}, ${((found.at - from) / DAY).toFixed(1)} d`,
      ] as const,
  )
  return {
    exchanges,
    renewals,
    looks,
    'slowest look of all rules (ms)': Math.round(slowest),
    'false alarms': falseAlarms.length,
    'maintenance of the CA told': maintenanceTold,
    ...Object.fromEntries(foundBy.map(([host, found], n) => [`${n + 1}. ${host}`, found])),
  }
}
