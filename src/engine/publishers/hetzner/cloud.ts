/** RRsets of the Cloud console. Records are added and removed one by one; each change is an action that takes time. */
import { z } from 'zod'
import type { Publisher } from '../../publisher.ts'
import type { Provider, Task } from '../provider/provider.ts'
import { createRecordPublisher } from '../provider/record-publisher.ts'
import { quoteTxt, readTxt } from '../provider/txt-content.ts'
import { untilArrived } from '../provider/until-arrived.ts'
import { longestSuffix, nameWithin, type ProviderZone } from '../provider/zones.ts'

interface Zone extends ProviderZone {
  readonly id: number
}

/** Seconds. */
const LEAST_TTL = 60

const ZONE = z.object({ zone: z.object({ id: z.number(), name: z.string(), mode: z.string() }) })
const SET = z.object({
  rrset: z.object({ ttl: z.number().nullable(), records: z.array(z.object({ value: z.string() })) }),
})
const ACTION = z.object({
  action: z.object({
    id: z.number(),
    status: z.enum(['running', 'success', 'error']),
    error: z.object({ code: z.string(), message: z.string() }).nullish(),
  }),
})

export function createHetznerCloud(provider: Provider): Publisher {
  const contents = async (zone: Zone, task: Task): Promise<readonly string[]> => {
    const doing = `the look for TXT records in zone ${zone.name}`
    const answer = await provider.expect({ path: setOf(zone, task) }, [200, 404], doing, task)
    if (answer.status === 404) return []
    return provider.read(answer, SET, doing, task).rrset.records.map(({ value }) => value)
  }

  const act = async (
    zone: Zone,
    action: string,
    body: object,
    task: Task,
    done: (now: readonly string[]) => boolean,
  ) => {
    const doing = `${action} in zone ${zone.name}`
    const path = `${setOf(zone, task)}/actions/${action}`
    const answer = await provider.call({ method: 'POST', path, json: body, repeatable: true }, task)
    if (answer.status !== 201) {
      // It says in several ways that somebody else was faster.
      if ([404, 409, 422].includes(answer.status) && done(await contents(zone, task))) return
      throw provider.refusal(answer, doing, task)
    }
    let { action: state } = provider.read(answer, ACTION, doing, task)
    const look = async () => {
      if (state.status === 'running') {
        const again = await provider.expect({ path: `/actions/${state.id}` }, [200], doing, task)
        state = provider.read(again, ACTION, doing, task).action
      }
      if (state.status !== 'error') return state.status === 'success'
      const { code = 'no code', message = 'without a word' } = state.error ?? {}
      throw provider.fault(`gave up ${doing}: ${message} (${code}). Look at the zone in its console`, task)
    }
    await untilArrived(provider, look, doing, task)
  }

  return createRecordPublisher<Zone>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const doing = `the look for zone ${candidate}`
      const path = `/zones/${encodeURIComponent(candidate)}`
      const answer = await provider.expect({ path }, [200, 404], doing, task)
      if (answer.status === 404) return null
      const { zone } = provider.read(answer, ZONE, doing, task)
      if (zone.mode === 'secondary')
        throw provider.fault(
          `has zone ${zone.name} as a secondary only: name a solver that writes to its primary server`,
          task,
        )
      return zone.name === candidate ? zone : null
    }),
    // What it has instead of an id is the content itself.
    list: async (zone, task) =>
      (await contents(zone, task)).map((content) => ({ id: content, value: readTxt(content) })),
    async create(zone, { value, ttl }, task) {
      const isNew = (await contents(zone, task)).length === 0
      const body = {
        // A set that is there keeps its own.
        ...(isNew ? { ttl: Math.max(ttl, LEAST_TTL) } : {}),
        records: [{ value: quoteTxt(value) }],
      }
      await act(zone, 'add_records', body, task, (now) => now.some((content) => readTxt(content) === value))
    },
    remove: (zone, id, task) =>
      act(zone, 'remove_records', { records: [{ value: id }] }, task, (now) => !now.includes(id)),
  })
}

function setOf(zone: Zone, { about }: Task): string {
  return `/zones/${zone.id}/rrsets/${encodeURIComponent(nameWithin(about, zone))}/TXT`
}
