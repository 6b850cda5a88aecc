import { z } from 'zod'
import { applyExample, chainExample, linesExample, planExample } from '../engine-examples.ts'
import { eventLines } from '../event-lines.ts'
import { Content, type Route, route } from '../route.ts'
import { lineNumber, planId, planWanted, reissuePlans, shownPlan } from '../schemas/engine.ts'
import { found } from './found.ts'

const id = planId.meta({ example: planExample.id })
const NO_PLAN = 'there is no plan with this id; see acmetap reissue plans'
const { lines: _lines, ...planWithoutLines } = planExample

export const reissueRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/reissue/plans',
    id: 'listReissuePlans',
    tag: 'reissue',
    summary: 'Plans, without their lines, newest first',
    role: 'viewer',
    noted: 'reissue/plans',
    answer: reissuePlans,
    example: { plans: [planWithoutLines] },
    handle: async ({ engine }) => ({ plans: await engine.plans() }),
  }),
  route({
    method: 'POST',
    path: '/reissue/plans',
    id: 'makeReissuePlan',
    tag: 'reissue',
    summary: 'Choose certificates to obtain again: what, why, how, and what cannot be done. Nothing is sent',
    role: 'operator',
    status: 201,
    body: planWanted,
    bodyExample: { where: planExample.where },
    answer: shownPlan,
    example: planExample,
    refuses: [409],
    handle: ({ engine }, { body, actor }) => engine.makePlan(body, actor),
  }),
  route({
    method: 'GET',
    path: '/reissue/plans/{id}',
    id: 'getReissuePlan',
    tag: 'reissue',
    summary: 'One plan with its lines, and how far each is',
    role: 'viewer',
    noted: 'reissue/plan',
    params: z.strictObject({ id }),
    answer: shownPlan,
    example: planExample,
    refuses: [404],
    handle: async ({ engine }, { params }) => found(await engine.plan(params.id), NO_PLAN),
  }),
  route({
    method: 'POST',
    path: '/reissue/plans/{id}/apply',
    id: 'applyReissuePlan',
    tag: 'reissue',
    summary: 'Obtain what the plan says, line by line; one that was stopped is gone on with',
    description:
      'One JSON object a line: the progress of each job, `line` whenever one stands otherwise, at the end `end` with the plan, or `failed` with a detail. Empty lines mean nothing. Hang up to stop it after the lines that run.',
    role: 'operator',
    params: z.strictObject({ id }),
    answer: { 'application/x-ndjson': { schema: z.string(), example: linesExample(applyExample) } },
    refuses: [404, 409, 429, 502],
    async handle({ engine }, { params, actor, ended, takePlace }) {
      takePlace('feeds')
      return eventLines(engine.applyPlan(params.id, actor, ended))
    },
  }),
  route({
    method: 'GET',
    path: '/reissue/plans/{id}/lines/{line}/pem',
    id: 'pickUpReissued',
    tag: 'reissue',
    summary: 'The certificate that took the place of the one in this line, with its chain, as PEM',
    role: 'viewer',
    noted: 'reissue/certificate',
    params: z.strictObject({ id, line: lineNumber.meta({ example: '1' }) }),
    answer: { 'application/pem-certificate-chain': { schema: z.string(), example: chainExample } },
    refuses: [404],
    async handle({ engine }, { params }) {
      const pem = found(
        await engine.pickup(params.id, params.line),
        'there is no certificate: no such plan or line, or the line is not done',
      )
      return new Content('application/pem-certificate-chain', pem)
    },
  }),
]
