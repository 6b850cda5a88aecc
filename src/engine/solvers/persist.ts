/** dns-persist-01: nothing is presented. The record that stays is looked at, so that no attempt is spent without it. */

import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Clock } from '../../exchange/clock.ts'
import { createDnsView, type DnsViewDeps } from '../dns-name/dns-view.ts'
import { complaints, passedOver } from '../dns-name/visibility.ts'
import { lintPersist } from '../dns-persist/lint-persist.ts'
import { persistRecord, persistRecordName } from '../dns-persist/persist-record.ts'
import type { Attempt, Solver } from '../solver.ts'
import { solverError } from './solver-error.ts'

export type PersistSettings = Pick<SolverConfig, 'propagation'>

export interface PersistDeps extends DnsViewDeps {
  readonly clock: Clock
}

/** It is looked at with each certificate: every second month, with the longest lives. */
const WARN_DAYS = 90

export function createPersist(name: string, { propagation }: PersistSettings, deps: PersistDeps): Solver {
  const view = createDnsView(name, propagation, deps)
  return {
    name,
    types: ['dns-persist-01'],
    async present() {},
    async ready(attempt, context) {
      if (propagation.check === 'none') return
      const about = attempt.identifier.value
      if (attempt.issuerDomainNames.length === 0)
        throw solverError(name, about, 'the challenge names no issuer domain (issuer-domain-names)')
      const { asked, servers } = await view.watched(persistRecordName(about), about, context)
      const warnings = new Set<string>()
      const judge = (texts: readonly string[]) => {
        const lint = lintPersist(texts, {
          issuers: attempt.issuerDomainNames,
          accountUrl: attempt.accountUrl,
          wildcard: attempt.wildcard,
          now: Math.floor(deps.clock.now().wall / 1_000_000),
          warnDays: WARN_DAYS,
        })
        for (const warning of lint.warnings) warnings.add(warning)
        return lint.ok ? null : lint.faults.join(', ')
      }
      const sights = await view.look(servers, asked, judge, context.signal)
      const seen = sights.filter(({ sight }) => sight.state === 'seen').length
      if (seen === 0 || sights.some(({ sight }) => sight.state === 'missing'))
        throw solverError(
          name,
          about,
          `${persistRecordName(about)}: ${complaints(sights)}. Publish: ${wantedRecord(attempt)}`,
        )
      const warn = context.warn ?? context.progress
      for (const warning of warnings) warn(`${persistRecordName(about)}: ${warning}`)
      const others = passedOver(sights)
      if (others.length > 0) context.progress(`passed over: ${complaints(others)}`)
    },
    async cleanUp() {},
  }
}

function wantedRecord({ identifier, issuerDomainNames, accountUrl, wildcard }: Attempt): string {
  const issuer = issuerDomainNames[0]!
  return persistRecord(identifier.value, { issuer, accountUrl, wildcard, persistUntil: null })
}
