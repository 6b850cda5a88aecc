import { challenge, challengeFilter } from '../../audit/inventory/challenge.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { challengeExample } from '../examples.ts'
import { type Route, route } from '../route.ts'

export const challengeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/challenges',
    id: 'listChallenges',
    tag: 'challenges',
    summary: 'Challenges that a client answered or a CA judged (RFC 8555 §8)',
    role: 'viewer',
    noted: 'challenges',
    query: challengeFilter,
    answer: pageOf('challenges', challenge),
    example: { challenges: [challengeExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.challenges(query)
      return { challenges: items, next }
    },
  }),
]
